/** Static pods of a control plane: what their manifests say, and having one start anew by another manifest. */
import { type Command, cmd, type Shell, type View } from '../../core/mod.ts';
import { type Access, asked, callOf, silencing, unanswered } from '../kubectl/api.ts';
import { API_PORT } from './endpoint.ts';
import { nodeName } from './nodes.ts';

/** Those of kubeadm, in the order in which they start anew: each of them asks those before it. */
export const PODS = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'];

export function manifestOf(pod: string): string {
  return `/etc/kubernetes/manifests/${pod}.yaml`;
}

/** What a manifest says by an annotation; null where it says nothing, or there is no manifest. */
export function annotationIn(manifest: string | undefined, annotation: string): string | null {
  return new RegExp(`^    ${annotation}: "([^"]*)"$`, 'm').exec(manifest ?? '')?.[1] ?? null;
}

/** What a static pod is told by a flag; undefined where it is not told, or there is no manifest. */
export function flag(manifest: string | undefined, name: string): string | undefined {
  return new RegExp(`^ *- "?--${name}=([^\\s"]*)"?$`, 'm').exec(manifest ?? '')?.[1];
}

/**
 * A script, MANIFEST VALUE: puts the annotation into the manifest of a static pod, which is whole at any moment: kubelet ends the
 * pod whose manifest is gone, and nobody would bring it back after a run that was killed.
 */
export const annotating = (annotation: string) => `set -eu
file=$1
grep -q '^metadata:$' "$file" || { echo "$file is no manifest as kubeadm writes it" >&2; exit 1; }
line='    ${annotation}: "'"$2"'"'
# Another time of writing would say that kubelet has something to do.
if grep -qxF -- "$line" "$file"; then exit 0; fi
new=$(mktemp "\${file%/*/*}/.cc-XXXXXX")
trap 'rm -f -- "$new"' EXIT
sed '/^    ${annotation.replace('/', '\\/')}: /d' "$file" | awk -v line="$line" -v has="$(grep -c '^  annotations:$' "$file")" '
  { print }
  has && $0 == "  annotations:" { print line }
  !has && $0 == "metadata:" { print "  annotations:"; print line }
' >"$new"
chmod --reference="$file" -- "$new"
chown --reference="$file" -- "$new"
mv -f -- "$new" "$file"`;

interface Pod {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/** A pod of the control plane, and what tells kubelet that it is another one. */
interface Restarting {
  readonly pod: string;
  readonly annotation: string;
  readonly value: string;
}

/** requires: an API that answers. An API server needs only its etcd. */
export async function restart(shell: Shell, access: Access, restarting: Restarting): Promise<void> {
  const work = async () => {
    await annotated(shell, restarting);
    await startedAnew(shell, access, restarting);
  };
  await (restarting.pod === SERVER ? silencing(work()) : work());
}

/** Has kubelet start it anew, and does not wait for that. */
export async function annotated(shell: Shell, { pod, annotation, value }: Restarting): Promise<void> {
  await shell.run({
    ...cmd`sh -c ${annotating(annotation)} cc ${manifestOf(pod)} ${value}`,
    title: `a script that has ${pod} start anew`,
  });
}

const SERVER = 'kube-apiserver';

/** By which an API server is another pod to kubelet, with the time at which cc had it start anew. */
export const RESTARTED = 'cc-kubernetes/restarted-at';

/** Has the API server of a host start anew; those of other hosts go on. */
export async function restartedNow(shell: Shell, access: Access): Promise<void> {
  const value = (await shell.view.read(cmd`date -u +%Y-%m-%dT%H:%M:%SZ`)).trim();
  await restart(shell, access, { pod: SERVER, annotation: RESTARTED, value });
}

export async function startedAnew(shell: Shell, access: Access, restarting: Restarting): Promise<void> {
  const { view } = shell;
  const look =
    restarting.pod === SERVER ? await serverOf(view, access) : await mirrorOf(view, access, restarting);
  await shell.until(`${restarting.pod} has started anew`, 300, look);
}

/** How the API shows a static pod that kubelet runs. */
async function mirrorOf(view: View, access: Access, { pod, annotation, value }: Restarting) {
  const name = `${pod}-${await nodeName(view)}`;
  return async () => {
    const answer = await asked(view, access, cmd`-n kube-system get pod ${name} --ignore-not-found -o json`);
    if (answer.kind !== 'answered') return unanswered(answer);
    const { metadata, status } = JSON.parse(answer.text || '{"metadata":{}}') as Pod; // as the API describes one
    if (metadata.annotations?.[annotation] !== value) return BEFORE;
    const ready = status?.conditions?.find(({ type }) => type === 'Ready');
    return ready?.status === 'True' ? undefined : 'it is not ready';
  };
}

const BEFORE = 'kubelet runs the one before';

/**
 * A script, MANIFEST KUBECTL...: fails as long as an API server is not one that began after its manifest was written, and is well.
 * The server itself tells that: while the API is away kubelet cannot show it the new pod, and tries again only once a minute.
 */
export const BEGAN = `set -u
written=$(stat -c %Y "$1"); shift
told=$("$@" get --raw /metrics) || exit 1
began=$(printf '%s\\n' "$told" | sed -n 's/^process_start_time_seconds //p')
awk -v began="$began" -v written="$written" 'BEGIN { exit !(began + 0 >= written + 0) }' || { echo '${BEFORE}' >&2; exit 1; }
"$@" get --raw /healthz >/dev/null`;

/** It answers at its own address, and then at that which all share, which may have been without a server meanwhile. */
async function serverOf(view: View, access: Access) {
  const words = cmd`sh -c ${BEGAN} cc ${manifestOf(SERVER)} ${await callOfOwn(view, access)}`;
  const title = `a script that asks when ${SERVER} began`;
  return async () =>
    (await failing(view, { ...words, title })) ??
    (await failing(view, cmd`${callOf(access)} get --raw /healthz`));
}

/** Why the API server of a host is not well, such as while its etcd has no leader: it would not come back from a start. */
export async function unwell(view: View, access: Access): Promise<string | undefined> {
  return failing(view, cmd`${await callOfOwn(view, access)} get --raw /healthz`);
}

/** Asks the API server of this host, whoever has the address that all share. */
async function callOfOwn(view: View, access: Access): Promise<readonly string[]> {
  const address = flag(await view.text(manifestOf(SERVER)), 'advertise-address');
  const host = address?.includes(':') ? `[${address}]` : address;
  return [...callOf(access), ...(host === undefined ? [] : ['--server', `https://${host}:${API_PORT}`])];
}

async function failing(view: View, command: Command): Promise<string | undefined> {
  const { code, stderr } = await view.result(command);
  return code === 0 ? undefined : stderr.trim().split('\n').at(-1) || 'it does not answer';
}
