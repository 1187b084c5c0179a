/** Small words of reports: durations, reasons, counts. */
import { differenceLine } from '../model/difference.ts';
import type { Behind, Counts, Detail, Reason, Rolled } from '../model/event.ts';
import type { Owner, Place, SiteName } from '../model/failure.ts';
import { NO_IDENTITY } from '../model/owner.ts';
import type { State } from '../model/task.ts';

/** `340 ms`, `12.3 s`, `4 min 02 s`. */
export function duration(ms: number): string {
  if (Math.round(ms) < 1000) return `${Math.round(ms)} ms`;
  const tenths = Math.round(ms / 100);
  if (tenths < 600) return `${(tenths / 10).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, '0')} s`;
}

const MB = 1_000_000;

/** `12.3 of 45.0 MB`. */
export function amount({ done, total }: { readonly done: number; readonly total?: number }): string {
  const whole = total === undefined ? '' : ` of ${(total / MB).toFixed(1)}`;
  return `${(done / MB).toFixed(1)}${whole} MB`;
}

const REASONS: { readonly [K in Reason['kind']]: string } = {
  new: 'new',
  drifted: 'drifted',
  changed: 'changed',
  interrupted: 'interrupted before',
  'failed-before': 'failed before',
  turn: 'for others in its turn',
  undo: 'undo',
  undeclared: 'no longer declared',
};

/** Details shown on one line; `cc why` shows all. */
const SHOWN = 2;

export function reasonLine({ kind, details }: Reason): string {
  const more = details.length > SHOWN ? [`and ${details.length - SHOWN} more`] : [];
  return `${REASONS[kind]}: ${[...details.slice(0, SHOWN).map(detailLine), ...more].join('; ')}`;
}

export function detailLine(detail: Detail): string {
  return typeof detail === 'string' ? detail : differenceLine(detail);
}

const STATES: readonly State[] = [
  'applied',
  'adopted',
  'verified',
  'failed',
  'timed-out',
  'interrupted',
  'lost',
  'skipped',
  'cancelled',
];

/** `2 applied, 31 verified`; a state that no task ended in is not mentioned. */
export function countsLine(counts: Counts): string {
  return (
    STATES.flatMap((state) => (counts[state] ? [`${counts[state]} ${state}`] : [])).join(', ') ||
    'nothing to do'
  );
}

/** How many hosts' things were altered: what "0 changed" is about. */
export function changed(counts: Counts): number {
  return counts.applied ?? 0;
}

export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** `not done: w-2 (13 of 13 tasks), w-7 (1 of 13 tasks)`; no line where nobody is behind. */
export function behindLines(what: string, hosts: readonly Behind[]): readonly string[] {
  const each = hosts.map(({ host, left, of }) => `${host} (${left} of ${counted(of, 'task')})`);
  return each.length === 0 ? [] : [`${what}: ${each.join(', ')}`];
}

/** Who has had its turn, who is in the middle of it, and who has not begun. */
export function rolledLines({ done, inside, left }: Rolled): readonly string[] {
  const some = (hosts: readonly string[]) => (hosts.length === 0 ? 'nobody' : hosts.join(', '));
  return [
    `in turns: done ${some(done)}; ended in that of ${some(inside)}; not begun, as before: ${some(left)}`,
    `mend ${some(inside)} and run the same again: it goes on there, then with the others`,
  ];
}

/** Who holds a lock: `cc run all (root on admin-1, pid 4711, run …), since …`. */
export function holderLine({ command, user, from, pid, run, since }: Owner): string {
  return `${command} (${user} on ${from}, pid ${pid}, run ${run}), since ${since}`;
}

/** `/site/cc.config.ts:3:14`. */
export function placeLine({ file, line, column }: Place): string {
  return [file, line, ...(column === undefined ? [] : [column])].join(':');
}

export function siteLine({ id, name }: SiteName): string {
  return id === NO_IDENTITY
    ? `the recipe "${name}", whose site has no identity yet`
    : `the recipe "${name}" of the site ${id}`;
}

/** Of hosts that stand for each other the one that is taken: `cp-1`, `the first of cp-1, cp-2 that can be reached`. */
export function firstReached(hosts: readonly string[]): string {
  return hosts.length === 1 ? hosts.join() : `the first of ${hosts.join(', ')} that can be reached`;
}
