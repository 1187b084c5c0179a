/** What must not be taken back as long as others build on it: asked of all tasks before anything is taken back. */
import { isGood, type Task, type TaskId } from '../model/task.ts';
import { type Outcome, type Outcomes, outcomeOf } from './engine.ts';
import { lookingAt, type RunContext, sessionFor } from './look.ts';
import { permitted } from './plugin-code.ts';
import { isOfHost } from './sweep.ts';
import type { ApplyContext } from './task-context.ts';

/** The tasks that refuse. ensures: nothing was changed. */
export async function refusals(
  tasks: readonly Task[],
  leaving: ReadonlySet<string>,
  context: ApplyContext,
): Promise<Outcomes> {
  const { emit, at } = context;
  const refused = new Map<TaskId, Outcome>();
  for (const task of tasks.filter(({ host, step }) => step.beforeUndo && !leaving.has(host.name))) {
    const { id } = task;
    const outcome = await outcomeOf<Outcome>(
      async () => {
        await refuse(task, context);
        return { state: 'verified' };
      },
      (text) => emit({ kind: 'output', id, text }),
    );
    // Of a host that cannot be entered its tasks say so.
    if (isGood(outcome.state) || (outcome.failure && isOfHost(outcome.failure))) continue;
    refused.set(id, outcome);
    emit({ kind: 'task', at: at(), id, ...outcome });
  }
  return refused;
}

/** ensures: failed where the task must not be taken back. What cc has not made is left alone anyway. */
export async function refuse(task: Task, context: RunContext): Promise<void> {
  if (!task.step.beforeUndo) return;
  const session = await sessionFor(task, context);
  const stamp = await session.stamps.read(task.id);
  if (!stamp?.ours) return;

  const view = lookingAt(task, session, context);
  await permitted(task, view, context.declared.undoing(task.host));
}
