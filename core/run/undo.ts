/** One task taken back: look, undo, prove that nothing is left, forget the stamp. */
import { CONTROLLER } from '../graph/place.ts';
import { type Change, isTold, type Kept, type Told } from '../model/change.ts';
import { fail, isFailure } from '../model/failure.ts';
import { type Task, taskId } from '../model/task.ts';
import type { View } from '../model/view.ts';
import type { Stamp } from '../store/stamp.ts';
import { endOrphans, performAll, performKept, remainingOf, without } from './converge.ts';
import { alone, besides, former, isOfToday, standing } from './declared.ts';
import { enteredOrNot, undoElsewhere } from './elsewhere.ts';
import type { Outcome, Work } from './engine.ts';
import { stampOf } from './heir.ts';
import { lookingAt, probe, type RunContext } from './look.ts';
import { leaving, undone } from './plugin-code.ts';
import { noted } from './record.ts';
import type { Session } from './session-pool.ts';
import { keepUntold } from './take-back.ts';
import type { ApplyContext } from './task-context.ts';

/** What goes with its maker needs no undoing of its own: a host that is itself taken away takes its tasks along. */
export function undoing(context: ApplyContext, leaving: ReadonlySet<string>): Work {
  return async (task, to) => {
    if (leaving.has(task.host.name)) return { state: 'verified' };
    // The controller keeps what it has built, and so the record of that.
    const kept = !task.step.undo && !task.step.check;
    if (kept && task.host.name === CONTROLLER) return { state: 'verified' };
    const entered = await enteredOrNot(task, context);
    if ('elsewhere' in entered) return undoElsewhere(task, entered.elsewhere, to, context);
    const { session } = entered;
    const own = await session.stamps.read(task.id);
    if (kept) return forget(session, own);
    await endOrphans(task, session, own, context);
    const taken = await taking(task, session, context);
    const { stamp } = taken;
    for (const text of taken.notices) context.emit({ kind: 'notice', id: task.id, text });
    const left = leftIn(taken);
    const reason = { kind: 'undo', details: [...new Set(left.map(({ why }) => why))] } as const;
    if (left.length > 0) {
      to('performing', reason);
      await takeBack(taken, task, session, context);
      to('proving');
      const after = leftIn(await taking(task, session, context));
      const { name: host } = task.host;
      if (after.length > 0) fail({ kind: 'not-converged', host, within: 0, left: remainingOf(after) });
    }
    if (stamp && taken.untold.length > 0) await keepUntold({ task, stamp }, taken.untold, session);
    const forgotten = await forget(session, stamp);
    return left.length > 0 ? { state: 'applied', reason } : forgotten;
  };
}

async function takeBack(
  { stamp, earlier, mine }: Taking,
  task: Task,
  session: Session,
  context: ApplyContext,
): Promise<void> {
  let rest = stamp?.undo ?? [];
  await performKept(earlier, task, session, context, async (done) => {
    rest = without(rest, done);
    if (stamp) await session.stamps.write({ ...stamp, undo: rest }); // what is earlier is of a stamp
  });
  if (mine.length === 0) return;
  await performAll(mine, task, session, context);
  // A command of an earlier declaration that was one of these cannot be seen to be done, and is not to be done twice.
  if (stamp && !isOfToday(stamp, task.step))
    await session.stamps.write({ ...stamp, undo: besides(rest, mine) });
}

/** What of a task is to be taken back now. */
export interface Taking {
  readonly stamp: Stamp | undefined;
  /** What its stamp keeps of what it had made as it was declared before. */
  readonly earlier: readonly Told[];
  /** The same, where only code of that declaration could take it back. */
  readonly untold: readonly Kept[];
  readonly mine: readonly Change[];
  /** What stands there and is left to others, in words. */
  readonly notices: readonly string[];
}

/** All that is to be done. */
export function leftIn({ earlier, mine }: Pick<Taking, 'earlier' | 'mine'>): readonly Change[] {
  return [...earlier, ...mine];
}

/**
 * Where no stamp says that cc changed something for the task, only what cc's own notes show to be cc's is taken away. What
 * it had made as it was declared before goes, too.
 */
export async function taking(task: Task, session: Session, context: RunContext): Promise<Taking> {
  try {
    return await asTold(task, session, context);
  } catch (error) {
    const failure = isFailure(error) ? error.failure : undefined;
    const known = failure?.kind === 'plugin-threw' && (await asKept(task, session, context));
    if (!known) throw error;
    const how =
      leftIn(known).length > 0 ? 'taken back by its record' : 'cc has no record that it left anything';
    return { ...known, notices: [`${how}; its ${failure.phase} failed: ${failure.message}`] };
  }
}

/** As the step says. */
async function asTold(task: Task, session: Session, context: RunContext): Promise<Taking> {
  const facts = await probe(task, session, context);
  const stamp = await stampOf(task, facts, session, context.declared);
  const { declared } = context;
  const undoing = declared.undoing(task.host);
  const undo = undone(task, facts, undoing);
  const view = lookingAt(task, session, context);
  // A stamp was written as if its host were taken back alone.
  const byItself = () => undone(task, facts, alone(task.host, declared));
  const earlier = await former(task, stamp, byItself, view, declared);
  const mine = stamp?.ours || (await isMade(task, session)) ? undo : await noted(undo, view);
  const others = stamp ? [] : undo.filter((each) => !mine.includes(each));
  const leaves = leaving(task, facts, undoing);
  return {
    stamp,
    earlier: earlier.filter(isTold),
    untold: earlier.filter((change) => !isTold(change)),
    mine,
    notices: [
      ...(leaves === undefined ? [] : [leaves]),
      ...others.map(({ why }) => `left alone, for cc has no record of it: ${why}`),
      ...(await unnoted(stamp, mine, view)).map(
        (path) => `left alone, for cc has no note that it put there what stands there now: ${path}`,
      ),
    ],
  };
}

/** Whether cc has made what a task takes its part of back. */
async function isMade({ host, plugin, step }: Task, { stamps }: Session): Promise<boolean> {
  if (step.partOf === undefined) return false;
  return (await stamps.read(taskId(host.name, plugin, step.partOf)))?.ours === true;
}

/** Paths of what a task made, as its stamp tells, at which something stands that cc has no note of. */
async function unnoted(
  stamp: Stamp | undefined,
  mine: readonly Change[],
  view: View,
): Promise<readonly string[]> {
  const left: string[] = [];
  for (const change of (stamp?.ours && stamp.undo) || []) {
    if (change.kind !== 'remove' || mine.some((each) => each.kind === 'remove' && each.path === change.path))
      continue;
    if (!(await view.owned(change.path)) && (await view.stat(change.path))) left.push(change.path);
  }
  return left;
}

/**
 * As its record says, where code of the plugin fails, so that what it needs can be taken back, too. Without a record there is
 * nothing of a task that never had its turn: what it needs has one.
 */
async function asKept(
  task: Task,
  session: Session,
  context: RunContext,
): Promise<Omit<Taking, 'notices'> | undefined> {
  const { stamps } = session;
  const stamp = await stamps.read(task.id);
  const nothing = { stamp, earlier: [], untold: [], mine: [] };
  if (stamp && !stamp.ours) return nothing;
  if (!stamp) {
    const before = await stamps.all((id) => task.needs.includes(id));
    return before.length > 0 && (await stamps.torn()).size === 0 ? nothing : undefined;
  }
  if (!stamp.undo?.every(isTold)) return undefined;
  const all = { ...context.declared, claims: () => false }; // its own, too
  const view = lookingAt(task, session, context);
  return { ...nothing, earlier: (await standing(stamp.undo, task.host, view, all)).filter(isTold) };
}

async function forget({ stamps }: Session, stamp: Stamp | undefined): Promise<Outcome> {
  // A record that nobody can read is left for who tells of it.
  if (stamp) await stamps.remove(stamp.task);
  return { state: 'verified' };
}
