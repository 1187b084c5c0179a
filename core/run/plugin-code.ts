/** Calls what plugins bring. What it throws is the failure of that task, and what it answers is checked: not all are typed. */
import { type Change, describe, isChange, secretFault } from '../model/change.ts';
import { fail, isFailure, type PluginCode } from '../model/failure.ts';
import { type Json, jsonFault } from '../model/json.ts';
import { maskedData } from '../model/mask.ts';
import { refusalOr } from '../model/refused.ts';
import type { Last } from '../model/step.ts';
import type { Task } from '../model/task.ts';
import { messageOf, placeOf } from '../model/thrown.ts';
import type { View } from '../model/view.ts';

export async function probed(task: Task, view: View): Promise<Json> {
  try {
    const facts = await task.step.probe(view);
    return asData(task, 'probe', facts);
  } catch (error) {
    return threw(task, 'probe', error);
  }
}

export function planned(task: Task, facts: Json, last: Last): readonly Change[] {
  return changes(task, 'plan', () => task.step.plan(facts, last));
}

export function undone(task: Task, facts: Json): readonly Change[] {
  return changes(task, 'undo', () => task.step.undo?.(facts) ?? []);
}

/** What undoing leaves to others. */
export function leaving(task: Task, facts: Json): string | undefined {
  try {
    return task.step.leaves?.(facts);
  } catch (error) {
    return threw(task, 'undo', error);
  }
}

/** What a change learnt, from what performs it. */
export async function performed(
  task: Task,
  { kind }: Change,
  perform: () => Promise<Json | undefined>,
): Promise<Json | undefined> {
  const phase = kind === 'script' ? 'script' : 'change';
  try {
    const report = await perform();
    return report === undefined ? undefined : asData(task, phase, report);
  } catch (error) {
    return threw(task, phase, error);
  }
}

function changes(task: Task, phase: PluginCode, make: () => readonly Change[]): readonly Change[] {
  try {
    const made: unknown = make();
    if (!Array.isArray(made)) return wrong(task, phase, 'it answered no list of changes');
    const fault = made.map(changeFault).find((each) => each !== undefined);
    if (fault !== undefined) return wrong(task, phase, fault);
    return made;
  } catch (error) {
    return threw(task, phase, error);
  }
}

function changeFault(change: unknown, index: number): string | undefined {
  if (!isChange(change)) return `[${index}] of what it answered is no change that cc knows`;
  try {
    const fault = secretFault(change);
    if (fault === undefined) describe(change);
    return fault;
  } catch (error) {
    return `[${index}] of what it answered lacks a part of a change "${change.kind}": ${messageOf(error)}`;
  }
}

function asData(task: Task, phase: PluginCode, value: Json): Json {
  const fault = jsonFault(value, 'what it answered');
  return fault === undefined ? maskedData(value) : wrong(task, phase, `it answered no JSON: ${fault}`);
}

function wrong(task: Task, phase: PluginCode, message: string): never {
  return fail({ kind: 'plugin-threw', ...about(task), phase, message });
}

/** An expected failure stays what it is. */
function threw(task: Task, phase: PluginCode, thrown: unknown): never {
  const error = refusalOr(thrown);
  if (isFailure(error)) throw error;
  const at = placeOf(error);
  const message = messageOf(error);
  return fail({ kind: 'plugin-threw', ...about(task), phase, message, ...(at ? { at } : {}) }, error);
}

function about({ host, plugin, step }: Task) {
  return { host: host.name, plugin, step: step.name };
}
