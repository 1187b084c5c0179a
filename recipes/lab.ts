/**
 * A throw-away machine from Debian alone, with a Kubernetes built from Debian's sources: the whole job, for real, without
 * touching the host it runs on. Its pods share the machine's kernel.
 */
import { recipe } from '../core/mod.ts';
import { cleanup } from '../plugins/cleanup.ts';
import { cni } from '../plugins/cni.ts';
import { containerd } from '../plugins/containerd.ts';
import { debian } from '../plugins/debian.ts';
import { golang } from '../plugins/golang.ts';
import { images } from '../plugins/images.ts';
import { kubeadm } from '../plugins/kubeadm.ts';
import { kubernetes } from '../plugins/kubernetes.ts';
import { machine } from '../plugins/machine.ts';
import { nginxSmoke } from '../plugins/nginx-smoke.ts';
import { preflight } from '../plugins/preflight.ts';
import { runc } from '../plugins/runc.ts';

export default recipe({
  name: 'lab',
  isolation: 'none',
  plugins: [
    preflight(),
    debian({ suites: ['bookworm', 'bullseye'] }),
    machine({ machines: { lab: { address: '198.18.77.11', roles: ['control-plane'] } } }),
    // Newer ones build a Kubernetes 1.20 that panics: its vendored reflect2 does not know their maps.
    golang({ from: 'debian', version: '1.15', suite: 'bullseye' }),
    kubernetes({
      version: '1.20.2',
      from: 'source',
      imageRepository: 'registry.lab',
      commit: 'faecb196815e248d3ecfb03c680a4507229c2a56',
      date: '2021-01-13T13:20:00Z',
      tags: ['providerless'],
    }),
    images(),
    runc({ from: 'debian' }),
    cni({ from: 'debian' }),
    containerd({ from: 'debian', cgroupDriver: 'cgroupfs', confined: true }),
    kubeadm({
      // CoreDNS is in no Debian release.
      dns: false,
      // kubeadm's checks call crictl, which is in none either.
      preflight: false,
    }),
    nginxSmoke(),
    cleanup(),
  ],
});
