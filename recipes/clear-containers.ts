/**
 * The stack of early 2018, for hosts with Ubuntu 16.04: Kubernetes 1.9 on CRI-O 1.9, which starts pods through Clear
 * Containers 3.0.21, each in a virtual machine of its own. An archive, without patches since then and full of known holes: for
 * labs, and for finding out how something behaved. A site adds its hosts, which need KVM. Of Clear Containers there are sources
 * alone, which are built on the controller like the rest.
 *
 * Sources and images are named by commit or digest, and releases by `cc.lock`, also what the scripts of that time took as they
 * found it: CNI plugins, guest, images of the test. Of two releases nobody kept a digest, so `cc lock` asks to trust them at
 * first use; the control plane's images, with that of pauses, go by tags, which kubeadm makes up.
 * Where the scripts went and nothing is any more, another place is asked:
 * - for apt.kubernetes.io the single programs at dl.k8s.io;
 * - for gcr.io/google_containers registry.k8s.io, below the same names;
 * - for storage.googleapis.com/golang go.dev/dl;
 * - for qemu-lite at download.clearlinux.org the QEMU that Kata Containers published;
 * - for kubernetes-incubator at github.com cri-o and kubernetes-sigs.
 */
import { recipe } from '../core/mod.ts';
import { cleanup } from '../plugins/cleanup.ts';
import { clearContainers } from '../plugins/clear-containers.ts';
import { cni } from '../plugins/cni.ts';
import { criTools } from '../plugins/cri-tools.ts';
import { crio } from '../plugins/crio.ts';
import { debian } from '../plugins/debian.ts';
import { flannel } from '../plugins/flannel.ts';
import { golang } from '../plugins/golang.ts';
import { kubeadm } from '../plugins/kubeadm.ts';
import { kubernetes } from '../plugins/kubernetes.ts';
import { nginxSmoke } from '../plugins/nginx-smoke.ts';
import { preflight } from '../plugins/preflight.ts';
import { runc } from '../plugins/runc.ts';

export default recipe({
  name: 'clear-containers',
  isolation: 'vm',
  plugins: [
    preflight(),
    // Static libraries for what is built on the controller; the hosts need none.
    debian(),
    golang({ version: '1.9.2' }),
    kubernetes({ version: '1.9.2' }),
    runc({ version: '1.0.0-rc4', commit: '2e7cfe036e2c6dc51ccca6eb7fa3ee6b63976dcd' }),
    cni({ version: '0.7.0', network: 'flannel' }),
    flannel({
      version: '0.8.0',
      image: 'quay.io/coreos/flannel@sha256:5fa9435c1e95be2ec4daa53a35c39d5e3cc99fce33ed4983f4bb707bc9fc175f',
    }),
    // Of November 2017, as CRI-O's own Dockerfile names it; the version is the first that holds it.
    criTools({ version: '1.0.0-alpha.0', commit: 'b42fc3f364dd48f649d55926c34492beeb9b2e99' }),
    // Ubuntu 16.04 has QEMU 2.5, which knows no NVDIMM.
    clearContainers({ guest: 'release', qemu: 'kata' }),
    // cc-runtime knows cgroups by path, not by the slices of systemd.
    crio({
      version: '1.9.0',
      commit: '814c6ab0913d827543696b366048056a31d9529c',
      cgroupDriver: 'cgroupfs',
    }),
    kubeadm(),
    // nginx-slim 0.8. This CRI-O refuses what newer names stand for, lists of images by processor (its vendored copy.go).
    nginxSmoke({
      nginx:
        'registry.k8s.io/nginx-slim@sha256:8b4501fe0fe221df663c22e16539f399e89594552f400408303c42f3dd8d0e52',
      client:
        'docker.io/appropriate/curl@sha256:c8bf5bbec6397465a247c2bb3e589bb77e4f62ff88a027175ecb2d9e4f12c9d7',
    }),
    cleanup(),
  ],
});
