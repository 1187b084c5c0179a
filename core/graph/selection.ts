/** What a command is about: the tasks that are named, on the hosts that are meant, without those to skip, and all they need. */
import { fail } from '../model/failure.ts';
import type { Host } from '../model/plugin.ts';
import type { Task, TaskId } from '../model/task.ts';
import { meant } from './meant.ts';
import { type Order, order } from './order.ts';
import { CONTROLLER, FETCH } from './place.ts';
import { named, withNeeds } from './select.ts';
import { type HostTurn, inTurns, takenAlong, turnsOf } from './turns.ts';

/** As typed. */
export interface Selector {
  /** None: all tasks. */
  readonly names: readonly string[];
  readonly limit?: string | undefined;
  readonly skip?: string | undefined;
}

export interface Selection {
  /** The tasks that are asked for. */
  readonly wanted: readonly Task[];
  /** These, and all that they need. */
  readonly tasks: readonly Task[];
  readonly graph: Order;
  /** In which hosts are disturbed. */
  readonly turns: readonly HostTurn[];
  /** Of the tasks, those on hosts that are left out: they are looked at alone. */
  readonly outside: ReadonlySet<TaskId>;
  /** Hosts that are asked for as a whole. */
  readonly whole: readonly Host[];
}

interface Known {
  readonly tasks: readonly Task[];
  readonly hosts: readonly Host[];
  readonly graph: Order;
}

/** Fails for what is not known, for what would leave nothing to do, and where something is needed that is to be skipped. */
export function selected(all: Known, { names, limit, skip }: Selector): Selection {
  const { tasks, hosts } = all;
  if (names.length === 0 && limit === undefined && skip === undefined)
    return {
      ...{ wanted: tasks, tasks, graph: all.graph, turns: turnsOf(tasks) },
      ...{ outside: new Set(), whole: hosts },
    };
  const { away, words } = leaving(skip, hosts);
  const within = (limit === undefined ? hosts : meant(limit, hosts)).filter((host) => !away.includes(host));
  const asked = names.length === 0 ? tasks : named(tasks, names, hosts);
  const left = asked.filter(({ host }) => within.includes(host));
  const skipped = named(tasks, words, hosts);
  const wanted = withoutIdle(
    left.filter((task) => !skipped.includes(task)),
    [...skipped, ...tasks.filter(({ host }) => away.includes(host))],
  );
  const whole = wholeHosts(within, names).filter((host) => !isGone(host, left, wanted));
  if (wanted.length === 0 && whole.length === 0) nothingLeft({ names, limit, skip });
  const needed = withNeeds(tasks, wanted);
  refuseNeeded(skipped, needed);
  const isAll = limit === undefined && away.length === 0;
  const others = isAll ? [] : needed.filter(({ host }) => isOutside(host, within));
  const outside = new Set(others.map(({ id }) => id));
  const chosen = withTurns(tasks, needed, { outside, skipped });
  const turns = turnsOf(chosen, outside);
  return { wanted, tasks: chosen, graph: order(inTurns(chosen, turns)), turns, outside, whole };
}

/** Hosts that are skipped are left out as --limit leaves out others: they are looked at where something needs them. */
function leaving(skip: string | undefined, hosts: readonly Host[]) {
  const typed = skip === undefined ? [] : skip.split(',').map((word) => word.trim());
  const away = hosts.filter(({ name }) => name !== CONTROLLER && typed.includes(name));
  return { away, words: typed.filter((word) => !away.some(({ name }) => name === word)) };
}

/** A host that is disturbed has its whole turn, unless it is to be skipped. What is chosen anyway comes before its ends. */
function withTurns(
  tasks: readonly Task[],
  chosen: readonly Task[],
  { outside, skipped }: { readonly outside: ReadonlySet<TaskId>; readonly skipped: readonly Task[] },
): readonly Task[] {
  const changed = chosen.filter(({ id }) => !outside.has(id));
  const along = takenAlong(tasks, changed).filter((task) => !skipped.includes(task));
  if (along.length === 0) return chosen;
  const ids = new Set([...chosen, ...along].map(({ id }) => id));
  return tasks.flatMap((task) => {
    if (along.includes(task)) return [{ ...task, needs: task.needs.filter((need) => ids.has(need)) }];
    return ids.has(task.id) ? [task] : [];
  });
}

/** What the controller prepares for the hosts that are meant is done, whoever is meant. */
function isOutside(host: Host, within: readonly Host[]): boolean {
  return host.name !== CONTROLLER && !within.includes(host);
}

function wholeHosts(within: readonly Host[], names: readonly string[]): readonly Host[] {
  return names.length === 0 || names.includes('all')
    ? within
    : within.filter(({ name }) => names.includes(name));
}

/** Whether all tasks of a host are skipped. */
function isGone(host: Host, before: readonly Task[], after: readonly Task[]): boolean {
  const isOn = (task: Task) => task.host === host;
  return before.some(isOn) && !after.some(isOn);
}

/** What is fetched only for tasks that are skipped is not fetched either. */
function withoutIdle(wanted: readonly Task[], skipped: readonly Task[]): readonly Task[] {
  if (skipped.length === 0) return wanted;
  const needs = (tasks: readonly Task[]) => new Set(tasks.flatMap((task) => task.needs));
  const [used, unused] = [needs(wanted), needs(skipped)];
  return wanted.filter(({ id, plugin }) => plugin !== FETCH || used.has(id) || !unused.has(id));
}

function nothingLeft({ names, limit, skip }: Selector): never {
  const what = names.length === 0 ? 'all' : names.join(' ');
  const why = [
    ...(limit === undefined ? [] : [`--limit ${limit}`]),
    ...(skip === undefined ? [] : [`--skip ${skip}`]),
  ];
  return usage(`Cannot find a task of ${what} that is left by ${why.join(' and ')}`);
}

/** Tells who needs what is skipped, and how to leave that out, too. */
function refuseNeeded(skipped: readonly Task[], needed: readonly Task[]): void {
  const ids = new Set(skipped.map(({ id }) => id));
  for (const { id, needs } of needed) {
    const missing = ids.has(id) ? undefined : needs.find((need) => ids.has(need));
    if (missing === undefined) continue;
    const plugins = allThatNeed(skipped, needed);
    const isAll = needed.every(({ plugin }) => plugins.has(plugin));
    const way = isAll
      ? 'without it nothing is left to do'
      : `to leave out all that needs it: --skip ${[...plugins].join(',')}`;
    usage(`Cannot skip ${missing}: ${id} needs it; ${way}`);
  }
}

/** The plugins of these tasks, and of whatever needs a task of one of them. */
function allThatNeed(skipped: readonly Task[], needed: readonly Task[]): ReadonlySet<string> {
  const plugins = new Set(skipped.map(({ plugin }) => plugin));
  for (let before = 0; before < plugins.size; ) {
    before = plugins.size;
    const gone = new Set(needed.flatMap(({ id, plugin }) => (plugins.has(plugin) ? [id] : [])));
    for (const { plugin, needs } of needed) if (needs.some((need) => gone.has(need))) plugins.add(plugin);
  }
  return plugins;
}

function usage(message: string): never {
  return fail({ kind: 'usage', message });
}
