/** What the control planes of a cluster share: its authorities and the key of its service accounts, carried from one to another. */
import { cmd, fail, type Shell } from '../../core/mod.ts';

const PKI = '/etc/kubernetes/pki';
export const AUTHORITY = `${PKI}/ca.crt`;
/** kubernetes/kubernetes, cmd/kubeadm/app/phases/copycerts/copycerts.go, getSecretOwnerFiles: certsToTransfer. */
const PAIRS = ['ca.crt', 'front-proxy-ca.crt', 'etcd/ca.crt'].map(
  (path) => [path, path.replace('.crt', '.key')] as const,
);
const CARRIED = [...PAIRS, ['sa.pub', 'sa.key'] as const].flat();

/**
 * PLACE PATH MODE: standard input becomes a file, which at no time has more readers than in the end. Folders are root's, as
 * kubeadm makes them.
 */
export const PLACE = `set -eu
mkdir -p -- "$(dirname -- "$1")"
rm -f -- "$1.cc"
(umask 077; set -C; cat >"$1.cc")
chmod "$2" -- "$1.cc"
mv -- "$1.cc" "$1"`;

/**
 * kubeadm could hand them over by the cluster itself from 1.14 on; this is the same for every version. Keys are known to this
 * process and to standard inputs alone.
 */
export async function carried(from: Shell, to: Shell): Promise<void> {
  for (const name of CARRIED) {
    const path = `${PKI}/${name}`;
    const text = await from.view.text(path);
    if (text === undefined) return lacking(from.view.name, path);
    const secret = name.endsWith('.key');
    if (secret) from.conceal(`key of the cluster, ${name}`, text);
    const mode = secret ? '600' : '644';
    await to.run({ ...cmd`sh -c ${PLACE} cc ${path} ${mode}`, input: text, title: `place ${path}` });
  }
}

/** What was carried to a host that did not join after all. */
export async function withdrawn(to: Shell): Promise<void> {
  await to.run(cmd`rm -f -- ${CARRIED.map((name) => `${PKI}/${name}`)}`);
}

/** An authority whose key is elsewhere signs nothing for another control plane. */
function lacking(host: string, path: string): never {
  const reasons = [
    `${path} is not there, and a further control plane needs it`,
    'put it there for as long as control planes join',
  ];
  return fail({ kind: 'check-failed', host, what: 'it has what control planes share', reasons });
}
