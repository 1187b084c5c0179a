/** What a run of cc says of itself. */
import assert from 'node:assert/strict';
import type { Event } from '../../core/model/event.ts';
import type { Ran } from './site.ts';

/** The run, which must have ended well. */
export function good(ran: Ran): Ran {
  assert.equal(ran.code, 0, told(ran));
  return ran;
}

/** What went wrong in a run, without the thousands of lines of `--json` that went well. */
export function told({ code, stdout, stderr }: Ran): string {
  const lines = stdout
    .split('\n')
    .filter((line) => !line.startsWith('{') || /"failure"|run-ended/.test(line));
  return [`exit ${code}`, ...lines, stderr].join('\n');
}

export function endOf(ran: Ran): Extract<Event, { kind: 'run-ended' }> {
  const end = ran.events.at(-1);
  return end?.kind === 'run-ended' ? end : assert.fail(`the run did not end: ${told(ran)}`);
}

/** The states that tasks of a run ended in. */
export function statesIn(ran: Ran): readonly string[] {
  return Object.keys(endOf(ran).counts);
}

type TaskEvent = Extract<Event, { kind: 'task' }>;

/** What a task of a run ended with. */
export function lastOf({ events }: Ran, id: string): TaskEvent | undefined {
  return events.findLast(
    (each): each is TaskEvent => each.kind === 'task' && each.id === id && each.took !== undefined,
  );
}

/** The tasks that changed something, in their order. */
export function appliedIn({ events }: Ran): readonly string[] {
  return events.flatMap((each) => (each.kind === 'task' && each.state === 'applied' ? [each.id] : []));
}

/** The kind of reason for which a task changed something. */
export function reasonOf({ events }: Ran, id: string): string | undefined {
  const begun = events.find((each) => each.kind === 'task' && each.id === id && each.state === 'performing');
  return begun?.kind === 'task' ? begun.reason?.kind : undefined;
}
