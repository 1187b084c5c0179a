/** From a recipe to its tasks: options checked, plugins built, steps put on hosts, needs resolved. */
import type { Arch, Artifact, Need } from '../model/artifact.ts';
import { artifactInput, revealing } from '../model/artifact.ts';
import { sameData } from '../model/digest.ts';
import { fail, type Problem } from '../model/failure.ts';
import type { Body, Capability, Context, Host, PluginUse } from '../model/plugin.ts';
import { checked, optionNames, UNKNOWN } from '../model/schema.ts';
import type { Step } from '../model/step.ts';
import { isName, NAMING, type Task, taskId } from '../model/task.ts';
import { fetched } from '../steps/fetched.ts';
import type { Flat } from './flatten.ts';
import { nearest } from './near.ts';
import { type Order, order } from './order.ts';

export const CONTROLLER = 'controller';

/** What the machine cc runs on adds to a recipe. */
export interface ExpandContext {
  readonly arch: Arch;
  readonly cache: string;
  readonly state: string;
  /** The file the recipe came from, for messages. */
  readonly file: string;
}

export interface Expanded {
  readonly name: string;
  readonly concurrency: number;
  readonly hosts: readonly Host[];
  readonly tasks: readonly Task[];
  readonly graph: Order;
  /** Plugins that take everything else back when asked for. */
  readonly cleanups: readonly string[];
}

interface Built {
  readonly use: PluginUse;
  readonly body: Body;
}

/** Expands a recipe; all its problems are reported together. */
export function expand(flat: Flat, context: ExpandContext, problems: Problem[]): Expanded {
  const built = build(flat, context, problems);
  const controller: Host = { name: CONTROLLER, roles: [], connection: { kind: 'local' }, arch: context.arch };
  const hosts = [controller, ...flat.hosts, ...built.flatMap(({ body }) => body.hosts ?? [])];
  problems.push(...doubles(flat.uses), ...misnamed(hosts, flat.uses));
  const tasks = problems.length > 0 ? [] : place(built, hosts, problems);
  const mistakes = [...new Map(problems.map((each) => [`${each.path} ${each.message}`, each])).values()];
  if (mistakes.length > 0) fail({ kind: 'config-invalid', file: context.file, problems: mistakes });
  const graph = order(tasks); // a cycle is told before anything starts
  const cleanups = flat.uses.filter(({ spec }) => spec.isCleanup).map(({ spec }) => spec.name);
  return { name: flat.name, concurrency: flat.concurrency, hosts, tasks, graph, cleanups };
}

/** Checks all options first, so that every mistake is seen, then builds each plugin after those it uses. */
function build(flat: Flat, context: ExpandContext, problems: Problem[]): readonly Built[] {
  const options = new Map<PluginUse, unknown>();
  for (const use of flat.uses) {
    const result = checked(use.spec.options, use.given, use.spec.name);
    if (result.ok) options.set(use, result.value);
    else problems.push(...result.problems.map((problem) => suggested(problem, use)));
  }
  if (problems.length > 0) return [];
  const done = new Map<PluginUse, Built>();
  const open: PluginUse[] = [];

  const visit = (use: PluginUse): Built => {
    const known = done.get(use);
    if (known) return known;
    if (open.includes(use))
      fail({ kind: 'cycle', path: [...open.slice(open.indexOf(use)), use].map(({ spec }) => spec.name) });
    open.push(use);
    const find: Context['find'] = (wanted) => {
      const provider = providerOf(wanted, flat.uses);
      return provider && providedBy(wanted, visit(provider).body);
    };
    const body = use.spec.build(options.get(use), {
      arch: context.arch,
      cache: context.cache,
      state: context.state,
      recipe: { name: flat.name, isolation: flat.isolation },
      find,
      use: (wanted) => find(wanted) ?? missing(wanted, use, context),
      refuse: (option, message) => refused(context, `${use.spec.name}.${option}`, message),
    });
    open.pop();
    const result = { use, body };
    done.set(use, result);
    return result;
  };
  return flat.uses.map(visit);
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
const TAKEN = ['all', 'fetch'];

function misnamed(hosts: readonly Host[], uses: readonly PluginUse[]): Problem[] {
  const plugins = uses.map(({ spec }) => spec.name);
  const repeated = hosts.filter(
    ({ name }, index) => hosts.findIndex((other) => other.name === name) !== index,
  );
  return [
    ...hosts
      .filter(({ name }) => !isName(name))
      .map(({ name }) => ({ path: `hosts.${name}`, message: NAMING })),
    ...repeated.map(({ name }) => ({
      path: `hosts.${name}`,
      message: 'is the name of another host already',
    })),
    ...plugins.filter((name) => !isName(name)).map((name) => ({ path: name, message: NAMING })),
    ...plugins
      .filter((name) => TAKEN.includes(name))
      .map((name) => ({ path: name, message: 'is a word of cc itself' })),
  ];
}

function suggested(problem: Problem, { spec }: PluginUse): Problem {
  const near = nearest(problem.path.slice(spec.name.length + 1), optionNames(spec.options));
  return problem.message === UNKNOWN && near ? { ...problem, near } : problem;
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

function providedBy<Value>(wanted: Capability<Value>, body: Body): Value {
  const provided = body.provides?.find(({ capability }) => capability === wanted.name);
  if (!provided) throw new Error(`the provider of ${wanted.name} did not provide it`);
  return provided.value as Value; // made by this capability's `of`
}

interface Placed {
  readonly plugin: string;
  readonly epoch: number;
  readonly step: Step;
  readonly host: Host;
  readonly needs: readonly Need[];
}

/** Puts every step on its hosts and turns needs by name into needs by task. */
function place(built: readonly Built[], hosts: readonly Host[], problems: Problem[]): readonly Task[] {
  const placed = built.flatMap((plugin) => placedOf(plugin, hosts, problems));
  const all = [...fetches(placed, hosts, problems), ...placed];
  const known = namesOf(built, all);
  const firsts = placed.filter(({ step }) => step.first);
  const needs = all.map((task) => [
    ...(task.step.first ? [] : firsts.filter(({ host }) => host.name === task.host.name)),
    ...needsOf(task).flatMap((need) => resolved(need, task, known, problems)),
  ]);
  if (problems.length > 0) return [];
  const ids = new Map(all.map((task) => [task, taskId(task.host.name, task.plugin, task.step.name)]));
  return all.map((task, index) => ({
    id: ids.get(task)!,
    host: task.host,
    plugin: task.plugin,
    epoch: task.epoch,
    step: task.step,
    needs: [...new Set(needs[index]!.map((need) => ids.get(need)!))], // one list for each task, of tasks
  }));
}

/** Everything a need can name, with the tasks it stands for. */
function namesOf(built: readonly Built[], all: readonly Placed[]): ReadonlyMap<Need, Placed[]> {
  const known = new Map<Need, Placed[]>();
  for (const { use } of built) {
    const tasks = all.filter(({ plugin }) => plugin === use.spec.name);
    for (const name of [use.spec.name, ...(use.spec.provides ?? []).map(({ name }) => name)])
      known.set(name, tasks);
  }
  for (const task of all) known.set(`${task.plugin}/${task.step.name}`, []);
  for (const task of all) known.get(`${task.plugin}/${task.step.name}`)?.push(task);
  return known;
}

function placedOf({ use, body }: Built, hosts: readonly Host[], problems: Problem[]): Placed[] {
  const { name, epoch = 1 } = use.spec;
  const seen = new Set<string>();
  return body.steps.flatMap((step, index) => {
    if (!isName(step.name) || seen.has(step.name)) {
      problems.push({
        path: `${name}/${step.name}`,
        message: seen.has(step.name) ? 'is the name of another step already' : NAMING,
      });
      return [];
    }
    seen.add(step.name);
    const before = index === 0 ? (body.needs ?? []) : [`${name}/${body.steps[index - 1]!.name}`];
    const found = where(step, hosts);
    if (found.length === 0)
      problems.push({ path: `${name}/${step.name}`, message: 'the recipe has no host for it' });
    return found.map((host) => ({ plugin: name, epoch, step, host, needs: step.needs ?? before }));
  });
}

function where({ where = 'hosts' }: Step, hosts: readonly Host[]): readonly Host[] {
  if (where === 'controller') return hosts.filter(({ name }) => name === CONTROLLER);
  if (where === 'hosts') return hosts.filter(({ name }) => name !== CONTROLLER);
  if ('role' in where) return hosts.filter(({ roles }) => roles.includes(where.role));
  return hosts.filter(({ roles }) => roles.includes(where.firstOf)).slice(0, 1);
}

/** One task for each artifact that comes from elsewhere: with no needs of their own, all downloads start at once. */
function fetches(placed: readonly Placed[], hosts: readonly Host[], problems: Problem[]): Placed[] {
  const artifacts = new Map<string, Artifact>();
  for (const artifact of placed.flatMap(({ step }) => step.artifacts ?? [])) {
    const known = artifacts.get(artifact.name);
    if (known && !sameData(artifactInput(known), artifactInput(artifact))) {
      problems.push({
        path: `fetch/${artifact.name}`,
        message: 'two artifacts of this name come from different places',
      });
    }
    if (!isName(artifact.name)) problems.push({ path: `fetch/${artifact.name}`, message: NAMING });
    for (const field of revealing(artifact))
      problems.push({
        path: `fetch/${artifact.name}`,
        message: `its ${field} has a user name or password in it, which only mirrors and proxies may have`,
      });
    artifacts.set(artifact.name, artifact);
  }
  const host = hosts.find(({ name }) => name === CONTROLLER)!; // expand puts it first
  return [...artifacts.values()].filter(isFetched).map((artifact) => ({
    plugin: 'fetch',
    epoch: 1,
    step: fetched(artifact),
    host,
    needs: artifact.needs ?? [],
  }));
}

/** What is built here needs no network, and a tool that takes packages from the archive goes there by itself. */
function isFetched({ source }: Artifact): boolean {
  return source.kind !== 'built' && source.kind !== 'debs';
}

function needsOf({ step, host, needs }: Placed): readonly Need[] {
  const bytes = (step.artifacts ?? []).flatMap((artifact) => {
    if (isFetched(artifact)) return [`fetch/${artifact.name}`];
    return artifact.source.kind === 'built' ? [artifact.source.by] : (artifact.needs ?? []);
  });
  return [...needs, ...bytes, ...(host.madeBy ? [host.madeBy] : [])];
}

function resolved(need: Need, task: Placed, known: ReadonlyMap<Need, Placed[]>, problems: Problem[]) {
  const tasks = known.get(need);
  if (!tasks) {
    const near = nearest(need, known.keys());
    const path = `${task.plugin}/${task.step.name}`;
    problems.push({
      path,
      message: `needs "${need}", which the recipe does not have`,
      ...(near ? { near } : {}),
    });
    return [];
  }
  const here = tasks.filter(({ host }) => host.name === task.host.name);
  return here.length > 0 ? here : tasks;
}
