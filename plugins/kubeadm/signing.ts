/** A certificate for a kubelet whose own has expired: the API lets it ask for no other one, so a control plane signs it. */
import { cmd, fail, type Shell, type View } from '../../core/mod.ts';
import { nodeName } from './nodes.ts';

export const CURRENT = '/var/lib/kubelet/pki/kubelet-client-current.pem';

/** SIGN PROGRAM…: prints certificate and key of a kubelet, as kubeadm signs them; nothing stays. */
export const SIGN = `set -eu
umask 077
folder=$(mktemp -d)
trap 'rm -rf -- "$folder"' EXIT
"$@" --kubeconfig-dir "$folder" >&2
for each in client-certificate-data client-key-data; do
  sed -n "s/^ *$each: *//p" "$folder/kubelet.conf" | base64 -d
done`;

/** What kubelet takes is a link to the newest, and it makes the next link itself: client-go, util/certificate/certificate_store.go. */
export const TAKE = `set -eu
umask 077
file=\${1%-current.pem}-$(date -u +%Y-%m-%d-%H-%M-%S).pem
cat >"$file"
ln -sfn -- "$file" "$1"
systemctl restart kubelet.service`;

/** With what a control plane signs. */
const KEY = '/etc/kubernetes/pki/ca.key';

interface Signing {
  readonly version: string;
  readonly kubeadm: string;
  /** The hosts of the control plane. */
  readonly planes: readonly string[];
}

/** The key is known to this process and to standard inputs and outputs alone. */
export async function signed(shell: Shell, signing: Signing): Promise<void> {
  const { version, kubeadm } = signing;
  const name = await nodeName(shell.view);
  const by = await signer(shell.view, signing);
  const words = cmd`${kubeadm} init phase kubeconfig kubelet --node-name ${name} --kubernetes-version v${version}`;
  // A look, for what a change prints is logged.
  const pem = await by.read(cmd`sh -c ${SIGN} cc ${words.argv}`);
  shell.conceal('key of kubelet', pem);
  await shell.run({
    ...cmd`sh -c ${TAKE} cc ${CURRENT}`,
    input: pem,
    title: 'a script that gives kubelet its certificate, and starts it anew',
  });
}

/** The host itself, if it can, or the first control plane that can; no API is needed for it. */
async function signer(view: View, { planes }: Signing): Promise<View> {
  const own = planes.filter((name) => name === view.name);
  for (const name of new Set([...own, ...planes])) {
    const plane = name === view.name ? view : await view.on(name).catch(() => undefined);
    if ((await plane?.stat(KEY)) !== undefined) return plane!; // it was looked at
  }
  const reasons = [`no control plane that can be reached has ${KEY}: ${planes.join(', ')}`];
  return fail({ kind: 'check-failed', host: view.name, what: 'kubelet can get a certificate', reasons });
}
