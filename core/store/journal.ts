/** What a run leaves to read: its events, a log for each task, and how long tasks took. */
import { closeSync, openSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { append, fileText, makeFolder, unread } from '../host/own-files.ts';
import type { Event } from '../model/event.ts';
import { codeOf, unwritten } from '../model/failure.ts';
import { isFinal, isGood, type TaskId } from '../model/task.ts';
import { writeDurably } from './durable.ts';

const EVENTS = 'events.ndjson';
/** Runs whose logs are kept. */
const KEPT = 10;
/** Durations kept for each task; the median of them orders the next run. */
const REMEMBERED = 5;

export type Durations = Readonly<Record<TaskId, readonly number[]>>;

export interface Journal {
  /** The folder with the logs of this run. */
  readonly folder: string;
  /** Fails when it cannot be written; whatever else is recorded stays whole. */
  record(event: Event): void;
  /** ensures: durations of tasks that changed something are remembered, and old runs are gone. */
  close(): Promise<void>;
}

/** Opens the record of a run below `state`; a reading command opens none. */
export function openJournal(state: string, run: string): Journal {
  const folder = join(state, 'runs', run);
  makeFolder(folder);
  const events = opened(join(folder, EVENTS));
  const took = new Map<TaskId, number>();
  const logs = openLogs(folder);
  return {
    folder,
    record: (event) => {
      if (event.kind === 'output') return logs.printed(event.id, event.text);
      if (event.kind === 'change' || event.kind === 'command') logs.did(event.id, headOf(event));
      if (event.kind === 'task' && event.state === 'applied' && event.took !== undefined)
        took.set(event.id, event.took);
      if (event.kind === 'task' && isFinal(event.state)) logs.ended(event.id, isGood(event.state));
      added(join(folder, EVENTS), events, `${JSON.stringify(event)}\n`);
    },
    close: async () => {
      logs.close();
      closeSync(events);
      await remember(state, took);
      keepLatest(state, run);
    },
  };
}

/**
 * The logs of tasks. What a task does waits to be logged until it says something or fails: a file for each of many silent ones
 * costs more than they do, and the events have it anyway.
 */
function openLogs(folder: string) {
  const files = new Map<TaskId, number>();
  const heads = new Map<TaskId, string>();
  /** Tasks in the middle of a line. */
  const begun = new Set<TaskId>();
  const log = (id: TaskId, text: string): void => {
    const path = join(folder, logFile(id));
    const file = files.get(id) ?? opened(path);
    files.set(id, file);
    const head = heads.get(id) ?? '';
    const above = head !== '' && begun.delete(id) ? `\n${head}` : head;
    added(path, file, above + marked(text, '| ', begun.has(id)));
    heads.delete(id);
    if (text !== '') begun[text.endsWith('\n') ? 'delete' : 'add'](id);
  };
  const closed = (id: TaskId): void => {
    const file = files.get(id);
    if (file !== undefined) closeSync(file);
    files.delete(id);
  };
  return {
    did: (id: TaskId, head: string) => heads.set(id, (heads.get(id) ?? '') + head),
    printed: log,
    ended: (id: TaskId, isWell: boolean) => {
      if (!isWell && heads.has(id)) log(id, '');
      heads.delete(id);
      closed(id);
    },
    close: () => {
      for (const id of [...files.keys()]) closed(id);
    },
  };
}

/** Text with a mark before each line, so that none passes for a line of cc; with `begun` the first goes on in the middle of one. */
function marked(text: string, mark: string, begun = false): string {
  const first = begun || text === '' || text.startsWith('\n') ? '' : mark;
  return first + text.replaceAll(/\n(?=[^\n])/g, `\n${mark}`);
}

function opened(path: string): number {
  try {
    return openSync(path, 'a', 0o600);
  } catch (error) {
    return unwritten(path, error);
  }
}

function added(path: string, file: number, text: string): void {
  try {
    append(file, text);
  } catch (error) {
    unwritten(path, error);
  }
}

export function logFile(id: TaskId): string {
  return `${id.replaceAll('/', '.')}.log`;
}

/** How long each task took lately, in milliseconds; nothing known is no error. */
export function readDurations(state: string): Durations {
  try {
    const known: unknown = JSON.parse(fileText(join(state, 'durations.json')));
    return typeof known === 'object' && known !== null ? (known as Durations) : {}; // written by `remember`
  } catch {
    return {};
  }
}

export function median(values: readonly number[]): number | undefined {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)];
}

/** What a task did and said in the newest run in which it did something. */
export function latestLog(state: string, id: TaskId): string | undefined {
  for (const run of runsIn(state).toReversed()) {
    const folder = join(state, 'runs', run);
    const log = join(folder, logFile(id));
    const text = textIn(log) ?? headIn(textIn(join(folder, EVENTS)) ?? '', id);
    if (text !== '') return text;
  }
  return undefined;
}

/** What the events of a run tell of a task that said nothing. */
function headIn(events: string, id: TaskId): string {
  const mark = JSON.stringify(id); // most lines are of other tasks, and need not be read
  return events
    .split('\n')
    .slice(0, -1) // what follows the last line's end was cut off
    .filter((line) => line.includes(mark))
    .map((line) => headOf(JSON.parse(line) as Event)) // written by `record`
    .join('');
}

/** What has more than one line has a sign before each, as in a shell. */
function headOf(event: Event): string {
  if (event.kind === 'change') return `${marked(`${event.what}\nbecause ${event.why}`, '# ')}\n`;
  return event.kind === 'command' ? `$ ${event.command.replaceAll('\n', '\n> ')}\n` : '';
}

async function remember(state: string, took: ReadonlyMap<TaskId, number>): Promise<void> {
  if (took.size === 0) return;
  const all: Record<string, readonly number[]> = { ...readDurations(state) };
  for (const [id, time] of took) all[id] = [...(all[id] ?? []), time].slice(-REMEMBERED);
  await writeDurably(join(state, 'durations.json'), JSON.stringify(all));
}

function keepLatest(state: string, run: string): void {
  const link = join(state, 'latest');
  try {
    rmSync(link, { recursive: true, force: true }); // a copy of the state may have a folder there
    symlinkSync(join('runs', run), link);
    for (const old of runsIn(state).slice(0, -KEPT))
      rmSync(join(state, 'runs', old), { recursive: true, force: true });
  } catch (error) {
    unwritten(link, error);
  }
}

/** Run ids start with their time, so that they sort by it. */
function runsIn(state: string): readonly string[] {
  const runs = join(state, 'runs');
  return seen(runs, () => readdirSync(runs).toSorted()) ?? [];
}

function textIn(file: string): string | undefined {
  return seen(file, () => fileText(file));
}

/** undefined: it is not there, or stands where only runs should. What may not be read is there. */
function seen<Value>(path: string, look: () => Value): Value | undefined {
  try {
    return look();
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(error) ?? '')) return undefined;
    return unread(path, error, 'read the record of runs');
  }
}
