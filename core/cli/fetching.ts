/** Fetching for a command that is about nothing else: some at once, and what happens said line by line. */
import { type Artifact, origin } from '../model/artifact.ts';
import type { Task } from '../model/task.ts';
import { troubleLines } from '../report/troubles.ts';
import { textOf } from '../report/visible.ts';
import type { Reporter } from '../store/download.ts';
import type { CliContext } from './project.ts';

/** Downloads at once. */
const PLACES = 4;

/** Does work for each item, some at once; after a failure the rest is told to stop, and keeps what it has so far. */
export async function forEach<Item>(
  items: readonly Item[],
  stop: AbortController,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const waiting = [...items];
  const worker = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) {
      stop.signal.throwIfAborted();
      await work(item);
    }
  };
  const workers = Array.from({ length: PLACES }, worker);
  for (const each of workers) each.catch((error: unknown) => stop.abort(error));
  await Promise.allSettled(workers);
  stop.signal.throwIfAborted();
}

export function reporterOf(label: string, { say }: CliContext): Reporter {
  return {
    log: (text) => say(textOf([`${label} ${text}`])),
    attempt: ({ url, trouble }) => say(textOf([`${label} not from ${url}: ${troubleLines(trouble)[0]}`])),
    progress: () => {},
  };
}

/** What tasks have from elsewhere, each once. */
export function artifactsOf(tasks: readonly Task[]): readonly Artifact[] {
  const all = tasks.flatMap(({ step }) => step.artifacts ?? []);
  const fetched = all.filter(({ source }) => source.kind !== 'built');
  return [...new Map(fetched.map((artifact) => [`${artifact.name} ${origin(artifact)}`, artifact])).values()];
}
