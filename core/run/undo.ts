/** One task taken back: look, undo, prove that nothing is left, forget the stamp. */
import { CONTROLLER } from '../graph/place.ts';
import type { Change } from '../model/change.ts';
import { fail } from '../model/failure.ts';
import type { Host } from '../model/plugin.ts';
import { step } from '../model/step.ts';
import { type Task, taskId } from '../model/task.ts';
import type { Stamp } from '../store/stamp.ts';
import { type ApplyContext, endOrphans, performAll, remainingOf } from './converge.ts';
import { former } from './declared.ts';
import { type Outcome, outcomeOf, type Work } from './engine.ts';
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
    if (kept) return forget(task, session);
    await endOrphans(task, session, stamp, context);
    const look = () => taking(task, session, stamp, context);
    const { left, others, leaves } = await look();
    if (leaves !== undefined) context.emit({ kind: 'notice', id: task.id, text: leaves });
    for (const { why } of stamp ? [] : others)
      context.emit({ kind: 'notice', id: task.id, text: `left alone, for cc has no record of it: ${why}` });
    if (left.length === 0) return forget(task, session);
    const reason = { kind: 'undo', details: [...new Set(left.map(({ why }) => why))] } as const;
    to('performing', reason);
    await performAll(left, task, session, context);
    to('proving');
    const { left: after } = await look();
    const { name: host } = task.host;
    if (after.length > 0) fail({ kind: 'not-converged', host, within: 0, left: remainingOf(after) });
    await session.stamps.remove(task.id);
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

async function forget(task: Task, session: Session): Promise<Outcome> {
  await session.stamps.remove(task.id);
  return { state: 'verified' };
}

/**
 * Takes away what cc's notes on a host still name when no stamp does; answers the hosts that nothing of cc is left on. Notes on
 * the machine cc runs on are of all recipes there, so they stay.
 */
export async function cleared(hosts: readonly Host[], context: ApplyContext): Promise<readonly Host[]> {
  const others = hosts.filter(({ name }) => name !== CONTROLLER);
  const empty = await Promise.all(others.map((host) => isCleared(host, context)));
  return others.filter((_, index) => empty[index]);
}

async function isCleared(host: Host, context: ApplyContext): Promise<boolean> {
  const session = await context.pool.session(host, true).catch(() => undefined); // its tasks have said why
  if (!session || (await session.stamps.all(() => true)).length > 0) return false;
  if (host.connection.kind === 'local') return true;
  const noted = await session.transport.files.noted();
  if (noted.length === 0) return true;
  const task = { ...notes(host), id: taskId(host.name, 'cc', 'notes') };
  const { emit, at } = context;
  const details = ['it was put there by cc, and no stamp knows of it any more'];
  emit({ kind: 'task', at: at(), id: task.id, state: 'performing', reason: { kind: 'undo', details } });
  const changes = noted.map((path) => ({ kind: 'remove', path, why: details[0]! }) as const);
  const outcome = await outcomeOf(
    async () => {
      await performAll(changes, task, session, context);
      await session.stamps.remove(task.id); // with the last note the folder of notes goes
      return { state: 'applied' };
    },
    (text) => emit({ kind: 'output', id: task.id, text }),
  );
  emit({ kind: 'task', at: at(), id: task.id, ...outcome });
  return outcome.state === 'applied';
}

function notes(host: Host): Omit<Task, 'id'> {
  const spec = step<null>({ name: 'notes', probe: async () => null, plan: () => [] });
  return { host, plugin: 'cc', epoch: 1, step: spec, needs: [], arch: host.arch ?? 'amd64' };
}
