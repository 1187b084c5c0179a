/** What is written down of a task: its stamp, with what takes it back. */
import { type Change, isSame, type Kept, kept, takingBack } from '../model/change.ts';
import type { Json } from '../model/json.ts';
import { maskedData } from '../model/mask.ts';
import type { Task } from '../model/task.ts';
import type { View } from '../model/view.ts';
import { FORMAT, type Stamp } from '../store/stamp.ts';
import { alone, type Declared, isFor } from './declared.ts';
import { type Found, type Looked, lookingAt, type RunContext } from './look.ts';
import { undone } from './plugin-code.ts';

export interface Recording extends RunContext {
  readonly run: string;
}

/** What takes a proven task back. */
export function keptOf(task: Task, facts: Json, declared: Declared): readonly Kept[] {
  return undone(task, facts, alone(task.host, declared)).map(kept);
}

/** What takes a task back that is cut off: what the last application made, and what this one may have come to. */
export function sofar({ step }: Task, { stamp, changes, manifest }: Looked): Pick<Stamp, 'undo' | 'undoFor'> {
  const before = stamp?.undo ?? [];
  const now = step.undo ? takingBack(changes) : [];
  const known = (each: Kept) => before.some((other) => isSame(each, other));
  const inputs = manifest()['inputs'] ?? null;
  const one = before.length === 0 || (stamp !== undefined && isFor(stamp, inputs));
  return { undo: [...before, ...now.filter((each) => !known(each))], ...(one ? { undoFor: inputs } : {}) };
}

/** Writes down a task that is as declared: it is cc's where the last stamp says so, or cc's notes do. */
export async function adopt(task: Task, looked: Looked, found: Found, context: Recording): Promise<void> {
  const { stamp, facts, session } = looked;
  const undo = undone(task, facts, alone(task.host, context.declared));
  const view = lookingAt(task, session, context);
  const ours = stamp?.ours === true || (await noted(undo, view)).length > 0;
  const keeping = ours ? { undo: undo.map(kept) } : {};
  const report = stamp?.state === 'applied' && stamp.report !== undefined ? { report: stamp.report } : {};
  await commit(task, looked, { state: 'applied', found, ours, ...keeping, ...report }, context);
}

/** Of what would take something back, what cc's own notes show to be cc's: files, and units whose file is. */
export async function noted(undo: readonly Change[], view: View): Promise<readonly Change[]> {
  const owned = await Promise.all(
    undo.map((change) => {
      if (change.kind === 'remove') return view.owned(change.path);
      return change.kind === 'unit' && view.owned(`/etc/systemd/system/${change.unit}`);
    }),
  );
  return undo.filter((_, index) => owned[index]);
}

export async function commit(
  task: Task,
  looked: Looked,
  {
    found,
    ...state
  }: Pick<Stamp, 'state' | 'ours' | 'report' | 'undo' | 'undoFor'> & { readonly found: Found },
  context: Recording,
): Promise<void> {
  const { session, stamp } = looked;
  await session.stamps.write({
    format: FORMAT,
    task: task.id,
    run: context.run,
    ...(task.step.root === false ? { root: false } : {}),
    manifest: looked.manifest(),
    facts: found.facts,
    result: found.result(),
    at: new Date().toISOString(),
    ...maskedData(state),
  });
  if (stamp && stamp.task !== task.id) await session.stamps.remove(stamp.task);
}
