/** A snapshot of the etcd of a control plane, fetched to the controller with what a cluster cannot be restored without. */
import { cmd, fail, type Shell } from '../../core/mod.ts';
import { nodeName } from '../kubeadm/nodes.ts';
import type { Access } from '../kubectl/api.ts';
import { eraOf, since } from '../kubernetes/versions.ts';
import { ARCHIVE, FRESH, type Notes, notesOf, onDisk, PKI, unfit, WORK } from './archive.ts';
import { fetched } from './carry.ts';
import { inMember, LET_IN } from './member.ts';

export interface SnapshotOptions {
  /** Of Kubernetes. */
  readonly version: string;
  readonly access: Access;
  /** On the controller. */
  readonly folder: string;
  /** How many snapshots stay there. */
  readonly keep: number;
  /** A snapshot that stays in any case: the recipe names it. */
  readonly restore?: string;
}

export interface Snapshot {
  readonly file: string;
  /** SHA-256 of the file. */
  readonly digest: string;
  readonly revision: number;
  readonly keys: number;
}

/** Where etcd writes it: its pod has this folder of the host. */
const IN_POD = '/var/lib/etcd/cc-snapshot.db';

/**
 * PACK NOTES: the snapshot goes from etcd's own folder, and into one file with the authorities and the keys that sign. The keys of
 * an authority that is kept elsewhere are not there.
 */
export const PACK = `set -eu
umask 077
cd ${WORK}
mv -- ${IN_POD} snapshot.db
printf '%s\\n' "$1" >notes.json
mkdir -p pki/etcd
for name in ca.crt sa.pub sa.key; do cp -- ${PKI}/$name pki/$name; done
for name in ca.key front-proxy-ca.crt front-proxy-ca.key etcd/ca.crt etcd/ca.key; do
  [ ! -e ${PKI}/$name ] || cp -- ${PKI}/$name pki/$name
done
find snapshot.db notes.json pki -type f -print0 | sort -z | xargs -0 sha256sum >SHA256SUMS
tar -cf ${ARCHIVE} SHA256SUMS notes.json pki snapshot.db`;

/** What was left of an interrupted one goes too. */
export const REMOVE = `rm -rf -- ${WORK}; rm -f -- ${IN_POD} ${IN_POD}.part`;

/** On a host of the control plane. ensures: nothing is left there, and the file is whole: its digest is that on the host. */
export async function snapshot(shell: Shell, options: SnapshotOptions): Promise<Snapshot> {
  const name = await nodeName(shell.view);
  try {
    await shell.run({ ...cmd`sh -c ${FRESH}`, title: `a script that empties ${WORK}` });
    const notes = await saved(shell, name, options);
    await shell.run({
      ...cmd`sh -c ${PACK} cc ${JSON.stringify(notes)}`,
      title: `a script that packs ${ARCHIVE}`,
    });
    return await kept(shell, notes, options);
  } finally {
    await shell.run({ ...cmd`sh -c ${REMOVE}`, title: 'a script that removes what was packed' });
  }
}

/** Has etcd save it, and asks what is in it. */
async function saved(shell: Shell, node: string, { version, access }: SnapshotOptions): Promise<Notes> {
  const { kubectl, kubeconfig } = access; // without a limit: a large snapshot takes its time
  const inPod = (...words: readonly string[]) =>
    cmd`${inMember(node, [kubectl, '--kubeconfig', kubeconfig], version, words)}`;
  // kubelet, through which etcd is reached, may have started a moment ago.
  await shell.until('kubelet lets commands into the pod of etcd', 120, async () => {
    const { code, stderr } = await shell.view.result(inPod('etcdctl', 'version'));
    return code === 0 ? undefined : stderr.trim().split('\n').at(-1);
  });
  await shell.run(inPod('etcdctl', ...LET_IN, 'snapshot', 'save', IN_POD));
  // etcdctl has left this to another program: etcd-io/etcd, CHANGELOG-3.6.md.
  const reader = since('etcdutl', version) ? 'etcdutl' : 'etcdctl';
  const status = inPod(reader, '-w', 'json', 'snapshot', 'status', IN_POD);
  const { revision, totalKey: keys } = JSON.parse(await shell.run(status)) as Record<string, unknown>;
  const notes = notesOf(JSON.stringify({ version, etcd: eraOf(version).etcd, node, revision, keys }));
  if (notes && notes.revision > 0 && notes.keys > 0) return notes;
  const reasons = [`etcdctl says of it: revision ${revision}, keys ${keys}`];
  return fail({ kind: 'check-failed', host: shell.view.name, what: 'the snapshot holds a cluster', reasons });
}

/** Fetches it under a name that sorts by time, the host's own, and lets go of what is too many. */
async function kept(shell: Shell, { revision, keys }: Notes, options: SnapshotOptions): Promise<Snapshot> {
  const { folder } = options;
  const time = (await shell.view.read(cmd`date -u +%Y-%m-%dT%H-%M-%SZ`)).trim();
  const file = `${folder}/etcd-${time}-revision-${revision}.tar`;
  const digest = (await shell.view.read(cmd`sha256sum ${ARCHIVE}`)).split(' ')[0] ?? '';
  const { mkdir, rename, rm } = await import('node:fs/promises');
  await onDisk(`${file} can be written`, async () => {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const part = `${file}.part`;
    try {
      const arrived = await fetched(shell, ARCHIVE, part);
      if (arrived !== digest)
        unfit(`${file} is as on the host`, `its SHA-256 is ${arrived}, on the host ${digest}`);
      await rename(part, file);
    } finally {
      await rm(part, { force: true });
    }
    await thinned(options);
  });
  return { file, digest, revision, keys };
}

/** Removes the oldest that are too many, but for the one that the recipe names, by whatever path. */
async function thinned({ folder, keep, restore }: SnapshotOptions): Promise<void> {
  const { readdir, realpath, rm } = await import('node:fs/promises');
  const named = restore === undefined ? undefined : await realpath(restore).catch(() => undefined); // it may not be there
  const all = (await readdir(folder)).filter((name) => NAMED.test(name)).toSorted();
  for (const name of all.slice(0, -keep)) {
    const path = `${folder}/${name}`;
    if ((await realpath(path)) !== named) await rm(path);
  }
}

const NAMED = /^etcd-[\dTZ-]+-revision-\d+\.tar$/;
