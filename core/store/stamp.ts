/** Version stamps: the last applied record of each task, kept on the host it is about. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Transport } from '../host/transport.ts';
import type { Kept } from '../model/change.ts';
import type { Command } from '../model/command.ts';
import { codeOf, fail } from '../model/failure.ts';
import type { Json } from '../model/json.ts';
import type { TaskId } from '../model/task.ts';
import { writeDurably } from './durable.ts';
import { openLedger } from './ledger.ts';
import type { Site } from './site.ts';
import { turns } from './turns.ts';

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
      if ([...found.keys()].some(isStamp)) return;
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

function isStamp(file: string): boolean {
  return file !== SITE && file !== KEY;
}

/** No two tasks share one, because no name has a plus sign in it. */
function fileOf(task: TaskId): string {
  return `${task.replaceAll('/', '+')}.json`;
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
    const stamp: unknown = JSON.parse(content);
    return isWhole(stamp) && stamp.task === task ? stamp : undefined;
  } catch {
    return undefined;
  }
}

type Unchecked<Shape> = { readonly [Key in keyof Shape]?: unknown };

/** Whether all of it is there that others go by. What facts and inputs are like is up to their step. */
function isWhole(stamp: unknown): stamp is Stamp {
  if (!isObject<Stamp>(stamp) || stamp.format !== FORMAT) return false;
  return (
    [stamp.task, stamp.run, stamp.result, stamp.at].every((each) => typeof each === 'string') &&
    ['applying', 'applied', 'failed'].some((state) => state === stamp.state) &&
    typeof stamp.ours === 'boolean' &&
    ['boolean', 'undefined'].includes(typeof stamp.root) &&
    isObject(stamp.manifest) &&
    stamp.facts !== undefined &&
    (stamp.undo === undefined || (Array.isArray(stamp.undo) && stamp.undo.every(isKept)))
  );
}

function isKept(value: unknown): value is Kept {
  if (!isObject<Kept>(value)) return false;
  const { kind, why } = value;
  const is = Object.hasOwn(KEPT, String(kind)) && KEPT[kind as Kept['kind']];
  return typeof why === 'string' && is !== false && is(value);
}

const hasPath = ({ path }: { readonly path?: unknown }) => typeof path === 'string';

const KEPT: { readonly [K in Kept['kind']]: (value: Unchecked<Extract<Kept, { kind: K }>>) => boolean } = {
  run: ({ command }) => isObject<Command>(command) && isWords(command.argv),
  write: (value) => hasPath(value) && typeof value.text === 'string' && typeof value.mode === 'number',
  folder: hasPath,
  remove: hasPath,
  unit: ({ unit, state }) =>
    typeof unit === 'string' && ['started', 'restarted', 'stopped'].some((each) => each === state),
  packages: ({ names }) => isWords(names),
  'by-plugin': ({ title }) => typeof title === 'string',
};

function isWords(value: unknown): boolean {
  return Array.isArray(value) && value.every((word) => typeof word === 'string');
}

function isObject<Shape = object>(value: unknown): value is Unchecked<Shape> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
