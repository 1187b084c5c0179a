/** What stamps know and nobody declares any more: tasks that are taken back as their stamps say. */
import { type Kept, kept, titleOf } from '../model/change.ts';
import { type Failure, isFailure } from '../model/failure.ts';
import type { Host } from '../model/plugin.ts';
import { step } from '../model/step.ts';
import type { Task, TaskId } from '../model/task.ts';
import type { Stamp } from '../store/stamp.ts';
import { alone, keyOf, standing } from './declared.ts';
import { goesOn, isHeir, isOpen, passedOn } from './heir.ts';
import { lookingAt, probe, type RunContext, sessionFor } from './look.ts';
import { undone } from './plugin-code.ts';
import type { Session } from './session-pool.ts';

export interface Orphan {
  readonly task: Task;
  readonly stamp: Stamp;
}

export interface Undeclared {
  readonly orphans: readonly Orphan[];
  /** Stamps of what leaves nothing to take back. */
  readonly idle: readonly TaskId[];
  /** Those of an older cc, which did not write down what takes them back. */
  readonly older: readonly TaskId[];
}

/** Of stamps that nobody declares, those of tasks that have left something, and the others. */
export function sorted(stamps: readonly Stamp[], host: Host): Undeclared {
  const open = stamps.filter(isOpen);
  const older = stamps.filter(({ ours, undo }) => ours && undo === undefined).map(({ task }) => task);
  const ids = new Set(open.map(({ task }) => task));
  const orphans = open.map((stamp) => ({ stamp, task: taskOf(stamp, host, ids) }));
  const rest = stamps.map(({ task }) => task).filter((task) => !ids.has(task) && !older.includes(task));
  return { orphans, idle: rest, older };
}

function taskOf({ task: id, root = true, manifest }: Stamp, host: Host, ids: ReadonlySet<TaskId>): Task {
  const [, plugin = '', name = ''] = id.split('/');
  const needs = Object.keys((manifest['needs'] ?? {}) as object) as TaskId[]; // a manifest has them by id
  return {
    ...{
      id,
      host,
      plugin,
      epoch: 1,
      arch: host.arch ?? 'amd64',
      needs: needs.filter((need) => ids.has(need)),
    },
    step: step<null>({ name, root, probe: async () => null, plan: () => [] }),
  };
}

/** What a task has of its own already, and what it gets. */
export interface Inheritance {
  readonly own: Stamp | undefined;
  readonly passed: Stamp;
}

/**
 * Which of these stamps are of tasks that are declared under another name now, with the stamps that those have of their own. A
 * task that cannot be looked at is nobody's heir.
 */
export async function heirsOf(
  stamps: readonly Stamp[],
  host: Host,
  context: RunContext,
): Promise<ReadonlyMap<TaskId, Inheritance>> {
  const found = new Map<TaskId, Inheritance>();
  const open = stamps.filter(isOpen);
  const tasks = open.length === 0 ? [] : context.declared.tasks;
  const here = tasks.filter((task) => task.step.undo && keyOf(task.host) === keyOf(host));
  for (const task of here) {
    const meant = open.filter((stamp) => goesOn(task, stamp));
    try {
      const session = await sessionFor(task, context);
      const own = await session.stamps.read(task.id);
      for (const passed of meant) found.set(passed.task, { own, passed }); // also where it cannot be looked at
      const undo = own?.ours ? (own.undo ?? []) : await undoOf(task, session, context);
      for (const stamp of open.filter((each) => isHeir(task, undo, each)))
        found.set(stamp.task, { own, passed: passedOn(stamp, task, undo) });
    } catch (error) {
      if (!isFailure(error)) throw error;
    }
  }
  return found;
}

async function undoOf(task: Task, session: Session, context: RunContext): Promise<readonly Kept[]> {
  return undone(task, await probe(task, session, context), alone(task.host, context.declared)).map(kept);
}

/** What of an orphan is still there, as far as can be seen. */
export async function leftOf(
  { task, stamp }: Orphan,
  session: Session,
  context: RunContext,
): Promise<readonly Kept[]> {
  return standing(stamp.undo ?? [], task.host, lookingAt(task, session, context), context.declared);
}

/** The failure that says what only code of a plugin can take back. */
export function noWayBack({ id, host, plugin }: Task, untold: readonly Kept[]): Failure {
  const what = untold.map(titleOf);
  return { kind: 'no-way-back', host: host.name, task: id, plugin, what };
}
