/** One task taken back: look, undo, prove that nothing is left, forget the stamp. */
import { CONTROLLER } from '../graph/place.ts';
import type { Change } from '../model/change.ts';
import { fail } from '../model/failure.ts';
import type { Task } from '../model/task.ts';
import type { Stamp } from '../store/stamp.ts';
import { type ApplyContext, endOrphans, performAll, remainingOf } from './converge.ts';
import { former } from './declared.ts';
import type { Outcome, Work } from './engine.ts';
import { lookingAt, probe, type RunContext, sessionFor } from './look.ts';
import { leaving, undone } from './plugin-code.ts';
import { noted } from './record.ts';
import type { Session } from './session-pool.ts';

/** What goes with its maker needs no undoing of its own: a host that is itself taken away takes its tasks along. */
export function undoing(context: ApplyContext, leaving: ReadonlySet<string>): Work {
  return async (task, to) => {
    if (leaving.has(task.host.name)) return { state: 'verified' };
    // The controller keeps what it has built, and so the record of that.
    const kept = !task.step.undo && !task.step.check;
    if (kept && task.host.name === CONTROLLER) return { state: 'verified' };
    const session = await sessionFor(task, context);
    const stamp = await session.stamps.read(task.id);
    if (kept) return forget(task, session, stamp);
    await endOrphans(task, session, stamp, context);
    const look = () => taking(task, session, stamp, context);
    const { left, others, leaves } = await look();
    if (leaves !== undefined) context.emit({ kind: 'notice', id: task.id, text: leaves });
    for (const { why } of stamp ? [] : others)
      context.emit({ kind: 'notice', id: task.id, text: `left alone, for cc has no record of it: ${why}` });
    if (left.length === 0) return forget(task, session, stamp);
    const reason = { kind: 'undo', details: [...new Set(left.map(({ why }) => why))] } as const;
    to('performing', reason);
    await performAll(left, task, session, context);
    to('proving');
    const { left: after } = await look();
    const { name: host } = task.host;
    if (after.length > 0) fail({ kind: 'not-converged', host, within: 0, left: remainingOf(after) });
    await forget(task, session, stamp);
    return { state: 'applied', reason };
  };
}

/** What of a task is to be taken back now, and what stands there that is not cc's. */
export interface Taking {
  readonly left: readonly Change[];
  readonly others: readonly Change[];
  /** What goes with something else, in words. */
  readonly leaves: string | undefined;
}

/**
 * Where no stamp says that cc changed something for the task, only what cc's own notes show to be cc's is taken away. What
 * it had made as it was declared before goes, too.
 */
export async function taking(
  task: Task,
  session: Session,
  stamp: Stamp | undefined,
  context: RunContext,
): Promise<Taking> {
  const facts = await probe(task, session, context);
  const undo = undone(task, facts);
  const view = lookingAt(task, session, context);
  const earlier = await former(task, stamp, () => undo, view, context.declared);
  const mine = stamp?.ours ? undo : await noted(undo, view);
  return {
    left: [...earlier, ...mine],
    others: undo.filter((each) => !mine.includes(each)),
    leaves: leaving(task, facts),
  };
}

async function forget(task: Task, session: Session, stamp: Stamp | undefined): Promise<Outcome> {
  // A record that nobody can read is left for who tells of it.
  if (stamp) await session.stamps.remove(task.id);
  return { state: 'verified' };
}
