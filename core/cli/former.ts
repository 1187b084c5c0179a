/** Hosts that left the recipe, and the tasks that they would have today, whose code takes back what no record can. */
import { type ExpandContext, type Expanded, expand } from '../graph/expand.ts';
import type { Flat } from '../graph/flatten.ts';
import { CONTROLLER } from '../graph/place.ts';
import { machineOf } from '../model/address.ts';
import { isFailure } from '../model/failure.ts';
import type { Host } from '../model/plugin.ts';
import type { Task } from '../model/task.ts';
import { knownHosts } from '../store/hosts.ts';

export interface Former {
  readonly hosts: readonly Host[];
  readonly tasks: readonly Task[];
}

/** Hosts that runs have changed, and that are neither declared by their name nor as a machine. */
export function leftHosts(hosts: readonly Host[], state: string): readonly Host[] {
  const machines = new Set(hosts.filter(({ name }) => name !== CONTROLLER).map(machineOf));
  return knownHosts(state).filter((host) => !machines.has(machineOf(host)));
}

/** Where the recipe cannot have such a host any more, there are no tasks, and records are all there is. */
export function formerOf(flat: Flat, expanded: Expanded, state: string, context: ExpandContext): Former {
  const hosts = leftHosts(expanded.hosts, state);
  const taken = new Set(expanded.hosts.map(({ name }) => name));
  const apart = new Map(hosts.filter(({ name }) => !taken.has(name)).map((host) => [host.name, host]));
  if (apart.size === 0) return { hosts, tasks: [] };
  try {
    const all = expand({ ...flat, hosts: [...flat.hosts, ...apart.values()] }, context, []).tasks;
    const own = all.flatMap((task) => {
      const host = apart.get(task.host.name);
      return host ? [{ ...task, host }] : [];
    });
    const known = new Set([...expanded.tasks, ...own].map(({ id }) => id));
    const tasks = own.map((task) => ({ ...task, needs: task.needs.filter((need) => known.has(need)) }));
    return { hosts, tasks };
  } catch (error) {
    if (!isFailure(error)) throw error;
    return { hosts, tasks: [] };
  }
}
