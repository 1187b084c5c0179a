/** Commands for who uses the cluster: `cc kubectl` and `cc kubeconfig`. */
import { fail, type Offer } from '../../core/mod.ts';
import type { Access } from '../kubectl/api.ts';
import { type Mine, mergedInto, ownFrom } from './kubeconfig.ts';
import { PLANE } from './nodes.ts';
import { yamlOf } from './yaml-text.ts';

/** The variable, and no option, since kubectl takes some words only in the first place. */
export function kubectlOffer({ kubectl, kubeconfig }: Access): Offer {
  return {
    name: 'kubectl',
    does: 'runs kubectl on the first host of the control plane that can be reached, as the administrator of the cluster. Files that it is given are those of that host; "-f -" reads what you give it here',
    takes: '[WORDS...]',
    on: PLANE,
    // A `--` before the words is dropped, as in cc ssh: with it kubectl would print its help.
    argv: (words) => [
      ...['env', `KUBECONFIG=${kubeconfig}`, kubectl],
      ...(words[0] === '--' ? words.slice(1) : words),
    ],
  };
}

/** The certificate of the API says by which addresses it may be reached. kubectl prints an empty configuration where there is none. */
const READ = `[ -e "$2" ] || { echo "there is no $2: the cluster is not there yet" >&2; exit 1; }
"$1" config view --kubeconfig "$2" --raw -o json && cat /etc/kubernetes/pki/apiserver.crt`;

const MERGE = '--merge';

/** Whose credentials open the cluster to everybody who has them. */
export function kubeconfigOffer({ kubectl, kubeconfig }: Access, mine: Mine): Offer {
  return {
    name: 'kubeconfig',
    does: 'prints what kubectl needs to reach the cluster from here as its administrator, which is a secret. With --merge it goes into the first file of KUBECONFIG, or ~/.kube/config, beside all else there; comments there are lost',
    takes: `[${MERGE}]`,
    on: PLANE,
    argv: (words) => {
      const odd = words.find((word, index) => word !== MERGE || index > 0);
      if (odd !== undefined) {
        const message = `Cannot use "${odd}" with cc kubeconfig: it takes ${MERGE} alone`;
        fail({ kind: 'usage', message, command: 'kubeconfig' });
      }
      return ['sh', '-c', READ, 'sh', kubectl, kubeconfig];
    },
    here: (printed, { words, host, env, read, hold }) => {
      const { config, says } = ownFrom(printed, mine, host);
      if (words.length === 0) return { print: yamlOf(config), says };
      const path = fileIn(env);
      hold(`${path}.lock`); // as kubectl does: k8s.io/client-go/tools/clientcmd/config.go, lockFile
      const all = mergedInto(read(path), config, { path, mine });
      const way = `"${mine.name}" is in ${path}: kubectl --context ${mine.name} get nodes`;
      return { file: { path, text: yamlOf(all) }, says: [...says, way] };
    },
  };
}

function fileIn({ KUBECONFIG = '', HOME }: Readonly<Record<string, string | undefined>>): string {
  const first = KUBECONFIG.split(':').find((path) => path !== '');
  if (first !== undefined) return first;
  if (HOME) return `${HOME}/.kube/config`;
  const message = 'Cannot tell where to: neither KUBECONFIG nor HOME is set';
  return fail({ kind: 'usage', message, command: 'kubeconfig' });
}
