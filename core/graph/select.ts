/** From the names a user types to the tasks they stand for, with everything those need. */
import { fail } from '../model/failure.ts';
import type { Host } from '../model/plugin.ts';
import type { Task, TaskId } from '../model/task.ts';
import { kindsOf } from './meant.ts';
import { nearest } from './near.ts';

/**
 * Tasks by name: `all`, a plugin, `plugin/step`, a host, `host/plugin`, or a whole task id. Fails with the nearest known name, and
 * where a name is that of a plugin and of a host.
 */
export function named(
  tasks: readonly Task[],
  names: readonly string[],
  hosts: readonly Pick<Host, 'name' | 'roles' | 'labels'>[] = [],
): readonly Task[] {
  const byPlugin = new Map<string, Task[]>([['all', [...tasks]]]);
  const byHost = new Map<string, Task[]>(hosts.map(({ name }) => [name, []]));
  for (const task of tasks) {
    const { plugin, host, step } = task;
    for (const name of [plugin, `${plugin}/${step.name}`]) add(byPlugin, name, task);
    for (const name of [host.name, `${host.name}/${plugin}`, task.id]) add(byHost, name, task);
  }
  const found = new Set<Task>();
  for (const name of names) {
    const [ofPlugin, ofHost] = [byPlugin.get(name), byHost.get(name)];
    if (ofPlugin && ofHost && name !== 'all') unclear(name);
    const matches =
      ofPlugin ?? ofHost ?? unknown(name, [...byPlugin.keys(), ...byHost.keys()], hosts.flatMap(kindsOf));
    for (const task of matches) found.add(task);
  }
  return [...found];
}

function add(all: Map<string, Task[]>, name: string, task: Task): void {
  const known = all.get(name);
  if (known) known.push(task);
  else all.set(name, [task]);
}

function unclear(name: string): never {
  const ways = `name its tasks as HOST/PLUGIN/STEP, or all with --limit and the host`;
  return fail({
    kind: 'usage',
    message: `Cannot tell what "${name}" means: a plugin and a host are called so; ${ways}`,
  });
}

function unknown(name: string, known: Iterable<string>, kinds: readonly string[]): never {
  if (kinds.includes(name)) {
    const fix = `choose hosts of this role or label: --limit ${name}; leave out hosts by their names: --skip HOST`;
    return fail({ kind: 'unknown-name', what: 'task', name, fix });
  }
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
