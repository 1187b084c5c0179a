/** Taking back what other hosts have of a host that cannot be reached. */
import { CLEANUP } from '../graph/place.ts';
import type { Change } from '../model/change.ts';
import { failureOf } from '../model/failure.ts';
import type { Task } from '../model/task.ts';
import { performAll } from './converge.ts';
import type { Outcome } from './engine.ts';
import { type RunContext, sessionFor } from './look.ts';
import { undoneElsewhere } from './plugin-code.ts';
import type { Session } from './session-pool.ts';
import type { ApplyContext } from './task-context.ts';

/** The host of a task entered, or what is to be done without it; fails where that is nothing. */
export async function enteredOrNot(
  task: Task,
  context: RunContext,
): Promise<{ readonly session: Session } | { readonly elsewhere: readonly Change[] }> {
  try {
    return { session: await sessionFor(task, context) };
  } catch (error) {
    const failure = failureOf(error);
    const isGone = failure.kind === 'unreachable' && failure.host === task.host.name;
    const elsewhere = isGone ? undoneElsewhere(task, context.declared.undoing(task.host)) : [];
    if (elsewhere.length === 0) throw error;
    return { elsewhere };
  }
}

/** Its record is on the host, and stays. */
export async function undoElsewhere(
  task: Task,
  changes: readonly Change[],
  to: (state: 'performing' | 'proving', reason?: Outcome['reason']) => void,
  context: ApplyContext,
): Promise<Outcome> {
  const { name } = task.host;
  const reason = { kind: 'undo', details: changes.map(({ why }) => why) } as const;
  to('performing', reason);
  await performAll(changes, task, await context.controller(), context);
  to('proving');
  const text = `${name} cannot be reached, so what stands there stays; take it back before anything else there is started again: cc run ${CLEANUP} --limit ${name}`;
  context.emit({ kind: 'notice', id: task.id, text });
  return { state: 'applied', reason };
}
