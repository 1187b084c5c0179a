/**
 * Whether an archive may be unpacked: tar itself lists it on the controller, before a byte of it goes to any host, because
 * a reader of our own could be brought to see other entries than the one that unpacks. It costs reading the archive once
 * more, for all hosts together.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { fail } from '../model/failure.ts';
import { runProcess } from './own-agent.ts';
import type { Packed } from './transport.ts';

/** An archive that comes to more bytes, or has more entries, is refused. */
const BYTES = 4 * 1024 ** 3;
const ENTRIES = 200_000;

interface Limits {
  readonly bytes: number;
  readonly entries: number;
  /** Entries whose mode may give rights away. */
  readonly unsafe: readonly string[];
}

/** Archives that were looked at, by their digest and how they were looked at. */
const known = new Map<string, Promise<void>>();

/** Fails with `bad-archive` and the entry that could reach out of the folder, or is more than a file, folder or link. */
export function checkArchive(
  { file, digest, strip, sizeLimit = BYTES, unsafe = [] }: Packed,
  entries = ENTRIES,
): Promise<void> {
  const limits = { bytes: sizeLimit, entries, unsafe };
  const key = JSON.stringify([digest, strip, limits]);
  const checking = known.get(key) ?? listed(file, strip, limits);
  known.set(key, checking);
  return checking;
}

interface Entry {
  /** As `ls -l` has it: `-`, `d`, `l`; and `h` for a hard link. */
  readonly kind: string;
  /** As `ls -l` has it: `rwxr-xr-x`. */
  readonly mode: string;
  readonly bytes: number;
  /** Quoted as in C, so two names are never the same text; slashes and dots stand for themselves. */
  readonly name: string;
  readonly target: string;
}

async function listed(archive: string, strip: number, limits: Limits): Promise<void> {
  const stop = new AbortController();
  const content = contentOf(strip, limits);
  const bad = (problem: Problem): never => fail({ kind: 'bad-archive', archive, ...problem });
  let [rest, problem]: [string, Problem | undefined] = ['', undefined];
  const take = (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) problem ??= content.add(line);
    if (problem) stop.abort();
  };
  const words = [
    '--list',
    '--verbose',
    '--numeric-owner',
    '--quoting-style=c',
    '--absolute-names',
    '--force-local',
  ];
  const exit = await runProcess(
    ['tar', ...words, compression(archive), '--warning=none', '--file', archive],
    {
      env: { LC_ALL: 'C', TZ: 'UTC', TAR_OPTIONS: '' },
      signal: stop.signal,
      onOutput: take,
    },
  );
  if (exit.code === 127) fail({ kind: 'missing-tool', host: 'controller', tool: 'tar', package: 'tar' });
  if (problem) bad(problem);
  if (exit.code !== 0) bad({ why: exit.stderr.trim() });
  const late = content.links();
  if (late) bad(late);
}

interface Problem {
  readonly entry?: string;
  readonly why: string;
}

/** mode, owner, size, date, time, name, and where a link leads. */
const LINE = /^(\S)(\S+) +\S+ +(\S+) \S+ \S+ "((?:[^"\\]|\\.)*)"(?: (?:->|link to) "((?:[^"\\]|\\.)*)")?$/;

const KINDS: Readonly<Record<string, string>> = {
  b: 'a block device',
  c: 'a character device',
  p: 'a fifo',
};

/** What an archive holds, entry by entry. */
function contentOf(strip: number, limits: Limits) {
  const links = new Map<string, string>();
  const others = new Set<string>();
  const hard: (readonly [name: string, target: string])[] = [];
  let [entries, bytes] = [0, 0];
  const add = (line: string): Problem | undefined => {
    const entry = entryOf(line);
    if (!entry) return { why: `tar lists something unknown: ${line}` };
    entries += 1;
    if (entries > limits.entries) return { why: `it holds more than ${limits.entries} entries` };
    if (isDropped(entry.name, strip)) return undefined;
    bytes += entry.bytes;
    if (bytes > limits.bytes)
      return { entry: entry.name, why: `with it, it unpacks to more than ${limits.bytes} bytes` };
    const name = inside(entry.name, strip).join('/');
    // The folder itself gets a mode of ours, whatever the archive says.
    const given = name === '' || limits.unsafe.includes(name) ? undefined : givesAway(entry);
    const why = wrong(entry, strip) ?? given;
    if (why) return { entry: entry.name, why };
    if (entry.kind === 'h') hard.push([name, inside(entry.target, strip).join('/')]);
    if (entry.kind !== 'l') others.add(name);
    else if ((links.get(name) ?? entry.target) !== entry.target)
      return { entry: entry.name, why: 'it is there twice, and leads to two places' };
    else links.set(name, entry.target);
    return undefined;
  };
  return { add, links: () => reaching(links, others) ?? viaLinks(hard, links) };
}

function entryOf(line: string): Entry | undefined {
  const [, kind, mode = '', size, name, target = ''] = LINE.exec(line) ?? [];
  if (kind === undefined || name === undefined) return undefined;
  return { kind, mode, bytes: kind === '-' || kind === 'C' ? Number(size) : 0, name, target };
}

/** What one entry says of itself. */
function wrong({ kind, name, target }: Entry, strip: number): string | undefined {
  if (!'-dlhC'.includes(kind)) return `it is ${KINDS[kind] ?? `of a kind that tar shows as "${kind}"`}`;
  for (const path of kind === 'h' ? [name, target] : [name]) {
    if (path.startsWith('/')) return path === name ? 'its path is absolute' : 'it links to an absolute path';
    if (path.split('/').includes('..'))
      return path === name ? 'its path leads upwards' : 'it links to a path that leads upwards';
  }
  if (kind === 'h' && inside(target, strip).length === 0) return 'it links to the folder itself';
  return kind === 'l' && target.startsWith('/') ? 'it links to an absolute path' : undefined;
}

/** What the mode of an entry gives to others; that of a link says nothing, and a sticky folder is shared like /tmp. */
function givesAway({ kind, mode }: Entry): string | undefined {
  if (kind === 'l') return undefined;
  if (/^..[sS]/.test(mode)) return 'it is setuid';
  if (/^.{5}[sS]/.test(mode)) return 'it is setgid';
  const shared = kind === 'd' && /[tT]$/.test(mode);
  return mode[7] === 'w' && !shared ? 'it is writable by everybody' : undefined;
}

/** The parts of a path below the folder; tar counts a leading dot as one that can be stripped. */
function inside(path: string, strip: number): readonly string[] {
  return path
    .split(/\/+/)
    .slice(strip)
    .filter((part) => part !== '.' && part !== '');
}

/** tar leaves out what has no more parts than it strips. */
function isDropped(path: string, strip: number): boolean {
  const parts = path.split(/\/+/);
  return strip > 0 && parts.slice(strip).every((part) => part === '') && !parts.includes('..');
}

/** A hard link to a link is one to wherever that leads by then. */
function viaLinks(
  hard: readonly (readonly [name: string, target: string])[],
  links: ReadonlyMap<string, string>,
): Problem | undefined {
  for (const [name, target] of hard) {
    const parts = target.split('/');
    const link = parts.map((_, index) => parts.slice(0, index + 1).join('/')).find((path) => links.has(path));
    if (link !== undefined) return { entry: name, why: `it links to the link "${link}", or to below it` };
  }
  return undefined;
}

/** What links make of each other, and of what lies below them. */
function reaching(links: ReadonlyMap<string, string>, others: ReadonlySet<string>): Problem | undefined {
  for (const [name, target] of links) {
    const why = others.has(name) ? 'it is there twice, once as a link' : followed(name, target, links);
    if (why) return { entry: name, why };
  }
  for (const name of links.size > 0 ? [...links.keys(), ...others] : []) {
    const parts = name.split('/');
    const above = parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'));
    const link = above.find((folder) => links.has(folder));
    if (link !== undefined) return { entry: name, why: `it lies below the link "${link}"` };
  }
  return undefined;
}

/** As many links as Linux follows before it gives up. */
const HOPS = 40;

/** Walks as the kernel would, through the other links of the archive; a path that is not there yet counts as a folder. */
function followed(name: string, target: string, links: ReadonlyMap<string, string>): string | undefined {
  const at = name.split('/').slice(0, -1);
  const ahead = target.split('/');
  for (let hops = 0; ahead.length > 0; ) {
    const part = ahead.shift() ?? '';
    if (part === '' || part === '.') continue;
    if (part === '..' && at.pop() === undefined) return 'it links to a path outside';
    if (part === '..') continue;
    const next = links.get([...at, part].join('/'));
    if (next === undefined) at.push(part);
    else if (++hops > HOPS) return 'it leads in a circle';
    else ahead.unshift(...next.split('/'));
  }
  return undefined;
}

/** tar reads compressed archives from a pipe only when told how they are compressed. */
export function compression(archive: string): string {
  const start = Buffer.alloc(6);
  const file = openSync(archive, 'r');
  readSync(file, start);
  closeSync(file);
  const magic = start.toString('hex');
  if (magic.startsWith('1f8b')) return '--gzip';
  if (magic.startsWith('fd377a585a00')) return '--xz';
  if (magic.startsWith('28b52ffd')) return '--zstd';
  return magic.startsWith('425a68') ? '--bzip2' : '--format=gnu';
}
