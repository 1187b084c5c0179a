/** Version stamps: the last applied record of each task, kept on the host it is about. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Transport } from '../host/transport.ts';
import type { Kept } from '../model/change.ts';
import { codeOf, fail } from '../model/failure.ts';
import type { Json } from '../model/json.ts';
import type { TaskId } from '../model/task.ts';
import { writeDurably } from './durable.ts';
import { openLedger } from './ledger.ts';
import type { Site } from './site.ts';

/** Everything that should determine a task's result, by name, so that every "why" is a difference of two of these. */
export type Manifest = { readonly [component: string]: Json };

export type Stamp = {
  readonly format: typeof FORMAT;
  readonly task: TaskId;
  /** `applying` is written before the first change; only a proven task becomes `applied`. */
  readonly state: 'applying' | 'applied' | 'failed';
  readonly run: string;
  /** Whether cc ever changed anything for it; what was merely found as declared is not cc's to take away. */
  readonly ours: boolean;
  /**
   * What takes it back, as the step said when it was proven, so that this can be done when the step is no longer declared. An
   * older cc wrote none.
   */
  readonly undo?: readonly Kept[];
  /** Of a task that is not proven: the inputs that all of `undo` is of, if it is of one declaration. */
  readonly undoFor?: Json;
  /** Whether that takes root; default true. */
  readonly root?: boolean;
  readonly manifest: Manifest;
  /** What the last probe of the application found; with `report`, what a check learnt. */
  readonly facts: Json;
  readonly report?: Json;
  /** The digest of `facts`: what dependents see of this task. */
  readonly result: string;
  readonly at: string;
};

export const FORMAT = 3;

export interface Stamps {
  /** undefined: never applied, or the record cannot be read and so proves nothing. */
  read(task: TaskId): Promise<Stamp | undefined>;
  /** Those of some tasks that can be read. */
  all(of: (task: TaskId) => boolean): Promise<readonly Stamp[]>;
  write(stamp: Stamp): Promise<void>;
  /** The key under which digests of secrets are kept; a new one is kept with the next stamp, so that looking writes nothing. */
  key(): Promise<string>;
  remove(task: TaskId): Promise<void>;
}

/** Stamps in one file of the machine cc runs on. requires: a run reads none before it has the hold. */
export function localStamps(path: string): Stamps & AsyncDisposable {
  const ledger = openLedger(path);
  const file = join(dirname(path), KEY);
  const key = keyOf(
    async () => keyIn(file),
    (text) => writeDurably(file, text),
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
    [Symbol.asyncDispose]: () => ledger[Symbol.asyncDispose](),
  };
}

/** The record that says whose the stamps are; it goes with the last of them. */
const SITE = 'site';
/** The record with the key of the host, which goes with them too; on the controller a file beside the stamps. */
const KEY = 'key';

/** A key that is made when it is first asked for, and kept before anything that depends on it is. */
function keyOf(read: () => Promise<string | undefined>, write: (key: string) => Promise<void>) {
  let known: Promise<string> | undefined;
  let fresh: string | undefined;
  return {
    get: (): Promise<string> => {
      known ??= read().then(async (kept) => {
        if (kept !== undefined && /^[0-9a-f]{64}$/.test(kept)) return kept;
        fresh = (await import('../host/seal.ts')).newKey(); // not loaded where there are no secrets
        return fresh;
      });
      return known;
    },
    keep: async (): Promise<void> => {
      if (fresh === undefined) return;
      await write(fresh);
      fresh = undefined;
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
export function remoteStamps({ host, records }: Transport, site?: Site): Stamps {
  const all = memoized(async () => {
    const found = new Map(await records.all());
    const theirs = siteOf(found.get(SITE));
    if (site && theirs && theirs.id !== site.id) fail({ kind: 'foreign-site', host, mine: site, theirs });
    return found;
  });
  /** Before the first stamp, so that nobody else takes the host for nobody's; once, however many tasks end at the same time. */
  const sign = memoized(async () => {
    const found = await all();
    if (!site || found.has(SITE)) return;
    await records.write(SITE, JSON.stringify(site));
    found.set(SITE, JSON.stringify(site));
  });
  const key = keyOf(
    async () => (await all()).get(KEY),
    (kept) => records.write(KEY, kept),
  );
  return {
    key: key.get,
    read: async (task) => parsed(task, (await all()).get(fileOf(task))),
    all: async (of) =>
      [...(await all())].flatMap(([file, body]) => {
        const task = taskOf(file);
        return file !== SITE && file !== KEY && of(task) ? (parsed(task, body) ?? []) : [];
      }),
    write: async (stamp) => {
      const [file, body] = [fileOf(stamp.task), text(stamp)];
      await sign();
      await key.keep();
      await records.write(file, body);
      (await all()).set(file, body);
    },
    remove: async (task) => {
      await records.remove(fileOf(task));
      (await all()).delete(fileOf(task));
    },
  };
}

/** Does something when first asked, and remembers the answer. */
function memoized<Value extends object>(make: () => Value): () => Value {
  let made: Value | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/** No two tasks share one, because no name has a plus sign in it. */
function fileOf(task: TaskId): string {
  return `${task.replaceAll('/', '+')}.json`;
}

function siteOf(text: string | undefined): Site | undefined {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as Site; // written by `sign`
  } catch {
    return undefined; // torn: the next run signs anew
  }
}

function taskOf(file: string): TaskId {
  return file.slice(0, -'.json'.length).replaceAll('+', '/') as TaskId; // of the file that `fileOf` names
}

function text(stamp: Stamp): string {
  return JSON.stringify(stamp);
}

/**
 * A torn, foreign or older record counts as none: the task then runs, which is always safe. No digest seals it: whatever is
 * cut off is no JSON, and the way to a host is checked there; to digest each would be most of a run that changes nothing.
 */
function parsed(task: string, content: string | undefined): Stamp | undefined {
  if (content === undefined) return undefined;
  try {
    const stamp = JSON.parse(content) as Stamp; // requires: written by `text`, as format and task show
    return stamp.format === FORMAT && stamp.task === task ? stamp : undefined;
  } catch {
    return undefined;
  }
}
