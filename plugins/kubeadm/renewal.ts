/** Renewing the certificates of a control plane, and having its pods start anew with them, so that the API goes on. */
import { cmd, type Script, type Shell, type View } from '../../core/mod.ts';
import { type Access, asked, unanswered } from '../kubectl/api.ts';
import { since } from '../kubernetes/versions.ts';
import { DIRECT } from './init.ts';
import { nodeName } from './nodes.ts';

/** In the order in which they start anew: each of them asks those before it. */
export const PODS = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'];

/** By which a pod is another one to kubelet, and which says with which certificates it began. */
export const ANNOTATION = 'cc-kubernetes/certificates-until';

/**
 * ANNOTATE MANIFEST VALUE: puts the annotation into the manifest of a static pod, which is whole at any moment: kubelet ends the
 * pod whose manifest is gone, and nobody would bring it back after a run that was killed.
 */
export const ANNOTATE = `set -eu
file=$1
grep -q '^metadata:$' "$file" || { echo "$file is no manifest as kubeadm writes it" >&2; exit 1; }
new=$(mktemp "\${file%/*/*}/.cc-XXXXXX")
trap 'rm -f -- "$new"' EXIT
sed '/^    ${ANNOTATION.replace('/', '\\/')}: /d' "$file" | awk -v line='    ${ANNOTATION}: "'"$2"'"' -v has="$(grep -c '^  annotations:$' "$file")" '
  { print }
  has && $0 == "  annotations:" { print line }
  !has && $0 == "metadata:" { print "  annotations:"; print line }
' >"$new"
chmod --reference="$file" -- "$new"
chown --reference="$file" -- "$new"
mv -f -- "$new" "$file"`;

export interface RenewalOptions {
  readonly version: string;
  readonly kubeadm: string;
  readonly access: Access;
  /** The end of the certificate that ends first. */
  readonly until: (view: View) => Promise<string>;
}

/** Renews them, or goes on after that. */
export function renewing(options: RenewalOptions, from: 'renew' | 'restart'): Script {
  const { version, kubeadm, access, until } = options;
  return async (shell) => {
    const words = cmd`${kubeadm} ${since('certs', version) ? [] : ['alpha']} certs renew all`;
    if (from === 'renew') await shell.run({ ...words, env: DIRECT });
    const value = await until(shell.view);
    for (const pod of PODS) await restart(shell, pod, value, access);
    const path = since('readyz', version) ? '/readyz' : '/healthz';
    await shell.until('the API is ready', 180, async () => {
      const answer = await asked(shell.view, access, cmd`get --raw ${path}`);
      return answer.kind === 'answered' ? undefined : unanswered(answer);
    });
    return {
      until: value,
      lines: [`they count until ${value}; copies of admin.conf elsewhere end as before`],
    };
  };
}

interface Pod {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/** The API has a static pod as kubelet runs it. */
async function restart(shell: Shell, pod: string, value: string, access: Access): Promise<void> {
  await shell.run({
    ...cmd`sh -c ${ANNOTATE} cc /etc/kubernetes/manifests/${pod}.yaml ${value}`,
    title: `a script that has ${pod} start anew`,
  });
  const name = `${pod}-${await nodeName(shell.view)}`;
  await shell.until(`${pod} has started anew`, 300, async () => {
    const answer = await asked(
      shell.view,
      access,
      cmd`-n kube-system get pod ${name} --ignore-not-found -o json`,
    );
    if (answer.kind !== 'answered') return unanswered(answer);
    const { metadata, status } = JSON.parse(answer.text || '{"metadata":{}}') as Pod; // as the API describes one
    if (metadata.annotations?.[ANNOTATION] !== value) return 'kubelet runs the one before';
    const ready = status?.conditions?.find(({ type }) => type === 'Ready');
    return ready?.status === 'True' ? undefined : 'it is not ready';
  });
}
