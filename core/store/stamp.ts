/** Version stamps: the last applied record of each task, kept on the host it is about. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Transport } from '../host/transport.ts';
import { codeOf, fail } from '../model/failure.ts';
import type { TaskId } from '../model/task.ts';
import { writeDurably } from './durable.ts';
import { openLedger } from './ledger.ts';
import type { Site } from './site.ts';
import { FORMAT, type Manifest, parsed, type Stamp, text } from './stamp-text.ts';
import { turns } from './turns.ts';

export { FORMAT, type Manifest, type Stamp };

export interface Stamps {
  /** undefined: never applied, or the record cannot be read and so proves nothing. */
  read(task: TaskId): Promise<Stamp | undefined>;
  /** Those of some tasks that can be read. */
  all(of: (task: TaskId) => boolean): Promise<readonly Stamp[]>;
  write(stamp: Stamp): Promise<void>;
  /** The key under which digests of secrets are kept; a new one is kept with the next stamp, so that looking writes nothing. */
  key(): Promise<string>;
  remove(task: TaskId): Promise<void>;
  /** Records of tasks that cannot be read, as they stand there, by their names. */
  torn(): Promise<ReadonlyMap<string, string>>;
  /** Removes them, and what else is left where no stamp is. */
  clear(): Promise<void>;
}

/** Stamps in one file of the machine cc runs on. requires: a run reads none before it has the hold. */
export function localStamps(path: string): Stamps & AsyncDisposable {
  const ledger = openLedger(path);
  const file = join(dirname(path), KEY);
  const key = keyOf(
    async () => keyIn(file),
    (text) => writeDurably(file, text),
  );
  const torn = () =>
    new Map(
      (ledger.keys() as TaskId[]).flatMap((key) => {
        const text = ledger.get(key);
        return text === undefined || parsed(key, text) ? [] : [[key, text]];
      }),
    );
  return {
    key: key.get,
    read: async (task) => parsed(task, ledger.get(task)),
    all: async (of) =>
      (ledger.keys() as TaskId[]).filter(of).flatMap((key) => parsed(key, ledger.get(key)) ?? []),
    write: async (stamp) => {
      await key.keep();
      await ledger.set(stamp.task, text(stamp));
    },
    remove: (task) => ledger.remove(task),
    torn: async () => torn(),
    clear: async () => {
      for (const key of torn().keys()) await ledger.remove(key);
    },
    [Symbol.asyncDispose]: () => ledger[Symbol.asyncDispose](),
  };
}

/** The record that says whose the stamps are; it goes with the last of them. */
const SITE = 'site';
/** The record with the key of the host, which goes with them too; on the controller a file beside the stamps. */
const KEY = 'key';
/** What these two are named by, and each stamp. */
const BESIDE: readonly string[] = [SITE, KEY];
const STAMP = '.json';

/** A key that is made when it is first asked for, and kept before anything that depends on it is. */
function keyOf(read: () => Promise<string | undefined>, write: (key: string) => Promise<void>) {
  let known: Promise<string> | undefined;
  let kept: string | undefined;
  let fresh: string | undefined;
  return {
    get: (): Promise<string> => {
      known ??= read().then(async (found) => {
        if (found !== undefined && /^[0-9a-f]{64}$/.test(found)) {
          kept = found;
          return found;
        }
        fresh = (await import('../host/seal.ts')).newKey(); // not loaded where there are no secrets
        return fresh;
      });
      return known;
    },
    keep: async (): Promise<void> => {
      if (fresh === undefined) return;
      await write(fresh);
      kept = fresh;
      fresh = undefined;
    },
    /** What was kept is no longer there: the same one is kept anew with the next stamp. */
    gone: (): void => {
      fresh ??= kept;
    },
  };
}

function keyIn(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    return fail({ kind: 'cannot-tell', host: 'controller', what: `read ${file}`, why: String(error) }, error);
  }
}

/**
 * Stamps on a host, as root; all of them are read at once, when first asked for. Fails with `foreign-site` where they are of
 * another site.
 */
export function remoteStamps(transport: Transport, site?: Site): Stamps {
  const { all, key, put, forget } = signedRecords(transport, site);
  const unread = async () => [...(await all())].filter(([file, body]) => !parsed(taskOf(file), body));
  return {
    key: key.get,
    read: async (task) => parsed(task, (await all()).get(fileOf(task))),
    all: async (of) =>
      [...(await all())].flatMap(([file, body]) => {
        const task = taskOf(file);
        return isStamp(file) && of(task) ? (parsed(task, body) ?? []) : [];
      }),
    write: (stamp) => put(fileOf(stamp.task), text(stamp)),
    remove: (task) => forget(fileOf(task)),
    torn: async () => new Map((await unread()).filter(([file]) => isStamp(file))),
    clear: async () => {
      const files = (await unread()).map(([file]) => file);
      const others = files.filter((file) => !BESIDE.includes(file));
      // Where nothing else is left, whose they are goes, too.
      const last = others.length === 0 && files.length === (await all()).size ? files.slice(0, 1) : [];
      for (const file of [...others, ...last]) await forget(file);
    },
  };
}

/** The records of a host, with whose they are and their key, which come before the first stamp and go with the last. */
function signedRecords({ host, records }: Transport, site: Site | undefined) {
  const all = memoized(async () => {
    const found = new Map(await records.all());
    const theirs = siteOf(found.get(SITE));
    if (site && theirs && theirs.id !== site.id) fail({ kind: 'foreign-site', host, mine: site, theirs });
    return found;
  });
  const key = keyOf(
    async () => (await all()).get(KEY),
    (kept) => records.write(KEY, kept),
  );
  /** So that nobody else takes the host for nobody's; once, however many tasks end at the same time. */
  let signed: Promise<void> | undefined;
  const sign = async () => {
    const found = await all();
    if (!site || siteOf(found.get(SITE))) return;
    await records.write(SITE, JSON.stringify(site));
    found.set(SITE, JSON.stringify(site));
  };
  // What goes last takes the signature along, so nothing is written in that moment.
  const { together, alone } = turns();
  const put = (file: string, body: string) =>
    together(async () => {
      const found = await all();
      signed ??= sign();
      await signed;
      await key.keep();
      await records.write(file, body);
      found.set(file, body);
    });
  const forget = (file: string) =>
    alone(async () => {
      const found = await all();
      await records.remove(file);
      found.delete(file);
      if ([...found.keys()].some((each) => !BESIDE.includes(each))) return;
      found.clear();
      signed = undefined;
      key.gone();
    });
  return { all, key, put, forget };
}

/** Does something when first asked, and remembers the answer. */
function memoized<Value extends object>(make: () => Value): () => Value {
  let made: Value | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/** Anything else is a record that was being written when its writer died: what it was to replace counts. */
function isStamp(file: string): boolean {
  return file.endsWith(STAMP);
}

/** No two tasks share one, because no name has a plus sign in it. */
function fileOf(task: TaskId): string {
  return `${task.replaceAll('/', '+')}${STAMP}`;
}

function siteOf(text: string | undefined): Site | undefined {
  if (text === undefined) return undefined;
  try {
    const { id, name } = JSON.parse(text) ?? {};
    return typeof id === 'string' && typeof name === 'string' ? { id, name } : undefined;
  } catch {
    return undefined; // torn: the next run signs anew
  }
}

function taskOf(file: string): TaskId {
  return file.slice(0, -STAMP.length).replaceAll('+', '/') as TaskId; // of the file that `fileOf` names
}
