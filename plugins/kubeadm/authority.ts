/** What the control planes of a cluster share: its authorities, the key of its service accounts, and of which snapshot it was made. */
import { cmd, fail, type Shell } from '../../core/mod.ts';
import { RESTORED } from '../etcd/restore.ts';
import { etcdAskedBy } from './parts.ts';

const PKI = '/etc/kubernetes/pki';
export const AUTHORITY = `${PKI}/ca.crt`;
/** kubernetes/kubernetes, cmd/kubeadm/app/phases/copycerts/copycerts.go, getSecretOwnerFiles: certsToTransfer. */
const OWN_ETCD = ['etcd/ca.crt', 'etcd/ca.key'];
const CARRIED = [
  'ca.crt',
  'ca.key',
  'front-proxy-ca.crt',
  'front-proxy-ca.key',
  ...OWN_ETCD,
  'sa.pub',
  'sa.key',
];

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
  const elsewhere = (await etcdAskedBy(from.view)).length > 0;
  for (const name of CARRIED.filter((name) => !elsewhere || !OWN_ETCD.includes(name))) {
    const path = `${PKI}/${name}`;
    const text = await from.view.text(path);
    if (text === undefined) return lacking(from.view.name, path);
    const secret = name.endsWith('.key');
    if (secret) from.conceal(`key of the cluster, ${name}`, text);
    const mode = secret ? '600' : '644';
    await placed(to, path, mode, text);
  }
  const restored = await from.view.text(RESTORED);
  if (restored !== undefined) await placed(to, RESTORED, '644', restored);
}

async function placed(to: Shell, path: string, mode: string, input: string): Promise<void> {
  await to.run({ ...cmd`sh -c ${PLACE} cc ${path} ${mode}`, input, title: `place ${path}` });
}

/** What was carried to a host that did not join after all. */
export async function withdrawn(to: Shell): Promise<void> {
  await to.run(cmd`rm -f -- ${[...CARRIED.map((name) => `${PKI}/${name}`), RESTORED]}`);
}

/** An authority whose key is elsewhere signs nothing for another control plane. */
function lacking(host: string, path: string): never {
  const reasons = [
    `${path} is not there, and a further control plane needs it`,
    'put it there for as long as control planes join',
  ];
  return fail({ kind: 'check-failed', host, what: 'it has what control planes share', reasons });
}
