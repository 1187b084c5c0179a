/** From the names a user types to the tasks they stand for, with everything those need. */
import { fail } from '../model/failure.ts';
import type { Task, TaskId } from '../model/task.ts';
import { nearest } from './near.ts';

/** Tasks by name: `all`, a plugin, `plugin/step`, or a whole task id; fails with the nearest known name. */
export function named(tasks: readonly Task[], names: readonly string[]): readonly Task[] {
  const byName = new Map<string, Task[]>([['all', [...tasks]]]);
  for (const task of tasks) {
    for (const name of [task.plugin, `${task.plugin}/${task.step.name}`, task.id]) {
      const known = byName.get(name);
      if (known) known.push(task);
      else byName.set(name, [task]);
    }
  }
  const found = new Set<Task>();
  for (const name of names) {
    const matches = byName.get(name) ?? unknown(name, byName.keys());
    for (const task of matches) found.add(task);
  }
  return [...found];
}

function unknown(name: string, known: Iterable<string>): never {
  const near = nearest(name, known);
  return fail({ kind: 'unknown-name', what: 'task', name, ...(near ? { near } : {}) });
}

/** The given tasks and all they need, in the order of the recipe. */
export function withNeeds(tasks: readonly Task[], wanted: readonly Task[]): readonly Task[] {
  const byId = new Map(tasks.map((task) => [task.id, task]));
  const kept = new Set<TaskId>();
  const open = wanted.map((task) => task.id);
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (kept.has(id)) continue;
    kept.add(id);
    open.push(...(byId.get(id)?.needs ?? []));
  }
  return tasks.filter((task) => kept.has(task.id));
}
