/** The machine cc runs on: looking needs no process, and what does is loaded when it is first wanted. */
import { readFileSync, statSync } from 'node:fs';
import { machine, type, userInfo } from 'node:os';
import { digestOf } from '../model/digest.ts';
import { codeOf, fail } from '../model/failure.ts';
import type { FileFacts } from '../model/view.ts';
import { type DigestMemo, digestMemo } from './memo.ts';
import type { Transport } from './transport.ts';

/** `base` is the folder where cc notes what it put on this machine. */
export function local(host: string, base: string, memo: DigestMemo = digestMemo()): Transport {
  let loaded: Promise<Transport> | undefined;
  const through = () => {
    loaded ??= import('./local-agent.ts').then(({ ownTransport }) => ownTransport(host, base));
    return loaded;
  };
  return {
    host,
    exec: async (...words) => (await through()).exec(...words),
    files: {
      look: async (path) => {
        // Synchronous: a look at a local file takes microseconds, a way through the thread pool ten times as long.
        const facts = await factsOf(host, path, memo);
        const owner = absentAs(host, () => statSync(`${base}/files/${digestOf(path)}`));
        return { facts, owned: owner !== undefined };
      },
      text: async (path) => absentAs(host, () => readFileSync(path, 'utf8')),
      install: async (...words) => (await through()).files.install(...words),
      folder: async (...words) => (await through()).files.folder(...words),
      unpack: async (...words) => (await through()).files.unpack(...words),
      remove: async (...words) => (await through()).files.remove(...words),
      noted: async () => (await through()).files.noted(),
    },
    records: {
      all: async () => (await through()).records.all(),
      write: async (...words) => (await through()).records.write(...words),
      settle: async (...words) => (await through()).records.settle(...words),
      remove: async (...words) => (await through()).records.remove(...words),
    },
    about: async () => ({ os: type(), machine: machine(), user: username(), release: release() }),
    reap: async (mark) => (await through()).reap(mark),
    lock: async (owner) => (await through()).lock(owner),
    [Symbol.asyncDispose]: async () => {},
  };
}

/** A user may have no name. */
export function username(): string {
  try {
    return userInfo().username;
  } catch {
    return 'a user without a name';
  }
}

function release(): string {
  try {
    return readFileSync('/etc/os-release', 'utf8');
  } catch {
    return '';
  }
}

async function factsOf(host: string, path: string, memo: DigestMemo): Promise<FileFacts | undefined> {
  const facts = absentAs(host, () => statSync(path, { bigint: true }));
  if (!facts) return undefined;
  if (!facts.isDirectory() && !facts.isFile()) return { kind: 'other' };
  const common = {
    mode: Number(facts.mode) & 0o7777,
    owner: `${nameOf('passwd', facts.uid)}:${nameOf('group', facts.gid)}`,
  };
  if (facts.isDirectory()) return { kind: 'directory', ...common };
  return { kind: 'file', ...common, size: Number(facts.size), digest: await memo.digest(path, facts) };
}

/** Who a number stands for, where this machine's own files say so. */
function nameOf(file: 'passwd' | 'group', id: bigint): string {
  if (id === 0n) return 'root';
  const line = new RegExp(`^([^:]*):[^:]*:${id}:`, 'm').exec(readFileSync(`/etc/${file}`, 'utf8'));
  return line?.[1] ?? String(id);
}

/** Only two errors say that nothing is there; after any other it cannot be told. */
function absentAs<Value>(host: string, look: () => Value): Value | undefined {
  try {
    return look();
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    if (!/^E[A-Z0-9]+$/.test(code ?? '')) throw error; // it was asked for no path at all
    return fail({ kind: 'cannot-tell', host, what: 'look at a file', why: String(error) }, error);
  }
}
