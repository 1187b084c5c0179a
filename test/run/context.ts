/** A run over hosts on paper, or over this machine, by which tasks can be run and looked at. */
import { join } from 'node:path';
import { type Node, order } from '../../core/graph/order.ts';
import { inTurns, turnsOf } from '../../core/graph/turns.ts';
import { revealing } from '../../core/host/reveal.ts';
import type { Clock } from '../../core/host/shell.ts';
import type { Transport } from '../../core/host/transport.ts';
import type { Event, Reason } from '../../core/model/event.ts';
import type { Host } from '../../core/model/plugin.ts';
import type { Step } from '../../core/model/step.ts';
import { type State, type Task, type TaskId, taskId } from '../../core/model/task.ts';
import { lookingAhead } from '../../core/run/ahead.ts';
import { type ApplyContext, applying } from '../../core/run/apply.ts';
import { declaredBy } from '../../core/run/declared.ts';
import { drive, type Outcomes, type Work } from '../../core/run/engine.ts';
import type { OnFailure } from '../../core/run/halts.ts';
import { reaching } from '../../core/run/look.ts';
import { sessionPool } from '../../core/run/session-pool.ts';
import { openStore } from '../../core/store/bytes.ts';
import { remoteStamps } from '../../core/store/host-stamps.ts';
import { networkOf } from '../../core/store/network.ts';
import type { Site } from '../../core/store/site.ts';
import type { Stamp } from '../../core/store/stamp.ts';
import { paperClock } from '../rig/clock.ts';

export const CONTROLLER: Host = { name: 'controller', roles: [], connection: { kind: 'local' } };
export const NODE: Host = { name: 'node-1', roles: [], connection: { kind: 'ssh', address: 'on paper' } };

export function taskOf(
  step: Step,
  { host = NODE, plugin = 'p', needs = [] as readonly TaskId[], epoch = 1 } = {},
): Task {
  return { id: taskId(host.name, plugin, step.name), host, plugin, epoch, arch: 'amd64', step, needs };
}

export interface Ran {
  readonly outcomes: Outcomes;
  readonly events: readonly Event[];
  /** The states that a task went through. */
  states(id: TaskId): readonly State[];
  reason(id: TaskId): Reason | undefined;
}

export interface Running {
  readonly folder: string;
  /** The hosts by name; a connection to any other fails. */
  readonly hosts: Readonly<Record<string, Transport>>;
  readonly run?: string;
  /** What secrets are read from. */
  readonly env?: Readonly<Record<string, string>>;
  readonly asked?: readonly TaskId[];
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
  readonly concurrency?: number;
  readonly onFailure?: OnFailure;
  /** What is looked at ahead: the tasks that are run, unless told. */
  readonly tasks?: readonly Task[];
  /** All that the recipe declares: the tasks that are run, unless told. */
  readonly declared?: readonly Task[];
  readonly declaredHosts?: readonly Host[];
  /** The hosts that are taken back, where any are. */
  readonly taken?: readonly Host[];
  /** Names of hosts that `--limit` leaves out. */
  readonly leftOut?: readonly string[] | undefined;
  /** Whose the hosts shall be. */
  readonly site?: Site;
  readonly work?: (context: ApplyContext) => Work;
  readonly on?: (event: Event) => void;
  /** The order to follow, when it is not that of the tasks. */
  readonly arrows?: readonly Node[];
}

let runs = 0;

/** The context of one run. */
export function contextOf(running: Running) {
  const { folder, hosts, run, asked = [], signal, clock = paperClock(), on, tasks = [] } = running;
  const events: Event[] = [];
  const connect = async ({ name }: Host) => {
    const transport = hosts[name];
    if (!transport) throw new Error(`nobody told of the host ${name}`);
    return transport;
  };
  const pool = sessionPool(folder, { connect, site: running.site });
  const context: ApplyContext = {
    pool,
    store: openStore({ cache: join(folder, 'cache'), state: folder }, []),
    signal: signal ?? new AbortController().signal,
    reveal: revealing({ env: running.env ?? {}, trust: () => {} }),
    found: new Map(),
    touched: new Set(),
    asked: new Set(asked),
    turns: running.taken ? [] : turnsOf(tasks),
    ahead: lookingAhead(tasks),
    declared: declaredBy(running.declaredHosts ?? hostsOf(tasks), running.declared ?? tasks, running.taken),
    leftOut: new Set(running.leftOut),
    run: run ?? `run-${++runs}`,
    cache: folder,
    network: networkOf([], {}, {}),
    trustedSources: [],
    clock,
    emit: (event) => {
      events.push(event);
      on?.(event);
    },
    at: () => clock.now(),
    controller: () => pool.session(hosts['controller'] ? CONTROLLER : NODE, false),
  };
  return { context, events };
}

function hostsOf(tasks: readonly Task[]): readonly Host[] {
  return [...new Map(tasks.map(({ host }) => [host.name, host])).values()];
}

/** Runs tasks to their end. */
export async function runTasks(tasks: readonly Task[], running: Running): Promise<Ran> {
  const { context, events } = contextOf({ tasks, ...running });
  const outcomes = await drive({
    tasks,
    graph: order(running.arrows ?? inTurns(tasks, context.turns)),
    ...(running.arrows ? {} : { turns: context.turns }),
    work: (running.work ?? applying)(context),
    reach: reaching(context),
    emit: context.emit,
    clock: context.clock,
    signal: context.signal,
    concurrency: running.concurrency ?? 4,
    onFailure: running.onFailure ?? 'stop',
    duration: () => 1,
  });
  const of = (id: TaskId) =>
    events.flatMap((event) => (event.kind === 'task' && event.id === id ? [event] : []));
  return {
    outcomes,
    events,
    states: (id) => of(id).map(({ state }) => state),
    reason: (id) => of(id).find(({ reason }) => reason)?.reason,
  };
}

/** The stamp of a task as the next run would read it from a host that is not the controller. */
export function stampOn(transport: Transport, task: Task): Promise<Stamp | undefined> {
  return remoteStamps(transport).read(task.id);
}
