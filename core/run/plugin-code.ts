/** Calls what plugins bring. What it throws is the failure of that task, and what it answers is read once: not all are typed. */
import { blamed } from '../model/blamed.ts';
import { type Change, change, secretFault } from '../model/change.ts';
import { Failed, fail, type PluginCode } from '../model/failure.ts';
import { anyText, list, Odd, optional } from '../model/foreign.ts';
import { type Json, jsonOf } from '../model/json.ts';
import { maskedData } from '../model/mask.ts';
import type { Last, Undoing } from '../model/step.ts';
import type { Task } from '../model/task.ts';
import type { View } from '../model/view.ts';

export function probed(task: Task, view: View): Promise<Json> {
  return looked(task, () => task.step.probe(view));
}

/** What `cc doctor` finds. */
export function examined(task: Task, view: View): Promise<Json> {
  const { step } = task;
  return looked(task, () => (step.examine ? step.examine(view) : step.probe(view)));
}

async function looked(task: Task, look: () => Promise<Json>): Promise<Json> {
  try {
    return answered(await look());
  } catch (error) {
    return threw(task, 'probe', error);
  }
}

export function planned(task: Task, facts: Json, last: Last): readonly Change[] {
  return changes(task, 'plan', () => task.step.plan(facts, last));
}

export function undone(task: Task, facts: Json, undoing: Undoing): readonly Change[] {
  return changes(task, 'undo', () => task.step.undo?.(facts, undoing) ?? []);
}

/** Scripts alone: anything else would be done on the controller. */
export function undoneElsewhere(task: Task, undoing: Undoing): readonly Change[] {
  return changes(task, 'undo', () => {
    const all = task.step.undoElsewhere?.(task.host.name, undoing) ?? [];
    const odd = all.find(({ kind }) => kind !== 'script');
    if (odd !== undefined)
      throw new Odd(`its undoElsewhere answered a change that is no script: ${odd.kind}`);
    return all;
  });
}

/** ensures: failed where it must not be taken back. */
export async function permitted(task: Task, view: View, undoing: Undoing): Promise<void> {
  try {
    await task.step.beforeUndo?.(view, undoing);
  } catch (error) {
    threw(task, 'undo', error);
  }
}

/** What undoing leaves to others. */
export function leaving(task: Task, facts: Json, undoing: Undoing): string | undefined {
  try {
    return optional(anyText)(task.step.leaves?.(facts, undoing), 'what its leaves answered');
  } catch (error) {
    return threw(task, 'undo', error);
  }
}

/** Whether the host of a task is in a turn that an earlier run began. */
export function isInside(task: Task, facts: Json): boolean {
  try {
    return task.step.isInside?.(facts) === true;
  } catch (error) {
    return threw(task, 'plan', error);
  }
}

const lines = list('a list of texts', anyText);

/** What was found, for people. */
export function told(task: Task, facts: Json): readonly string[] {
  try {
    return lines(task.step.tells?.(facts) ?? [], 'what its tells answered');
  } catch (error) {
    return threw(task, 'tells', error);
  }
}

/** What a change learnt, from what performs it. */
export async function performed(
  task: Task,
  { kind }: Change,
  perform: () => Promise<Json | undefined>,
): Promise<Json | undefined> {
  try {
    const report = await perform();
    return report === undefined ? undefined : answered(report);
  } catch (error) {
    return threw(task, kind === 'script' ? 'script' : 'change', error);
  }
}

const listed = list('a list of changes', change);

function changes(task: Task, phase: PluginCode, make: () => readonly Change[]): readonly Change[] {
  try {
    const made = listed(make(), 'what it answered');
    const fault = made.map(secretFault).find((each) => each !== undefined);
    if (fault !== undefined) throw new Odd(fault);
    return made;
  } catch (error) {
    return threw(task, phase, error);
  }
}

function answered(value: unknown): Json {
  return maskedData(jsonOf(value, 'it answered no JSON: what it answered'));
}

/** A failure that it reports stays what it is. */
function threw({ host, plugin, step }: Task, phase: PluginCode, error: unknown): never {
  const fault = blamed(error);
  if (fault instanceof Failed) throw fault;
  const about = { host: host.name, plugin, step: step.name };
  return fail({ kind: 'plugin-threw', ...about, phase, ...fault }, error);
}
