/** One line for each thing worth knowing: for logs, pipes and terminals alike. */
import type { Emit, Event } from '../model/event.ts';
import { hostOf, type TaskId } from '../model/task.ts';
import { explained, sharing } from './explain.ts';
import { troubleLines } from './troubles.ts';
import { textOf } from './visible.ts';
import { behindLines, changed, counted, countsLine, duration, reasonLine, rolledLines } from './words.ts';

export type Write = (text: string) => void;

export function lines(write: Write): Emit {
  const linesFor = teller();
  return (event) => {
    const text = textOf(linesFor(event));
    if (text !== '') write(text);
  };
}

/**
 * The lines an event is worth; none for most. A failure that many tasks share is explained once, and that a host cannot be reached
 * is told once for all its tasks.
 */
export function teller(): (event: Event) => readonly string[] {
  const firstOf = sharing();
  const unreached = new Map<TaskId, string>();
  return (event) => {
    if (event.kind !== 'task') return linesOf(event);
    const { id, state, failure, because } = event;
    if (state === 'skipped' && because && unreached.get(because) === hostOf(id)) return [];
    if (!failure) return linesOf(event);
    const first = firstOf(id, failure);
    const isUnreached = failure.kind === 'unreachable';
    if (isUnreached) unreached.set(id, failure.host);
    if (first === undefined) return linesOf(event);
    return isUnreached ? [] : [`✘ ${id} ${state}, for the same reason as ${first}`];
  };
}

function linesOf(event: Event): readonly string[] {
  if (event.kind === 'run-started') return [startLine(event)];
  if (event.kind === 'notice') return [`  ${event.id}: ${event.text}`];
  if (event.kind === 'attempt')
    return [`  ${event.id}: not from ${event.attempt.url}: ${troubleLines(event.attempt.trouble)[0]}`];
  if (event.kind === 'task') return taskLines(event);
  if (event.kind === 'run-ended') return summary(event);
  return [];
}

function startLine({ verb, recipe, config, tasks, logs }: Extract<Event, { kind: 'run-started' }>): string {
  const from = config === undefined ? '' : ` from ${config}`;
  return `${verb} ${recipe}: ${counted(tasks.length, 'task')}${from}, logs in ${logs}`;
}

function taskLines(event: Extract<Event, { kind: 'task' }>): readonly string[] {
  const { id, state, took = 0, reason, failure, because, report } = event;
  if (state === 'performing' && reason) return [`▶ ${id} (${reasonLine(reason)})`];
  if (state === 'applied') return [`✔ ${id} ${duration(took)}`, ...reported(report)];
  if (state === 'adopted') return [`= ${id} was already as declared`];
  if (state === 'skipped') return [`- ${id} skipped because ${because} failed`];
  if (state === 'interrupted')
    return [`✘ ${id} interrupted after ${duration(took)}; the next run goes on from there`];
  if (!failure) return [];
  return [`✘ ${id} ${state} after ${duration(took)}`, ...explained(failure).map((line) => `  ${line}`)];
}

/** A check's report: its lines, when it has any to show. */
function reported(report: unknown): readonly string[] {
  const shown = typeof report === 'object' && report !== null && 'lines' in report ? report.lines : [];
  return Array.isArray(shown)
    ? shown.map((line) => `  ${typeof line === 'string' ? line : JSON.stringify(line)}`)
    : [];
}

/** The critical path is shown down to this share of the run. */
const WORTH = 0.02;

function summary(event: Extract<Event, { kind: 'run-ended' }>): readonly string[] {
  const { took, counts, path, behind = [], rolled, logs } = event;
  const length = path.reduce((sum, task) => sum + task.took, 0);
  const worth = path
    .filter((task) => task.took >= took * WORTH)
    .map(({ id, took }) => `${id} ${duration(took)}`);
  return [
    `${changed(counts)} changed in ${duration(took)}: ${countsLine(counts)}`,
    ...(changed(counts) > 0 && worth.length > 0
      ? [`critical path ${duration(length)}: ${worth.join(' → ')}`]
      : []),
    ...behindLines('not done', behind),
    ...(rolled ? rolledLines(rolled) : []),
    ...(counts.failed || counts['timed-out'] || counts.interrupted || counts.lost ? [`logs in ${logs}`] : []),
  ];
}
