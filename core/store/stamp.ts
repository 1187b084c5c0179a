/** Version stamps: the last applied record of each task, kept on the host it is about. */
import { dirname, join } from 'node:path';
import { fileText, unread } from '../host/own-files.ts';
import { codeOf } from '../model/failure.ts';
import type { TaskId } from '../model/task.ts';
import { writeDurably } from './durable.ts';
import { openLedger } from './ledger.ts';
import { FORMAT, type Manifest, parsed, type Stamp, text } from './stamp-text.ts';

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

/** The record with the key of the host, which goes with them too; on the controller a file beside the stamps. */
export const KEY = 'key';

/** A key that is made when it is first asked for, and kept before anything that depends on it is. */
export function keyOf(read: () => Promise<string | undefined>, write: (key: string) => Promise<void>) {
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
    return fileText(file);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    return unread(file, error);
  }
}
