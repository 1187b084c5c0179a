/**
 * Records of one writer in one file that only grows: a line `key TAB text` for each, the last of a key counts, and one
 * without text takes the key back. Cheaper than a file for each record: nothing is created, renamed or removed, and one
 * sync serves all who wait for it.
 */
import { closeSync, fdatasync, openSync } from 'node:fs';
import { append, fileText, unread } from '../host/own-files.ts';
import { codeOf, unwritten } from '../model/failure.ts';
import { writeDurably } from './durable.ts';

export interface Ledger extends AsyncDisposable {
  get(key: string): string | undefined;
  keys(): readonly string[];
  /** requires: no tab in the key, no line break in either. ensures: on the disk when the promise is fulfilled. */
  set(key: string, text: string): Promise<void>;
  remove(key: string): Promise<void>;
}

/** Lines for each record, above which the file is written anew without the dead ones. */
const LINES_PER_RECORD = 4;

/** What the file says, and whether it can be added to as it is. */
interface Content {
  readonly records: Map<string, string>;
  readonly tidy: boolean;
}

/** The file, open for adding to it. */
interface Tail {
  readonly file: number;
  readonly synced: () => Promise<void>;
}

/** The file is read when first asked for, and made when first written. requires: nobody else writes it after that. */
export function openLedger(path: string): Ledger {
  let content: Content | undefined;
  let tail: Promise<Tail> | undefined;
  const known = (): Content => {
    content ??= contentOf(path);
    return content;
  };
  const add = async (key: string, text: string): Promise<void> => {
    try {
      tail ??= opened(path, known());
      const { file, synced } = await tail;
      append(file, line(key, text));
      if (text === '') known().records.delete(key);
      else known().records.set(key, text);
      await synced();
    } catch (error) {
      unwritten(path, error);
    }
  };
  return {
    get: (key) => known().records.get(key),
    keys: () => [...known().records.keys()],
    set: add,
    remove: async (key) => {
      if (known().records.has(key)) await add(key, '');
    },
    [Symbol.asyncDispose]: async () => {
      const open = await tail?.catch(() => undefined); // whoever wrote was told why it could not be opened
      if (open) closeSync(open.file);
    },
  };
}

function line(key: string, text: string): string {
  return `${key}\t${text}\n`;
}

/** A writer that was killed may have left a last line without its end: it never counted. */
function contentOf(path: string): Content {
  const text = readable(path);
  const whole = text?.slice(0, text.lastIndexOf('\n') + 1).split('\n') ?? [];
  const records = new Map<string, string>();
  for (const each of whole) {
    const tab = each.indexOf('\t');
    if (tab === each.length - 1) records.delete(each.slice(0, tab));
    else if (tab > 0) records.set(each.slice(0, tab), each.slice(tab + 1));
  }
  const tidy = text?.endsWith('\n') === true && whole.length <= LINES_PER_RECORD * records.size;
  return { records, tidy };
}

function readable(path: string): string | undefined {
  try {
    return fileText(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    return unread(path, error);
  }
}

async function opened(path: string, { records, tidy }: Content): Promise<Tail> {
  if (!tidy) await writeDurably(path, [...records].map(([key, text]) => line(key, text)).join(''));
  const file = openSync(path, 'a');
  return { file, synced: syncs(file) };
}

/**
 * Syncs one after the other: all who ask while one is under way share the next. After one that failed all fail, because
 * the kernel reports a lost page once and then takes it for written.
 */
function syncs(file: number): () => Promise<void> {
  let current = Promise.resolve();
  let next: Promise<void> | undefined;
  return () => {
    next ??= current.then(() => {
      next = undefined;
      current = dataSynced(file);
      return current;
    });
    return next;
  };
}

function dataSynced(file: number): Promise<void> {
  return new Promise((done, failed) => fdatasync(file, (error) => (error ? failed(error) : done())));
}
