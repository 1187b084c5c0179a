/**
 * Kubernetes of today whose pods run in virtual machines: CRI-O starts each pod that asks for it through Kata Containers, in a
 * machine of its own, and the smoke test proves it. A site adds its hosts; they need KVM.
 */
import { recipe } from '../core/mod.ts';
import { cleanup } from '../plugins/cleanup.ts';
import { cni } from '../plugins/cni.ts';
import { criTools } from '../plugins/cri-tools.ts';
import { crio } from '../plugins/crio.ts';
import { flannel } from '../plugins/flannel.ts';
import { kata } from '../plugins/kata.ts';
import { kubeadm } from '../plugins/kubeadm.ts';
import { kubernetes } from '../plugins/kubernetes.ts';
import { nginxSmoke } from '../plugins/nginx-smoke.ts';
import { preflight } from '../plugins/preflight.ts';
import { runc } from '../plugins/runc.ts';
import { vmClass } from '../plugins/runtime-class.ts';

export default recipe({
  name: 'kata',
  isolation: 'vm',
  plugins: [
    preflight(),
    kubernetes({ version: '1.36.4' }),
    runc({ version: '1.4.3' }),
    cni({ version: '1.9.1', network: 'flannel' }),
    flannel({ version: '0.28.9' }),
    criTools(),
    kata({ version: '4.1.0' }),
    crio({ version: '1.36.3' }),
    kubeadm(),
    vmClass(),
    nginxSmoke(),
    cleanup(),
  ],
});
