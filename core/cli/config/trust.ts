/**
 * Who may write what cc is about to run: the file, each link and folder on the way to it, and the package.json that says how
 * it is read. What others may write, they may run as the user of cc.
 */
import { lstatSync, readdirSync, readFileSync, readlinkSync, type Stats } from 'node:fs';
import { dirname, join } from 'node:path';
import { unread } from '../../host/own-files.ts';
import { quoted } from '../../model/command.ts';
import { codeOf, type Failure, fail } from '../../model/failure.ts';

/**
 * Passes a file that nobody else may write; fails with `config-untrusted`. No package.json says how data is read. `state` is data
 * that cc wrote, and `records` a folder of that: everything that stands in it is looked at, too.
 */
export type Trust = (file: string, as?: 'code' | 'data' | 'state' | 'records') => void;

type Untrusted = Extract<Failure, { kind: 'config-untrusted' }>;
type Flaw = Untrusted['flaws'][number] & { readonly mend: string; readonly record?: string };

const ROOT = 0;
const STICKY = 0o1000;
const GROUP_WRITES = 0o020;
const OTHERS_WRITE = 0o002;
/** As many as the kernel follows. */
const LINKS = 40;

type Env = Readonly<Record<string, string | undefined>>;

/** Who may write: root, and who called, which through sudo is another one than cc runs as. */
interface Writers {
  readonly uid: number;
  readonly caller: number;
  /** The folder with the files that say who there is. */
  readonly etc: string;
}

/** Trusts what belongs to root and to who called. */
export function trustOf(env: Env, uid: number = process.getuid?.() ?? ROOT, etc = '/etc'): Trust {
  const caller = uid === ROOT && /^\d+$/.test(env['SUDO_UID'] ?? '') ? Number(env['SUDO_UID']) : uid;
  const writers = { uid, caller, etc };
  const known = new Map<string, Flaw | undefined>();
  const flawOf = (path: string, facts: Stats) => {
    if (!known.has(path)) known.set(path, flawed(path, facts, writers));
    return known.get(path);
  };
  return (file, as = 'code') => {
    const places = new Map(wayTo(file));
    const [end = file] = [...places.keys()].slice(-1);
    const manifest = as === 'code' ? manifestFor(end) : undefined;
    if (manifest) places.set(...manifest);
    const onTheWay = [...places].flatMap((place) => flawOf(...place) ?? []);
    // What others may write may change while it is listed.
    const inside = as === 'records' && onTheWay.length === 0 ? flawsIn(file, end, writers) : [];
    const flaws = [...onTheWay, ...inside];
    if (flaws.length === 0) return;
    const mends = [...new Set(flaws.map(({ mend }) => mend))].join(' && ');
    const doubtful = inside.length === 0 ? [file] : inside.map(({ path, record = path }) => record);
    fail({
      kind: 'config-untrusted',
      file,
      flaws: flaws.map(({ path, why }) => ({ path, why })),
      fix: as === 'state' || as === 'records' ? carefully(doubtful, mends) : mends,
    });
  };
}

/**
 * What others may write of a folder of records, which is `end` in truth, and of all that stands in it. In a folder such as /tmp
 * others may add records.
 */
function flawsIn(file: string, end: string, writers: Writers): readonly Flaw[] {
  const names = namesIn(file);
  if (!names) return [];
  const ways = [
    [end, [[end, lstatSync(end)]]] as const,
    ...names.map((name) => [join(end, name), [...wayTo(name, end)]] as const),
  ];
  const flaws = ways.flatMap(([record, way]) =>
    way.flatMap(([path, facts], index) => {
      const flaw = flawed(path, facts, writers, index === way.length - 1);
      return flaw ? [{ ...flaw, record }] : [];
    }),
  );
  return [...new Map(flaws.map((flaw) => [flaw.path, flaw])).values()]; // links may lead to the same one
}

/** undefined: there is no such folder. */
function namesIn(folder: string): readonly string[] | undefined {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(error) ?? '')) return undefined;
    return unread(folder, error);
  }
}

/** Whoever makes the records of somebody else their own has cc do what they say. */
function carefully(paths: readonly string[], mends: string): string {
  const all = paths.map((path) => quoted(path)).join(' ');
  return `read ${all} first, because cc does what it says; then ${mends}, or rm -r ${all}`;
}

/** Every folder, link and file that is passed on the way, the root first; where there is nothing, it ends. */
function* wayTo(file: string, from = '/'): Generator<readonly [path: string, facts: Stats]> {
  const words = partsOf(file);
  let at = from;
  if (at === '/') yield [at, lstatSync(at)];
  for (let links = 0; words.length > 0; ) {
    const next = join(at, words.shift() ?? '');
    const facts = factsOf(next);
    // Below a file there is nothing.
    if (!facts || (words.length > 0 && !facts.isDirectory() && !facts.isSymbolicLink())) return;
    yield [next, facts];
    if (!facts.isSymbolicLink()) at = next;
    else {
      if (++links > LINKS) return;
      const target = readlinkSync(next);
      if (target.startsWith('/')) at = '/';
      words.unshift(...partsOf(target));
    }
  }
}

function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}

function factsOf(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch (error) {
    // What is not there cannot be run, and what may not be looked at cannot be read either.
    if (['ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP', 'ENAMETOOLONG'].includes(codeOf(error) ?? ''))
      return undefined;
    throw error;
  }
}

/** The nearest one from here upwards, as Node looks for it. */
function manifestFor(file: string): readonly [path: string, facts: Stats] | undefined {
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    const path = join(folder, 'package.json');
    const facts = factsOf(path);
    if (facts) return [path, facts];
    if (folder === dirname(folder)) return undefined;
  }
}

/** With `strict` nobody else may add to a folder, either. */
function flawed(path: string, facts: Stats, writers: Writers, strict = false): Flaw | undefined {
  const { uid, caller, etc } = writers;
  const sudo = uid === ROOT ? '' : 'sudo ';
  if (!isOurs(facts.uid, writers)) {
    const mend = `${sudo}chown -h ${nameOf(caller, etc)} ${quoted(path)}`;
    return { path, why: `belongs to ${nameOf(facts.uid, etc)}`, mend };
  }
  if (facts.isSymbolicLink()) return undefined; // its mode means nothing
  // In a folder such as /tmp others cannot replace what belongs to somebody else.
  if (!strict && facts.isDirectory() && (facts.mode & STICKY) !== 0) return undefined;
  const others =
    (facts.mode & OTHERS_WRITE) !== 0
      ? 'everyone'
      : (facts.mode & GROUP_WRITES) !== 0
        ? othersIn(facts.gid, writers)
        : undefined;
  if (others === undefined) return undefined;
  const mode = (facts.mode & 0o7777).toString(8).padStart(4, '0');
  const mend = `${facts.uid === uid ? '' : sudo}chmod go-w ${quoted(path)}`;
  return { path, why: `may be written by ${others} (mode ${mode})`, mend };
}

function isOurs(owner: number, { caller }: Writers): boolean {
  return owner === ROOT || owner === caller;
}

/** Who else is in a group, as a person reads it; a group of its owner alone, as most users have one, has nobody else. */
function othersIn(gid: number, writers: Writers): string | undefined {
  const group = rows(writers.etc, 'group').find(([, , id]) => Number(id) === gid);
  if (!group) return gid === ROOT ? undefined : `the group ${gid}, whose members /etc/group does not name`;
  const [name = '', , , members = ''] = group;
  const users = usersIn(writers.etc);
  const ours = users.filter(({ uid }) => isOurs(uid, writers)).map((user) => user.name);
  const inside = [
    ...members.split(',').filter((member) => member !== ''),
    ...users.filter((user) => user.gid === gid).map((user) => user.name),
  ];
  const others = [...new Set(inside)].filter((member) => !ours.includes(member));
  return others.length === 0 ? undefined : `the group ${name}, which has ${others.join(', ')}`;
}

interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

function usersIn(etc: string): readonly User[] {
  return rows(etc, 'passwd').map(([name = '', , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }));
}

function nameOf(uid: number, etc: string): string {
  return usersIn(etc).find((user) => user.uid === uid)?.name ?? String(uid);
}

/** The lines of a file of users or groups; one that cannot be read names nobody. */
function rows(etc: string, name: string): readonly (readonly string[])[] {
  try {
    const lines = readFileSync(join(etc, name), 'utf8').split('\n');
    return lines.filter((line) => line.includes(':')).map((line) => line.split(':'));
  } catch {
    return [];
  }
}
