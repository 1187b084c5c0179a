/** From a recipe to its tasks: options checked, plugins built, steps put on hosts, needs resolved. */
import type { Arch } from '../model/artifact.ts';
import { fail, type Problem } from '../model/failure.ts';
import type { Body, Capability, Context, Host, PluginUse, RecipeFacts } from '../model/plugin.ts';
import { hostProxy } from '../model/proxy.ts';
import { namesAt } from '../model/reading.ts';
import { checkedWhole, UNKNOWN } from '../model/schema.ts';
import { isName, NAMING, type Task } from '../model/task.ts';
import { attempted, bodyOf, provided } from './body.ts';
import { type Flat, OTHER_HOST } from './flatten.ts';
import { shared, unfit } from './hosts.ts';
import { nearest } from './near.ts';
import { type Offered, offersOf } from './offers.ts';
import { type Order, order } from './order.ts';
import { type Built, CLEANUP, CONTROLLER, FETCH, place } from './place.ts';
import { unpeopled } from './roles.ts';
import { brokenTurns, inTurns, turnsOf } from './turns.ts';

/** What the machine cc runs on adds to a recipe. */
export interface ExpandContext {
  readonly arch: Arch;
  readonly cache: string;
  readonly state: string;
  /** See `RecipeFacts`; default: the name of the recipe. */
  readonly key?: string;
  readonly owner?: string;
  /** The file the recipe came from, for messages. */
  readonly file: string;
  /** See `Context`; default: images stay as they are named. */
  readonly image?: Context['image'];
  /** Names of commands, which no plugin can offer. */
  readonly commands?: readonly string[];
}

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
  const built = build(flat, context, problems);
  const controller: Host = { name: CONTROLLER, roles: [], connection: { kind: 'local' } };
  const hosts = [controller, ...flat.hosts, ...built.flatMap(broughtBy)].map((host) => ({
    ...host,
    arch: host.arch ?? context.arch,
  }));
  problems.push(...idle(flat.uses), ...doubles(flat.uses), ...misnamed(hosts, flat.uses), ...shared(hosts));
  if (problems.length === 0) problems.push(...unpeopled(built, hosts));
  if (problems.length === 0) problems.push(...unfit(built, hosts, context.file));
  const offers = problems.length > 0 ? [] : offersOf(built, hosts, context.commands ?? [], problems);
  const tasks = problems.length > 0 ? [] : place(built, hosts, problems);
  problems.push(...brokenTurns(tasks));
  const mistakes = [...new Map(problems.map((each) => [`${each.path} ${each.message}`, each])).values()];
  if (mistakes.length > 0) fail({ kind: 'config-invalid', file: context.file, problems: mistakes });
  const graph = order(inTurns(tasks, turnsOf(tasks))); // a cycle is told before anything starts
  const cleanups = cleanupsOf(flat);
  return { name: flat.name, concurrency: flat.concurrency, hosts, tasks, graph, cleanups, offers };
}

/** Checks all options first, so that every mistake is seen, then builds each plugin after those it uses. */
function build(flat: Flat, context: ExpandContext, problems: Problem[]): readonly Built[] {
  const options = new Map<PluginUse, unknown>();
  for (const use of flat.uses) {
    attempted({ file: context.file, path: use.spec.name, what: 'checking its options' }, () => {
      const result = checkedWhole(use.spec.options, use.given, use.spec.name);
      if (result.ok) options.set(use, result.value);
      else problems.push(...result.problems.map((problem) => suggested(problem, use)));
    });
  }
  if (problems.length > 0) return [];
  const own = context.arch;
  const arches = new Set(flat.hosts.length === 0 ? [own] : flat.hosts.map(({ arch = own }) => arch));
  const all: (readonly [Arch, ReadonlyMap<PluginUse, Body>])[] = [];
  for (const arch of arches) {
    const bodies = buildFor(arch, flat, options, context);
    all.push([arch, bodies]);
    // A plugin may bring hosts of one more.
    for (const body of bodies.values()) for (const host of body.hosts ?? []) arches.add(host.arch ?? own);
  }
  // The controller's comes first, so that what stands there once for all hosts is of its own kind.
  const sorted = all.toSorted(([a], [b]) => Number(b === own) - Number(a === own));
  return flat.uses.map((use) => ({
    use,
    bodies: new Map(sorted.map(([arch, bodies]) => [arch, bodies.get(use)!])), // each use has one
  }));
}

/** The hosts that a plugin makes, whatever they were for. */
function broughtBy({ bodies }: Built): readonly Host[] {
  const hosts = [...bodies.values()].flatMap((body) => body.hosts ?? []);
  return hosts.filter(({ name }, index) => hosts.findIndex((other) => other.name === name) === index);
}

function buildFor(
  arch: Arch,
  flat: Flat,
  options: ReadonlyMap<PluginUse, unknown>,
  context: ExpandContext,
): ReadonlyMap<PluginUse, Body> {
  const done = new Map<PluginUse, Body>();
  const open: PluginUse[] = [];

  const visit = (use: PluginUse): Body => {
    const known = done.get(use);
    if (known) return known;
    if (open.includes(use))
      fail({ kind: 'cycle', path: [...open.slice(open.indexOf(use)), use].map(({ spec }) => spec.name) });
    open.push(use);
    const find: Context['find'] = (wanted) => {
      const provider = providerOf(wanted, flat.uses);
      const declared = provider && declaredBy(wanted, provider, options.get(provider), context);
      return declared ?? (provider && providedBy(wanted, provider, visit(provider), context));
    };
    const given = contextFor(use, flat, context, { arch, find });
    const body = attempted({ file: context.file, path: use.spec.name, what: 'its build' }, () =>
      bodyOf(use.spec.build(options.get(use), given)),
    );
    open.pop();
    done.set(use, body);
    return body;
  };
  for (const use of flat.uses) visit(use);
  return done;
}

function contextFor(
  use: PluginUse,
  flat: Flat,
  context: ExpandContext,
  { arch, find }: Pick<Context, 'arch' | 'find'>,
): Context {
  const { arch: controllerArch, cache, state, image = (name: string) => name } = context;
  return {
    ...{
      arch,
      controllerArch,
      cache,
      state,
      image,
      hosts: flat.hosts,
      find,
      recipe: recipeFacts(flat, context),
    },
    proxy: hostProxy(flat.proxy, flat.hosts),
    use: (wanted) => find(wanted) ?? missing(wanted, use, context),
    refuse: (option, message) => refused(context, `${use.spec.name}.${option}`, message),
  };
}

/** What a plugin provides without being built. */
function declaredBy<Value>(
  { name }: Capability<Value>,
  { spec }: PluginUse,
  options: unknown,
  { file }: ExpandContext,
): Value | undefined {
  const all = attempted({ file, path: spec.name, what: 'its declares' }, () =>
    provided(spec.declares?.(options) ?? [], 'what its declares answered'),
  );
  return all.find(({ capability }) => capability === name)?.value as Value | undefined; // made by this capability's `of`
}

function idle(uses: readonly PluginUse[]): Problem[] {
  const hint = `plugins: [...], or extends: 'lab'`;
  return uses.length > 0 ? [] : [{ path: 'plugins', message: 'the recipe has none: nothing to do', hint }];
}

function recipeFacts({ name, isolation }: Flat, { key = name, owner = name }: ExpandContext): RecipeFacts {
  return { name, isolation, key, owner };
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
      .map(({ name }) => ({ path: `hosts.${name}`, message: NAMING })),
    ...hosts
      .filter(({ name }) => name === 'all' || name === CLEANUP)
      .map(({ name }) => ({ path: `hosts.${name}`, message: WORD })),
    ...repeated.map(({ name }) => ({
      path: `hosts.${name}`,
      message: OTHER_HOST,
    })),
    ...plugins.filter((name) => !isName(name)).map((name) => ({ path: name, message: NAMING })),
    ...plugins.filter((name) => TAKEN.includes(name)).map((name) => ({ path: name, message: WORD })),
  ];
}

/** An option that is not known is told with those that are. */
function suggested(problem: Problem, { spec }: PluginUse): Problem {
  if (problem.message !== UNKNOWN) return problem;
  const path = problem.path.slice(spec.name.length + 1).split('.');
  const known = namesAt(spec.options, path.slice(0, -1));
  if (known.length === 0) return problem;
  const near = nearest(path.at(-1) ?? '', known);
  return { ...problem, ...(near ? { near } : {}), known };
}

function providerOf(wanted: Capability<unknown>, uses: readonly PluginUse[]): PluginUse | undefined {
  return uses.find(({ spec }) => spec.provides?.some(({ name }) => name === wanted.name));
}

function missing(wanted: Capability<unknown>, { spec }: PluginUse, context: ExpandContext): never {
  return refused(
    context,
    spec.name,
    `needs a plugin that provides "${wanted.name}", and the recipe has none`,
  );
}

function refused({ file }: ExpandContext, path: string, message: string): never {
  return fail({ kind: 'config-invalid', file, problems: [{ path, message }] });
}

function providedBy<Value>(
  wanted: Capability<Value>,
  { spec }: PluginUse,
  body: Body,
  context: ExpandContext,
): Value {
  const provided = body.provides?.find(({ capability }) => capability === wanted.name);
  if (!provided) return refused(context, spec.name, `says that it provides "${wanted.name}", and does not`);
  return provided.value as Value; // made by this capability's `of`
}
