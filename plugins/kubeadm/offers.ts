/** Commands for who uses the cluster: `cc kubectl`. */
import type { Offer } from '../../core/mod.ts';
import type { Access } from '../kubectl/api.ts';

/** The host whose credentials are asked for: others of the control plane have the same. */
const PLANE = { firstOf: 'control-plane' };

/** The variable, and no option, since kubectl takes some words only in the first place. */
export function kubectlOffer({ kubectl, kubeconfig }: Access): Offer {
  return {
    name: 'kubectl',
    does: 'runs kubectl on the first host of the control plane, as the administrator of the cluster. Files that it is given are those of that host; "-f -" reads what you give it here',
    takes: '[WORDS...]',
    on: PLANE,
    argv: (words) => ['env', `KUBECONFIG=${kubeconfig}`, kubectl, ...words],
  };
}
