/** Steps on their hosts, as tasks: what each is for, and what it needs. */
import { type Artifact, artifactInput, type Need, revealing } from '../model/artifact.ts';
import { sameData } from '../model/digest.ts';
import type { Problem } from '../model/failure.ts';
import type { Body, Host, PluginUse } from '../model/plugin.ts';
import type { Step } from '../model/step.ts';
import { isName, NAMING, type Task, taskId } from '../model/task.ts';
import { fetched } from '../steps/fetched.ts';
import { nearest } from './near.ts';

export const CONTROLLER = 'controller';

/** Hosts that are one machine: this one under any name, and one address of ssh. */
export function machineOf({ connection }: Host): string {
  return connection.kind === 'local' ? CONTROLLER : `${connection.address}:${connection.port ?? ''}`;
}

export interface Built {
  readonly use: PluginUse;
  readonly body: Body;
}

interface Placed {
  readonly plugin: string;
  readonly epoch: number;
  readonly step: Step;
  readonly host: Host;
  readonly needs: readonly Need[];
}

/** Puts every step on its hosts and turns needs by name into needs by task. */
export function place(built: readonly Built[], hosts: readonly Host[], problems: Problem[]): readonly Task[] {
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
