/** A job done: its tasks driven, and what is no longer declared taken back. */
import { criticalPath, type Order, order, reversed } from '../graph/order.ts';
import { CONTROLLER } from '../graph/place.ts';
import type { Clock } from '../host/shell.ts';
import { machineOf } from '../model/address.ts';
import type { Counts, Emit, Event } from '../model/event.ts';
import { exitFor } from '../model/failure.ts';
import type { Host } from '../model/plugin.ts';
import { hostOf, type State, type TaskId } from '../model/task.ts';
import { type ApplyContext, applying } from '../run/apply.ts';
import { behind } from '../run/behind.ts';
import { type Drive, drive, type Outcomes, type Work } from '../run/engine.ts';
import type { OnFailure } from '../run/halts.ts';
import { type RunContext, reaching } from '../run/look.ts';
import { lookingOnly } from '../run/outside.ts';
import { refusals } from '../run/refusal.ts';
import { rolled } from '../run/rolled.ts';
import { sweeper } from '../run/sweep.ts';
import { forgetHost, knownHosts } from '../store/hosts.ts';
import { median, readDurations } from '../store/journal.ts';
import { entering, type Job, leavingIn } from './job.ts';

/** One run of a job. */
export interface Working {
  readonly id: string;
  readonly clock: Clock;
  readonly emit: Emit;
  /** Where its logs are. */
  readonly logs: string;
  /** Tasks at once, where the recipe is not to say. */
  readonly concurrency?: number | undefined;
  readonly onFailure: OnFailure;
}

/** Answers the exit code. */
export async function work(job: Job, context: RunContext, working: Working): Promise<number> {
  const { project, tasks, undo } = job;
  const { id, clock, emit, logs } = working;
  const start = clock.now();
  const at = () => Math.round(clock.now() - start);
  const applyContext: ApplyContext = {
    ...context,
    ...{ run: id, cache: project.paths.cache, clock, emit, at },
    ...{ network: project.network, trustedSources: project.trustedSources },
    leftOut: new Set([...job.outside].map(hostOf)),
    controller: () => context.pool.session(controllerOf(job), false),
  };
  const verb = undo ? 'undo' : 'run';
  emit({
    kind: 'run-started',
    run: id,
    verb,
    recipe: project.name,
    config: project.file,
    tasks: tasks.map((task) => task.id),
    logs,
  });
  const graph = undo ? order(reversed(tasks)) : job.graph;
  const durations = readDurations(project.paths.state);
  const driving = {
    concurrency: working.concurrency ?? project.concurrency,
    duration: (task: TaskId) => median(durations[task] ?? []) ?? 1,
  };
  const doing: Doing = { ...driving, graph, onFailure: undo ? 'continue' : working.onFailure };
  const outcomes = await (undo ? takeBack : apply)(job, applyContext, doing);
  const exit = exitOf(outcomes, context.signal);
  const late = behind(tasks, outcomes, CONTROLLER);
  const turned = rolled(job.turns, outcomes);
  const more = { ...(late.length > 0 ? { behind: late } : {}), ...(turned ? { rolled: turned } : {}) };
  emit(ended(graph, outcomes, { took: at(), exit, logs, ...more }));
  return exit;
}

type Doing = Pick<Drive, 'concurrency' | 'duration' | 'graph' | 'onFailure'>;

function controllerOf({ project }: Job): Host {
  return project.hosts.find(({ name }) => name === CONTROLLER)!; // every project has it
}

async function apply(job: Job, context: ApplyContext, doing: Doing): Promise<Outcomes> {
  const { swept, tasks, outside, project } = job;
  const sweeping = sweeper(context, doing, entering(job));
  const applied = applying(context);
  const looked = lookingOnly(context);
  const work: Work = async (task, to, begun) => {
    if (outside.has(task.id)) return looked(task, to);
    // What comes first on a host may refuse it as it is, and with what is no longer declared.
    if (swept.includes(task.host) && !task.step.first) await sweeping.sweep(task.host);
    return applied(task, to, begun);
  };
  const known = new Set(swept.length > 0 ? knownHosts(project.paths.state).map(machineOf) : []);
  const idle = swept.filter(
    (host) =>
      (host.name === CONTROLLER || known.has(machineOf(host))) &&
      tasks.every((task) => task.host !== host || task.step.first),
  );
  const [outcomes] = await Promise.all([
    driven(job, context, doing, work),
    ...idle.map((host) => sweeping.sweep(host)),
  ]);
  return new Map([...outcomes, ...sweeping.outcomes]);
}

/** What is not declared goes first, because it may stand on what is. */
async function takeBack(job: Job, context: ApplyContext, doing: Doing): Promise<Outcomes> {
  const [{ undoing }, { cleared }] = await Promise.all([import('../run/undo.ts'), import('../run/clear.ts')]);
  const leaving = leavingIn(job);
  const refused = await refusals(job.tasks, leaving, context);
  if (refused.size > 0) return refused;
  const entry = entering(job);
  const sweeping = sweeper(context, doing, entry);
  // One that left may be the machine of one that is declared, and gives way to that.
  const [gone, here] = [true, false].map((is) => job.swept.filter((host) => entry.left(host) === is));
  for (const hosts of [here!, gone!]) await Promise.all(hosts.map((host) => sweeping.sweep(host)));
  const work = undoing(context, leaving);
  const apart = withoutHosts(job, doing, sweeping.others);
  const outcomes = await driven(apart.job, context, apart.doing, work);
  const ended = new Map([...sweeping.outcomes, ...outcomes]);
  const own = job.swept.filter((host) => !sweeping.others.includes(host));
  const clearing = await cleared(own, ended, entry.rights, context);
  for (const host of [...sweeping.others, ...clearing.empty]) await forgetHost(job.project.paths.state, host);
  return new Map([...ended, ...clearing.outcomes]);
}

/** Nothing is taken back by the name of a host that has turned out to be the machine of another. */
function withoutHosts(job: Job, doing: Doing, others: readonly Host[]) {
  if (others.length === 0) return { job, doing };
  const tasks = job.tasks.filter(({ host }) => !others.includes(host));
  const ids = new Set(tasks.map(({ id }) => id));
  const own = tasks.map((task) => ({ ...task, needs: task.needs.filter((need) => ids.has(need)) }));
  return { job: { ...job, tasks: own }, doing: { ...doing, graph: order(reversed(own)) } };
}

function driven({ tasks, turns }: Job, context: ApplyContext, doing: Doing, work: Work): Promise<Outcomes> {
  const { emit, clock, signal } = context;
  return drive({ tasks, turns, work, reach: reaching(context), emit, clock, signal, ...doing });
}

function exitOf(outcomes: Outcomes, signal: AbortSignal): number {
  if (signal.aborted) return exitFor({ kind: 'interrupted', signal: String(signal.reason) });
  const failures = [...outcomes.values()].flatMap(({ failure }) => failure ?? []);
  const failure = failures.find(({ kind }) => kind === 'bug') ?? failures[0];
  return failure ? exitFor(failure) : 0;
}

function ended(
  graph: Order,
  outcomes: Outcomes,
  run: Pick<Extract<Event, { kind: 'run-ended' }>, 'took' | 'exit' | 'logs' | 'behind' | 'rolled'>,
): Event {
  const counts: { [S in State]?: number } = {};
  for (const { state } of outcomes.values()) counts[state] = (counts[state] ?? 0) + 1;
  const times = new Map(
    [...outcomes].flatMap(([id, outcome]) =>
      outcome.took === undefined ? [] : [[id, Math.round(outcome.took)] as const],
    ),
  );
  return {
    kind: 'run-ended',
    ...run,
    counts: counts satisfies Counts,
    path: criticalPath(graph, times),
  };
}
