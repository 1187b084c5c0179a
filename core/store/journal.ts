/** What a run leaves to read: its events, a log for each task, and how long tasks took. */
import {
  appendFileSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Event } from '../model/event.ts';
import { isFinal, type TaskId } from '../model/task.ts';
import { writeDurably } from './durable.ts';

/** Runs whose logs are kept. */
const KEPT = 10;
/** Durations kept for each task; the median of them orders the next run. */
const REMEMBERED = 5;

export type Durations = Readonly<Record<TaskId, readonly number[]>>;

export interface Journal {
  /** The folder with the logs of this run. */
  readonly folder: string;
  record(event: Event): void;
  /** ensures: durations of tasks that changed something are remembered, and old runs are gone. */
  close(): Promise<void>;
}

/** Opens the record of a run below `state`; a reading command opens none. */
export function openJournal(state: string, run: string): Journal {
  const folder = join(state, 'runs', run);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const events = openSync(join(folder, 'events.ndjson'), 'a', 0o600);
  const took = new Map<TaskId, number>();
  const logs = new Map<TaskId, number>();
  const log = (id: TaskId, text: string): void => {
    const file = logs.get(id) ?? openSync(join(folder, logFile(id)), 'a', 0o600);
    logs.set(id, file);
    appendFileSync(file, text);
  };
  const closed = (id: TaskId): void => {
    const file = logs.get(id);
    if (file !== undefined) closeSync(file);
    logs.delete(id);
  };
  return {
    folder,
    record: (event) => {
      if (event.kind === 'output') return log(event.id, event.text);
      if (event.kind === 'change') log(event.id, `# ${event.what}\n# because ${event.why}\n`);
      if (event.kind === 'task' && event.state === 'applied' && event.took !== undefined)
        took.set(event.id, event.took);
      if (event.kind === 'task' && isFinal(event.state)) closed(event.id);
      writeSync(events, `${JSON.stringify(event)}\n`);
    },
    close: async () => {
      for (const id of [...logs.keys()]) closed(id);
      closeSync(events);
      await remember(state, took);
      keepLatest(state, run);
    },
  };
}

export function logFile(id: TaskId): string {
  return `${id.replaceAll('/', '.')}.log`;
}

/** How long each task took lately, in milliseconds; nothing known is no error. */
export function readDurations(state: string): Durations {
  try {
    const known: unknown = JSON.parse(readFileSync(join(state, 'durations.json'), 'utf8'));
    return typeof known === 'object' && known !== null ? (known as Durations) : {}; // written by `remember`
  } catch {
    return {};
  }
}

export function median(values: readonly number[]): number | undefined {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)];
}

/** The newest run's folder that has a log of this task. */
export function latestLog(state: string, id: TaskId): string | undefined {
  const logs = runsIn(state).map((run) => join(state, 'runs', run, logFile(id)));
  const latest = logs.findLast((log) => existsSync(log));
  return latest === undefined ? undefined : readFileSync(latest, 'utf8');
}

async function remember(state: string, took: ReadonlyMap<TaskId, number>): Promise<void> {
  if (took.size === 0) return;
  const all: Record<string, readonly number[]> = { ...readDurations(state) };
  for (const [id, time] of took) all[id] = [...(all[id] ?? []), time].slice(-REMEMBERED);
  await writeDurably(join(state, 'durations.json'), JSON.stringify(all));
}

function keepLatest(state: string, run: string): void {
  const link = join(state, 'latest');
  rmSync(link, { force: true });
  symlinkSync(join('runs', run), link);
  for (const old of runsIn(state).slice(0, -KEPT))
    rmSync(join(state, 'runs', old), { recursive: true, force: true });
}

/** Run ids start with their time, so that they sort by it. */
function runsIn(state: string): readonly string[] {
  try {
    return readdirSync(join(state, 'runs')).toSorted();
  } catch {
    return [];
  }
}
