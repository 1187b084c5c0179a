/** Orphans taken back, as their stamps say. */
import { isTold, type Kept } from '../model/change.ts';
import { fail } from '../model/failure.ts';
import { endOrphans, performKept, remainingOf, without } from './converge.ts';
import { isFilled } from './declared.ts';
import type { Work } from './engine.ts';
import { lookingAt, type RunContext, sessionFor } from './look.ts';
import { leftOf, noWayBack, type Orphan } from './orphans.ts';
import type { Session } from './session-pool.ts';
import type { ApplyContext } from './task-context.ts';

/** Takes orphans back: as their stamps say, proven where that can be seen, and forgotten then. */
export function takingBack(orphans: readonly Orphan[], context: ApplyContext): Work {
  const byId = new Map(orphans.map((orphan) => [orphan.task.id, orphan]));
  return async (task, to) => {
    let orphan = byId.get(task.id)!; // requires: driven with the tasks of these orphans
    const session = await sessionFor(task, context);
    await endOrphans(task, session, orphan.stamp, context);
    const left = await leftOf(orphan, session, context);
    const changes = left.filter(isTold);
    const details = [...new Set(changes.map(({ why }) => why))];
    const reason = { kind: 'undeclared', details } as const;
    if (changes.length > 0) {
      to('performing', reason);
      await performKept(changes, task, session, context, async (done) => {
        const { stamp } = orphan;
        orphan = { task, stamp: { ...stamp, undo: without(stamp.undo, done) } };
        await session.stamps.write(orphan.stamp);
      });
      to('proving');
      await prove(orphan, session, context);
    }
    await tellOfFilled(orphan, session, context);
    const untold = left.filter((change) => !isTold(change));
    if (untold.length > 0) await keepUntold(orphan, untold, session);
    await session.stamps.remove(task.id);
    return changes.length > 0 ? { state: 'applied', reason } : { state: 'verified' };
  };
}

/** What cannot be looked at was done. */
async function prove(orphan: Orphan, session: Session, context: RunContext): Promise<void> {
  const left = (await leftOf(orphan, session, context)).filter(isTold);
  const { name: host } = orphan.task.host;
  if (left.length > 0) fail({ kind: 'not-converged', host, within: 0, left: remainingOf(left) });
}

/** Keeps a stamp of what only code of a plugin can take back, until that is done or given up. */
export async function keepUntold(
  { task, stamp }: Orphan,
  untold: readonly Kept[],
  { stamps }: Session,
): Promise<never> {
  await stamps.write({ ...stamp, undo: untold });
  return fail(noWayBack(task, untold));
}

/** A folder in which something stands is left to those whose that is; cc's notes know of it. */
async function tellOfFilled({ task, stamp }: Orphan, session: Session, context: ApplyContext): Promise<void> {
  if (context.declared.undo) return;
  const view = lookingAt(task, session, context);
  for (const change of stamp.undo ?? []) {
    if (change.kind !== 'remove' || !change.folder || !(await isFilled(change.path, view))) continue;
    const text = `no longer declared, and left, because something stands in it: ${change.path}`;
    context.emit({ kind: 'notice', id: task.id, text });
  }
}
