/** One task made true: looked at, and changed where it differs. */
import type { Task } from '../model/task.ts';
import { type Decision, decide } from './decide.ts';
import type { Waits, Work } from './engine.ts';
import { foundAs, type Looked, look } from './look.ts';
import { isInside } from './plugin-code.ts';
import type { ApplyContext } from './task-context.ts';

export type { ApplyContext };

/** Loaded when something has to change, so that other runs start sooner; asking Node each time takes a while itself. */
const loadConverge = (): Promise<typeof import('./converge.ts')> => {
  loaded ??= import('./converge.ts');
  return loaded;
};
let loaded: Promise<typeof import('./converge.ts')> | undefined;

/** Whether an older cc left out what takes the task back. */
function isOlder({ step }: Task, { stamp }: Looked): boolean {
  return step.undo !== undefined && stamp?.ours === true && stamp.undo === undefined;
}

/** What is said of what only code could take back that is no longer declared. */
function leftLine(title: string): string {
  return `left as it is, for only code that is no longer declared could do this: ${title}`;
}

/** Whether the turn of its host has to come first. */
function waiting(task: Task, { facts }: Looked, { kind }: Decision): Waits | undefined {
  if (task.step.turn?.kind !== 'opens') return undefined;
  const inside = isInside(task, facts);
  return inside || kind === 'run' ? { state: 'ready', inside } : undefined;
}

export function applying(context: ApplyContext): Work {
  return async (task, to, begun = false) => {
    const first = await look(task, context);
    // What an interrupted run left behind may still be changing what was just looked at.
    const orphans =
      first.stamp?.state === 'applying' &&
      (await (await loadConverge()).endOrphans(task, first.session, first.stamp, context)) > 0;
    const looked = orphans ? await look(task, context) : first;
    for (const { title } of looked.untold)
      context.emit({ kind: 'notice', id: task.id, text: leftLine(title) });
    const decision = decide(looked.changes, looked.stamp, looked.last);
    const waits = begun ? undefined : waiting(task, looked, decision);
    if (waits) return waits;
    if (decision.kind === 'run')
      return (await loadConverge()).converge(task, looked, decision.reason, to, context);
    const found = foundAs(looked.facts, looked.stamp);
    context.found.set(task.id, found);
    const isRenamed = looked.stamp !== undefined && looked.stamp.task !== task.id;
    if (decision.kind === 'adopted' || isOlder(task, looked) || isRenamed)
      await (await import('./record.ts')).adopt(task, looked, found, context);
    const report = looked.stamp?.report;
    return { state: decision.kind, ...(report === undefined ? {} : { report }) };
  };
}
