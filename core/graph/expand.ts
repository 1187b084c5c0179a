/** From a recipe to its tasks: options checked, plugins built, steps put on hosts, needs resolved. */
import { fail, type Problem } from '../model/failure.ts';
import type { Host, PluginUse } from '../model/plugin.ts';
import { isName, misnaming, type Task } from '../model/task.ts';
import { build, type ExpandContext } from './build.ts';
import { type Flat, OTHER_HOST } from './flatten.ts';
import { shared, unfit } from './hosts.ts';
import { kindsIn } from './kinds.ts';
import { type Offered, offersOf } from './offers.ts';
import { type Order, order } from './order.ts';
import { type Built, CLEANUP, CONTROLLER, FETCH, place } from './place.ts';
import { unpeopled } from './roles.ts';
import { brokenTurns, inTurns, turnsOf } from './turns.ts';

export type { ExpandContext } from './build.ts';

export interface Expanded {
  readonly name: string;
  readonly concurrency: number;
  readonly hosts: readonly Host[];
  readonly tasks: readonly Task[];
  readonly graph: Order;
  /** Plugins that take everything else back when asked for. */
  readonly cleanups: readonly string[];
  /** What plugins offer beside the commands of cc. */
  readonly offers: readonly Offered[];
}

/** Expands a recipe; all its problems are reported together. */
export function expand(flat: Flat, context: ExpandContext, problems: Problem[]): Expanded {
  const kindOf = kindsIn(flat, context.arch);
  const built = build(flat, context, problems);
  const controller: Host = { name: CONTROLLER, roles: [], connection: { kind: 'local' } };
  const hosts = [controller, ...flat.hosts, ...built.flatMap(broughtBy)].map((host) => ({
    ...host,
    arch: host.arch ?? context.arch,
  }));
  problems.push(...idle(flat.uses), ...doubles(flat.uses), ...misnamed(hosts, flat.uses), ...shared(hosts));
  if (problems.length === 0) problems.push(...unpeopled(built, hosts));
  if (problems.length === 0) problems.push(...unfit(built, hosts, context.file));
  const at = { hosts, kindOf };
  const offers = problems.length > 0 ? [] : offersOf(built, at, context.commands ?? [], problems);
  const tasks = problems.length > 0 ? [] : place(built, at, problems);
  problems.push(...brokenTurns(tasks));
  const mistakes = [...new Map(problems.map((each) => [`${each.path} ${each.message}`, each])).values()];
  if (mistakes.length > 0) fail({ kind: 'config-invalid', file: context.file, problems: mistakes });
  const graph = order(inTurns(tasks, turnsOf(tasks))); // a cycle is told before anything starts
  const cleanups = cleanupsOf(flat);
  return { name: flat.name, concurrency: flat.concurrency, hosts, tasks, graph, cleanups, offers };
}

/** The hosts that a plugin makes, whatever they were for. */
function broughtBy({ bodies }: Built): readonly Host[] {
  const hosts = [...bodies.values()].flatMap((body) => body.hosts ?? []);
  return hosts.filter(({ name }, index) => hosts.findIndex((other) => other.name === name) === index);
}

function idle(uses: readonly PluginUse[]): Problem[] {
  const hint = `plugins: [...], or extends: 'lab'`;
  return uses.length > 0 ? [] : [{ path: 'plugins', message: 'the recipe has none: nothing to do', hint }];
}

/** Every recipe can be taken back by one name; it may have a plugin of that name, for others or for something else. */
function cleanupsOf({ uses }: Flat): readonly string[] {
  const own = uses.filter(({ spec }) => spec.isCleanup).map(({ spec }) => spec.name);
  return uses.some(({ spec }) => spec.name === CLEANUP) ? own : [...own, CLEANUP];
}

/** Two plugins that offer the same leave open which one is meant. */
function doubles(uses: readonly PluginUse[]): Problem[] {
  const offered = uses.flatMap(({ spec }) =>
    (spec.provides ?? []).map(({ name }) => ({ name, by: spec.name })),
  );
  return offered.flatMap(({ name, by }, index) => {
    const first = offered.findIndex((other) => other.name === name);
    const message = `provides "${name}", which ${offered[first]?.by} provides already`;
    return first === index ? [] : [{ path: by, message }];
  });
}

/** Words that commands and tasks use themselves. */
const TAKEN = ['all', FETCH];
const WORD = 'is a word of cc itself';

function misnamed(hosts: readonly Host[], uses: readonly PluginUse[]): Problem[] {
  const plugins = uses.map(({ spec }) => spec.name);
  const repeated = hosts.filter(
    ({ name }, index) => hosts.findIndex((other) => other.name === name) !== index,
  );
  return [
    ...hosts
      .filter(({ name }) => !isName(name))
      .map(({ name }) => ({ path: `hosts.${name}`, message: misnaming(name) })),
    ...hosts
      .filter(({ name }) => name === 'all' || name === CLEANUP)
      .map(({ name }) => ({ path: `hosts.${name}`, message: WORD })),
    ...repeated.map(({ name }) => ({
      path: `hosts.${name}`,
      message: OTHER_HOST,
    })),
    ...plugins.filter((name) => !isName(name)).map((name) => ({ path: name, message: misnaming(name) })),
    ...plugins.filter((name) => TAKEN.includes(name)).map((name) => ({ path: name, message: WORD })),
  ];
}
