/** A whole site over hosts on paper, run and looked at as the commands do. */
import type { Job } from '../../core/cli/job.ts';
import type { Project } from '../../core/cli/project.ts';
import { lookAt } from '../../core/cli/survey.ts';
import { work } from '../../core/cli/work.ts';
import { order } from '../../core/graph/order.ts';
import { type Selector, selected } from '../../core/graph/selection.ts';
import { describe } from '../../core/model/change.ts';
import type { Event } from '../../core/model/event.ts';
import type { Failure } from '../../core/model/failure.ts';
import type { Host } from '../../core/model/plugin.ts';
import type { Task, TaskId } from '../../core/model/task.ts';
import { keyOf } from '../../core/run/declared.ts';
import type { Finding } from '../../core/run/survey.ts';
import { knownHosts, rememberHost } from '../../core/store/hosts.ts';
import { networkOf } from '../../core/store/network.ts';
import { type Paper, paper } from '../rig/paper.ts';
import { type Lasting, tempFolder } from '../rig/temp.ts';
import { CONTROLLER, contextOf } from './context.ts';

export interface Done {
  readonly exit: number;
  readonly events: readonly Event[];
}

export interface Site {
  readonly papers: Readonly<Record<string, Paper>>;
  /** With other hosts than the site began with where that is told. */
  run(
    verb: 'all' | 'cleanup',
    tasks: readonly Task[],
    hosts?: readonly Host[],
    chosen?: Partial<Selector>,
  ): Promise<Done>;
  look(
    verb: 'all' | 'cleanup',
    tasks: readonly Task[],
    hosts?: readonly Host[],
    chosen?: Partial<Selector>,
  ): Promise<readonly Finding[]>;
  /** The hosts that the site remembers. */
  known(): readonly string[];
}

/** requires: tasks are on the controller or on these hosts. */
export async function siteOn(t: Lasting, hosts: readonly Host[]): Promise<Site> {
  const folder = await tempFolder(t);
  const machines = new Map<string, Paper>();
  const paperOf = (host: Host): Paper => {
    const made = machines.get(keyOf(host)) ?? paper(host.name);
    machines.set(keyOf(host), made);
    return made;
  };
  const papersOf = (some: readonly Host[]) =>
    Object.fromEntries([CONTROLLER, ...some].map((host) => [host.name, paperOf(host)]));
  const entered = async <Value>(
    verb: 'all' | 'cleanup',
    tasks: readonly Task[],
    some: readonly Host[],
    use: (job: Job, context: ReturnType<typeof contextOf>) => Promise<Value>,
    chosen: Partial<Selector> = {},
  ): Promise<Value> => {
    const undo = verb === 'cleanup';
    const all = [CONTROLLER, ...some];
    const graph = order(tasks);
    const project: Project = {
      ...{
        name: 'site',
        file: 'cc.config.ts',
        hosts: all,
        tasks,
        graph,
        cleanups: ['cleanup'],
        offers: [],
        locks: [],
      },
      ...{ arch: 'amd64', manifests: new Map(), network: networkOf([], {}, {}), trustedSources: [] },
      ...{ paths: { cache: folder, state: folder, key: 'site' }, concurrency: 4 },
    };
    const { whole: swept, ...selection } = selected(project, { names: [], ...chosen });
    const context = contextOf({
      folder,
      hosts: papersOf(some),
      tasks,
      declaredHosts: all,
      ...(undo ? { taken: swept } : {}),
      site: { id: 'site', name: 'site' },
    });
    try {
      return await use({ project, undo, swept, left: [], ...selection }, context);
    } finally {
      await context.context.pool[Symbol.asyncDispose]();
    }
  };
  return {
    papers: papersOf(hosts),
    run: async (verb, tasks, some = hosts, chosen) => {
      if (verb === 'all') for (const host of some) await rememberHost(folder, host);
      return entered(
        verb,
        tasks,
        some,
        async (job, { context, events }) => {
          const { run: id, clock, emit } = context;
          const exit = await work(job, context, { id, clock, emit, logs: folder, onFailure: 'stop' });
          return { exit, events };
        },
        chosen,
      );
    },
    look: (verb, tasks, some = hosts, chosen) =>
      entered(verb, tasks, some, (job, { context }) => lookAt(job, context), chosen),
    known: () => knownHosts(folder).map(({ name }) => name),
  };
}

/** What findings would take back, as `task: what`. */
export function told(findings: readonly Finding[]): readonly string[] {
  const all = findings.flatMap((each) =>
    each.kind === 'would' ? each.changes.map((change) => `${each.id}: ${describe(change)}`) : [],
  );
  return all.toSorted();
}

/** What a run has changed, in the same words. */
export function did({ events }: Done): readonly string[] {
  return events.flatMap((each) => (each.kind === 'change' ? [`${each.id}: ${each.what}`] : [])).toSorted();
}

/** The failures of a run by their task. */
export function failures({ events }: Done): readonly (readonly [TaskId, Failure])[] {
  return events.flatMap((each) =>
    each.kind === 'task' && each.failure ? [[each.id, each.failure] as const] : [],
  );
}
