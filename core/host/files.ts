/** Files on a host, by small scripts that a POSIX shell runs there; locally, looking needs no process. */
import { readFileSync, statSync } from 'node:fs';
import { asDigest, digestOf } from '../model/digest.ts';
import { codeOf, fail } from '../model/failure.ts';
import type { FileFacts } from '../model/view.ts';
import { isFull } from './disk.ts';
import type { DigestMemo } from './memo.ts';
import { ABSENT, FOLDER, INSTALL, LOOK, REMOVE, TEXT, UNPACK } from './scripts.ts';
import type { ExecOptions, Exit, Files, Look } from './transport.ts';

type Exec = (argv: readonly string[], options?: ExecOptions) => Promise<Exit>;

/** Files by scripts alone; `base` is cc's own folder on that host. */
export function scriptedFiles(host: string, exec: Exec, base: string): Files {
  const script = async (
    what: string,
    text: string,
    args: readonly string[],
    input?: ExecOptions['input'],
  ) => {
    const exit = await exec(['sh', '-c', text, 'cc', ...args], input === undefined ? {} : { input });
    if (exit.code === 0 || (text === TEXT && exit.code === ABSENT)) return exit;
    if (await isFull(exec, base)) return fail({ kind: 'disk-full', host, what });
    return fail({
      kind: 'cannot-tell',
      host,
      what,
      why: exit.stderr.trim() || `exit ${exit.code ?? exit.signal}`,
    });
  };
  const own = (path: string) => [base, digestOf(path), path];
  return {
    look: async (path) => lookOf((await script(`look at ${path}`, LOOK, own(path))).stdout),
    text: async (path) => {
      const exit = await script(`read ${path}`, TEXT, [path]);
      return exit.code === ABSENT ? undefined : exit.stdout;
    },
    install: async (path, { source, digest }, mode) => {
      await script(`write ${path}`, INSTALL, [...own(path), mode.toString(8), digest], source);
    },
    folder: async (path) => {
      await script(`make ${path}`, FOLDER, own(path));
    },
    unpack: async (path, archive, strip, most) => {
      const { checkArchive, compression } = await import('./archive.ts'); // a run that unpacks nothing starts without it
      await checkArchive(archive, strip, most === undefined ? {} : { bytes: most });
      const how = compression(archive);
      await script(`unpack ${path}`, UNPACK, [...own(path), String(strip), how], { file: archive });
    },
    remove: async (path) => {
      await script(`remove ${path}`, REMOVE, own(path));
    },
  };
}

/** The same, with looks that spare a process: for the user cc runs as, on the machine it runs on. */
export function localFiles(host: string, exec: Exec, base: string, memo: DigestMemo): Files {
  return {
    ...scriptedFiles(host, exec, base),
    look: async (path) => {
      // Synchronous: a look at a local file takes microseconds, a way through the thread pool ten times as long.
      const facts = await factsOf(host, path, memo);
      const owner = absentAs(host, () => statSync(`${base}/files/${digestOf(path)}`));
      return { facts, owned: owner !== undefined };
    },
    text: async (path) => absentAs(host, () => readFileSync(path, 'utf8')),
  };
}

function lookOf(line: string): Look {
  const [owner, kind, mode = '', size, digest = ''] = line.trim().split(' ');
  const owned = owner === 'owned';
  if (kind === 'absent') return { facts: undefined, owned };
  if (kind === 'directory') return { facts: { kind, mode: Number.parseInt(mode, 8) }, owned };
  if (kind !== 'file') return { facts: { kind: 'other' }, owned };
  const known = asDigest(digest);
  if (!known) throw new Error(`no digest in "${line}"`);
  return { facts: { kind, mode: Number.parseInt(mode, 8), size: Number(size), digest: known }, owned };
}

async function factsOf(host: string, path: string, memo: DigestMemo): Promise<FileFacts | undefined> {
  const facts = absentAs(host, () => statSync(path, { bigint: true }));
  if (!facts) return undefined;
  const mode = Number(facts.mode) & 0o7777;
  if (facts.isDirectory()) return { kind: 'directory', mode };
  if (!facts.isFile()) return { kind: 'other' };
  return { kind: 'file', mode, size: Number(facts.size), digest: await memo.digest(path, facts) };
}

/** Only two errors say that nothing is there; after any other it cannot be told. */
function absentAs<Value>(host: string, look: () => Value): Value | undefined {
  try {
    return look();
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    if (code === undefined) throw error;
    return fail({ kind: 'cannot-tell', host, what: 'look at a file', why: String(error) }, error);
  }
}
