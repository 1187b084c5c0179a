/** A task on a host that nothing is changed on: it is as declared, or what needs it cannot go on. */

import type { Change } from '../model/change.ts';
import { describe } from '../model/change.ts';
import { type Failure, fail } from '../model/failure.ts';
import type { Task } from '../model/task.ts';
import { decide } from './decide.ts';
import type { Work } from './engine.ts';
import { foundAs, look, type RunContext } from './look.ts';

/** Looks, and writes nothing. */
export function lookingOnly(context: RunContext): Work {
  return async (task) => {
    const { changes, stamp, last, facts } = await look(task, context);
    if (decide(changes, stamp, last).kind === 'run') return fail(leftOut(task, changes));
    context.found.set(task.id, foundAs(facts, stamp));
    return { state: 'verified' };
  };
}

/** What is said of a task that would have something to do on such a host. */
export function leftOut({ id, host }: Task, changes: readonly Change[]): Failure {
  return { kind: 'left-out', host: host.name, task: id, changes: changes.map(describe) };
}
