/** A cluster that goes on from a snapshot: its data and its keys, put on a host that has no cluster, before one is made there. */
import {
  type Change,
  cmd,
  digestOf,
  fail,
  packages,
  type Script,
  type Shell,
  type Step,
  type View,
} from '../../core/mod.ts';
import { NODE_KUBECONFIG, nodeName, PLANE } from '../kubeadm/nodes.ts';
import { minorOf as minorOfKubernetes, since } from '../kubernetes/versions.ts';
import { ARCHIVE, FRESH, minorOf, type Notes, notesOf, onDisk, PKI, unfit, WORK } from './archive.ts';
import { sent } from './carry.ts';

export interface RestoreOptions {
  /** Of Kubernetes. */
  readonly version: string;
  /** On the controller. */
  readonly file: string;
  /** What kubeadm is told, where it says by which address the node is known. */
  readonly config: string;
  /** The hosts that may be nodes of the cluster still. */
  readonly nodes: readonly string[];
  /** Whether this host had that cluster and has lost its data. */
  readonly isLost: boolean;
}

/** Says from which snapshot a cluster has begun; goes with the rest of it. */
export const RESTORED = '/etc/kubernetes/cc-restored';

/** Says that a cluster was here whose data were lost, until it is cleared for the snapshot: no other one is made in its place. */
export const LOST = '/etc/kubernetes/cc-lost';

/** Takes the archive apart, and proves all that is in it. */
export const UNPACK = `set -eu
umask 077
cd ${WORK}
tar -xf ${ARCHIVE} --no-same-owner
rm -f -- ${ARCHIVE}
[ "$(find . -type f ! -name SHA256SUMS | wc -l)" = "$(wc -l <SHA256SUMS)" ]
[ -z "$(find . ! -type f ! -type d)" ]
sha256sum --quiet --strict -c SHA256SUMS`;

/** RESTORE NODE ADDRESS MARK PROGRAM…: one member, which this host is; what is there already stays, and ends it. */
export const RESTORE = `set -eu
node=$1 peer=https://$2:2380 mark=$3
shift 3
cd ${WORK}
for path in /var/lib/etcd/member ${PKI}/ca.crt; do
  [ ! -e "$path" ] || { echo "$path is there already" >&2; exit 1; }
done
# Where the program can, revisions go on far beyond all that anybody has seen, so that nobody waits for one that is to come.
later=
case $(ETCDCTL_API=3 "$@" snapshot restore --help 2>&1) in
  *--mark-compacted*) later='--bump-revision 1000000000 --mark-compacted' ;;
esac
ETCDCTL_API=3 "$@" snapshot restore snapshot.db $later --data-dir data --name "$node" --initial-cluster "$node=$peer" \\
  --initial-advertise-peer-urls "$peer" --initial-cluster-token "cc-$(cut -c 1-16 SHA256SUMS | head -n 1)-$(date +%s)"
mkdir -p -m 0700 /var/lib/etcd
mkdir -p ${PKI}/etcd
mv -- data/member /var/lib/etcd/
chmod 0600 $(find pki -name '*.key')
chmod 0644 $(find pki -name '*.crt' -o -name '*.pub')
(cd pki && find . -type f) | while read -r name; do mv -- "pki/$name" ${PKI}/"$name"; done
umask 022
printf '%s\\n' "$mark" "$(date +%s)" >${RESTORED}`;

/** Debian's program; another one before it in PATH wins. */
export function restorer(): Step {
  return packages(['etcd-client'], { name: 'etcd-client', where: PLANE, needs: [] });
}

export function nameOf(file: string): string {
  return file.slice(file.lastIndexOf('/') + 1);
}

/** From which snapshot the cluster of a host has begun, as far as cc has done it. */
export async function restoredOn(view: View): Promise<string | undefined> {
  return (await view.text(RESTORED))?.split('\n')[0];
}

/** When that was, in seconds of the clock of the host. */
export async function restoredAt(view: View): Promise<number | undefined> {
  const [, at] = /^.*\n(\d+)\n$/.exec((await view.text(RESTORED)) ?? '') ?? [];
  return at === undefined ? undefined : Number(at);
}

/** Brings the file to the host, and proves it before anything there is changed. */
export function proving(options: RestoreOptions, why: string): Change {
  const { file } = options;
  const script: Script = async (shell) => {
    await onDisk(`${file} can be read`, () => privately(file));
    if (options.isLost) await shell.run(cmd`touch -- ${LOST}`);
    try {
      await shell.run({ ...cmd`sh -c ${FRESH}`, title: `a script that empties ${WORK}` });
      await onDisk(`${file} can be read`, () => sent(shell, file, ARCHIVE));
      await shell.run({
        ...cmd`sh -c ${UNPACK}`,
        title: 'a script that takes the snapshot apart and proves its sums',
      });
      const notes = await notesIn(shell.view, file);
      await programFor(shell.view, notes, options);
      await ofSameCluster(shell.view, options);
      return undefined;
    } catch (error) {
      await emptied(shell);
      throw error;
    }
  };
  return { kind: 'script', title: `prove ${file}`, why, script };
}

/** requires: `proving`, just before. */
export function restoring(options: RestoreOptions, why: string): Change {
  const { file, config } = options;
  const script: Script = async (shell) => {
    try {
      const notes = await notesIn(shell.view, file);
      const program = await programFor(shell.view, notes, options);
      const [node, address] = [await nodeName(shell.view), await addressOf(shell.view, config)];
      const words = cmd`sh -c ${RESTORE} cc ${node} ${address} ${nameOf(file)} ${program}`;
      await shell.run({ ...words, title: `${program} snapshot restore` });
      const { revision, keys } = notes;
      return { revision, lines: [`restored from ${file}: revision ${revision}, ${keys} keys`] };
    } finally {
      await emptied(shell);
    }
  };
  return { kind: 'script', title: `restore etcd and the keys of the cluster from ${file}`, why, script };
}

async function emptied(shell: Shell): Promise<void> {
  await shell.run({ ...cmd`rm -rf -- ${WORK}`, title: `rm -rf ${WORK}` });
}

/** What others may write would give them the cluster. */
async function privately(file: string): Promise<void> {
  const { stat } = await import('node:fs/promises');
  const facts = await stat(file);
  if (!facts.isFile()) unfit(`${file} is a snapshot`, 'it is no file');
  if ((facts.mode & 0o077) !== 0)
    unfit(`${file} is private`, `others may read or write it: chmod 0600 ${file}`);
}

async function notesIn(view: View, file: string): Promise<Notes> {
  const notes = notesOf((await view.text(`${WORK}/notes.json`)) ?? '');
  return notes ?? unfit(`${file} is a snapshot`, 'it has no notes.json as cc writes it');
}

/** The program that restores; data of another minor version it may read and spoil. */
async function programFor(view: View, notes: Notes, { version, file }: RestoreOptions): Promise<string> {
  if (minorOfKubernetes(notes.version) !== minorOfKubernetes(version))
    unfit(
      `${file} fits the recipe`,
      `it is of Kubernetes ${notes.version}, and ${version} is declared: restore with that version, and upgrade then`,
    );
  const program = since('etcdutl', version) ? 'etcdutl' : 'etcdctl';
  const said = await view.read({ ...cmd`${program} version`, env: { ETCDCTL_API: '3' } });
  const found = /^etcd(?:ctl|utl) version: (\S+)$/m.exec(said)?.[1] ?? 'unknown';
  if (minorOf(found) === minorOf(notes.etcd)) return program;
  const reasons = [
    `the snapshot is of etcd ${notes.etcd}, and ${program} there is of ${found}`,
    `place ${program} ${minorOf(notes.etcd)} in /usr/local/bin of ${view.name}`,
  ];
  return fail({
    kind: 'check-failed',
    host: view.name,
    what: `its ${program} can restore the snapshot`,
    reasons,
  });
}

/** Hosts that are nodes still know their cluster by its authority: that of another one would end all that runs on them. */
async function ofSameCluster(view: View, { file, nodes, isLost }: RestoreOptions): Promise<void> {
  const authority = (await view.text(`${WORK}/pki/ca.crt`)) ?? '';
  const others = await Promise.all(
    nodes.map(async (name) => {
      if (name === view.name) return isLost ? { name, theirs: await view.text(`${PKI}/ca.crt`) } : { name };
      const other = await view.on(name).catch(() => undefined);
      const isNode = (await other?.stat(NODE_KUBECONFIG)) !== undefined;
      return { name, theirs: isNode ? await other?.text(`${PKI}/ca.crt`) : undefined };
    }),
  );
  const strangers = others.flatMap(({ name, theirs }) =>
    theirs === undefined || theirs === authority
      ? []
      : [`${name} is a node of a cluster whose authority has SHA-256 ${digestOf(theirs)}`],
  );
  if (strangers.length === 0) return;
  unfit(
    `${file} is of the cluster that its hosts know`,
    `the authority in it has SHA-256 ${digestOf(authority)}`,
    ...strangers,
    'take another snapshot; or give up what runs on these hosts: cc run cleanup --limit HOST',
  );
}

/** By which address kubeadm will have etcd ask its members: the one that it is told, or that of the default route. */
async function addressOf(view: View, config: string): Promise<string> {
  const told = /"advertiseAddress": *"([^"]+)"/.exec((await view.text(config)) ?? '')?.[1];
  if (told !== undefined) return told;
  const route = await view.read(cmd`ip -4 route get 192.0.2.1`);
  return / src (\S+)/.exec(route)?.[1] ?? unfit('the address of the node is known', route.trim());
}
