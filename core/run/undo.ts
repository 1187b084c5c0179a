/** One task taken back: look, undo, prove that nothing is left, forget the stamp. */
import { CONTROLLER } from '../graph/place.ts';
import type { Change } from '../model/change.ts';
import { fail } from '../model/failure.ts';
import type { Task } from '../model/task.ts';
import type { Stamp } from '../store/stamp.ts';
import { type ApplyContext, endOrphans, performAll, remainingOf } from './converge.ts';
import type { Outcome, Work } from './engine.ts';
import { probe, sessionFor } from './look.ts';
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
    if (kept || (stamp && !stamp.ours)) return forget(task, session);
    await endOrphans(task, session, stamp, context);
    const look = async () => task.step.undo?.(await probe(task, session, context)) ?? [];
    const all = await look();
    const left = proven(all, stamp);
    for (const { why } of all.filter((each) => !left.includes(each))) {
      context.emit({ kind: 'notice', id: task.id, text: `left alone, for cc has no record of it: ${why}` });
    }
    if (left.length === 0) return forget(task, session);
    const reason = { kind: 'undo', details: [...new Set(left.map(({ why }) => why))] } as const;
    to('performing', reason);
    await performAll(left, task, session, context);
    to('proving');
    const after = proven(await look(), stamp);
    const { name: host } = task.host;
    if (after.length > 0) fail({ kind: 'not-converged', host, within: 0, left: remainingOf(after) });
    await session.stamps.remove(task.id);
    return { state: 'applied', reason };
  };
}

/** Without a record only what cc's own notes show to be cc's is taken away. */
function proven(changes: readonly Change[], stamp: Stamp | undefined): readonly Change[] {
  return stamp ? changes : changes.filter(({ kind }) => kind === 'remove');
}

async function forget(task: Task, session: Session): Promise<Outcome> {
  await session.stamps.remove(task.id);
  return { state: 'verified' };
}
