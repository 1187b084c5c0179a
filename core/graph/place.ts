/** Steps on their hosts, as tasks: what each is for, and what it needs. */
import { type Arch, type Artifact, artifactInput, type Need, revealing } from '../model/artifact.ts';
import { sameData } from '../model/digest.ts';
import type { Problem } from '../model/failure.ts';
import type { Json } from '../model/json.ts';
import type { Body, Host, PluginUse } from '../model/plugin.ts';
import { withSecrets } from '../model/secret.ts';
import { isOptional, type Step } from '../model/step.ts';
import { isName, misnaming, type Task, taskId } from '../model/task.ts';
import { fetched } from '../steps/fetched.ts';
import { archOf as archOfKind, type Kind, plainKind } from './kinds.ts';
import { nearest } from './near.ts';

export const CONTROLLER = 'controller';

/** The plugin of the tasks that fetch what others place. */
export const FETCH = 'fetch';

/** What takes back everything that a recipe has done. */
export const CLEANUP = 'cleanup';

/** A plugin as it was built for each kind of hosts, what the controller has for all of them from the first one. */
export interface Built {
  readonly use: PluginUse;
  readonly bodies: ReadonlyMap<Kind, Body>;
}

/** Hosts, each of a kind. */
export interface Peopled {
  readonly hosts: readonly Host[];
  readonly kindOf: (host: Host) => Kind;
}

/** A step as it is for one kind. */
interface Variant {
  readonly kind: Kind;
  readonly arch: Arch;
  readonly step: Step;
  readonly needs: readonly Need[];
}

interface Placed extends Variant {
  readonly plugin: string;
  readonly epoch: number;
  /** Whether it is on the controller once for each processor. */
  readonly apart: boolean;
  readonly host: Host;
}

/** Puts every step on its hosts and turns needs by name into needs by task. */
export function place(built: readonly Built[], at: Peopled, problems: Problem[]): readonly Task[] {
  const { hosts } = at;
  const placed = built.flatMap((plugin) => placedOf(plugin, at, problems));
  const all = [...fetches(placed, hosts, problems), ...placed];
  const known = namesOf(built, all);
  const firsts = placed.filter(({ step }) => step.first);
  const needs = all.map((task) => [
    ...(task.step.first ? [] : firsts.filter(({ host }) => host.name === task.host.name)),
    ...needsOf(task).flatMap((need) => resolved(need, task, known, problems)),
  ]);
  const spares = all.map((task) =>
    (task.step.spares ?? []).flatMap((need) => everyOf(need, task, known, problems)),
  );
  if (problems.length > 0) return [];
  const ids = new Map(all.map((task) => [task, taskId(task.host.name, task.plugin, ownName(task))]));
  return all.map((task, index) => {
    const spared = spares[index]!.map((need) => ids.get(need)!); // one list for each task, of tasks
    return {
      id: ids.get(task)!,
      host: task.host,
      plugin: task.plugin,
      epoch: task.epoch,
      arch: archOf(task),
      step: task.step,
      needs: [...new Set([...needs[index]!.map((need) => ids.get(need)!), ...spared])], // the same
      ...(spared.length > 0 ? { spares: spared } : {}),
    };
  });
}

/** Everything a need can name, with the tasks it stands for. */
function namesOf(built: readonly Built[], all: readonly Placed[]): ReadonlyMap<Need, Placed[]> {
  const known = new Map<Need, Placed[]>();
  for (const { use, bodies } of built) {
    for (const { name, where } of [...bodies.values()].flatMap(({ steps }) => steps))
      if (isOptional(where)) known.set(`${use.spec.name}/${name}`, []);
    const tasks = all.filter(({ plugin }) => plugin === use.spec.name);
    for (const name of [use.spec.name, ...(use.spec.provides ?? []).map(({ name }) => name)])
      known.set(name, tasks);
  }
  for (const task of all) known.set(`${task.plugin}/${task.step.name}`, []);
  for (const task of all) known.get(`${task.plugin}/${task.step.name}`)?.push(task);
  return known;
}

/** Tasks of one name on one host are told apart by the processor they are for. */
function ownName({ apart, step, arch }: Placed): string {
  return apart ? `${step.name}-${arch}` : step.name;
}

/** What is on the controller once is for the controller. */
function archOf({ apart, arch, host }: Placed): Arch {
  return apart ? arch : (host.arch ?? arch);
}

function placedOf({ use, bodies }: Built, at: Peopled, problems: Problem[]): Placed[] {
  const { name: plugin, epoch = 1 } = use.spec;
  const all = [...bodies].flatMap(([kind, body]) => variantsOf(plugin, body, kind, problems));
  const byName = Map.groupBy(all, ({ step }) => step.name);
  return [...byName].flatMap(([name, variants]) => {
    const there = [...everywhere(variants, at), ...onController(variants, at.hosts)];
    if (there.length === 0 && !variants.some(({ step }) => isOptional(step.where)))
      problems.push({ path: `${plugin}/${name}`, message: 'the recipe has no host for it' });
    return there.map((each) => ({ plugin, epoch, ...each }));
  });
}

function variantsOf(name: string, body: Body, kind: Kind, problems: Problem[]): Variant[] {
  const arch = archOfKind(kind);
  const seen = new Set<string>();
  return body.steps.flatMap((step, index) => {
    if (!isName(step.name) || seen.has(step.name)) {
      problems.push({
        path: `${name}/${step.name}`,
        message: seen.has(step.name) ? 'is the name of another step already' : misnaming(step.name),
      });
      return [];
    }
    seen.add(step.name);
    const before = index === 0 ? (body.needs ?? []) : [`${name}/${body.steps[index - 1]!.name}`];
    return [{ kind, arch, step, needs: step.needs ?? before }];
  });
}

type There = Omit<Placed, 'plugin' | 'epoch'>;

/** Each host gets what is for its kind. */
function everywhere(variants: readonly Variant[], { hosts, kindOf }: Peopled): readonly There[] {
  const there = variants.flatMap((variant) =>
    where(variant.step, hosts)
      .filter((host) => kindOf(host) === variant.kind)
      .map((host) => ({ ...variant, host, apart: false })),
  );
  return there.toSorted((a, b) => hosts.indexOf(a.host) - hosts.indexOf(b.host));
}

/** One task for all processors, unless what it does differs from one to another. */
function onController(variants: readonly Variant[], hosts: readonly Host[]): readonly There[] {
  // Options by host change nothing there.
  const here = variants.filter(
    ({ step, kind, arch }) => step.where === 'controller' && kind === plainKind(arch),
  );
  const host = hosts.find(({ name }) => name === CONTROLLER)!; // expand puts it first
  const inputOf = ({ step: { inputs = null, artifacts = [] } }: Variant): Json => [
    withSecrets(inputs, String),
    artifacts.map(artifactInput),
  ];
  const apart = here.some((variant) => !sameData(inputOf(variant), inputOf(here[0]!))); // it is one of them
  return (apart ? here : here.slice(0, 1)).map((variant) => ({ ...variant, host, apart }));
}

function where({ where = 'hosts' }: Step, hosts: readonly Host[]): readonly Host[] {
  if (where === 'controller') return [];
  const all = hosts.filter(({ name }) => name !== CONTROLLER);
  if (where === 'hosts') return all;
  const having = (role: string) => all.filter(({ roles }) => roles.includes(role));
  if ('role' in where) return having(where.role);
  if ('firstOf' in where) return having(where.firstOf).slice(0, 1);
  return all.filter((host) => host !== having(where.butFirstOf)[0]);
}

/** One task for each artifact that comes from elsewhere: with no needs of their own, all downloads start at once. */
function fetches(placed: readonly Placed[], hosts: readonly Host[], problems: Problem[]): Placed[] {
  const all = placed.flatMap((each) =>
    (each.step.artifacts ?? []).map((artifact) => ({ artifact, arch: archOf(each) })),
  );
  for (const { artifact } of all) {
    if (!isName(artifact.name))
      problems.push({ path: `fetch/${artifact.name}`, message: misnaming(artifact.name) });
    for (const field of revealing(artifact))
      problems.push({
        path: `fetch/${artifact.name}`,
        message: `its ${field} has a user name or password in it, which only mirrors and proxies may have`,
      });
  }
  const host = hosts.find(({ name }) => name === CONTROLLER)!; // expand puts it first
  return [...Map.groupBy(all, ({ artifact }) => artifact.name)].flatMap(([name, uses]) => {
    const sources = Map.groupBy(uses, ({ artifact }) => JSON.stringify(artifactInput(artifact)));
    const arches = [...sources.values()].flatMap((same) => [...new Set(same.map(({ arch }) => arch))]);
    if (new Set(arches).size < arches.length)
      problems.push({
        path: `fetch/${name}`,
        message: 'two artifacts of this name come from different places',
      });
    const firsts = [...sources.values()]
      .map((same) => same[0]!)
      .filter(({ artifact }) => isFetched(artifact)); // no group is empty
    const apart = firsts.length > 1;
    return firsts.map(({ artifact, arch }) => ({
      ...{ plugin: FETCH, epoch: 1, step: fetched(artifact), host, arch, kind: plainKind(arch), apart },
      needs: artifact.needs ?? [],
    }));
  });
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

/** On its own host, if there are any. */
function resolved(need: Need, task: Placed, known: ReadonlyMap<Need, Placed[]>, problems: Problem[]) {
  const tasks = everyOf(need, task, known, problems);
  const here = tasks.filter(({ host }) => host.name === task.host.name);
  return here.length > 0 ? here : tasks;
}

function everyOf(need: Need, task: Placed, known: ReadonlyMap<Need, Placed[]>, problems: Problem[]) {
  const tasks = known.get(need)?.filter(({ apart, arch }) => !apart || arch === archOf(task));
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
  return tasks;
}
