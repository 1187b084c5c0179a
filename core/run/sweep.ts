/** What is no longer declared is taken back before anything else is done on its host. */
import { order, reversed } from '../graph/order.ts';
import { CLEANUP, CONTROLLER, machineOf } from '../graph/place.ts';
import type { Failure } from '../model/failure.ts';
import type { Host } from '../model/plugin.ts';
import { type TaskId, taskId } from '../model/task.ts';
import type { Stamp } from '../store/stamp.ts';
import type { ApplyContext } from './converge.ts';
import type { Declared } from './declared.ts';
import { type Drive, drive, type Outcome, type Outcomes, outcomeOf } from './engine.ts';
import { sorted } from './orphans.ts';
import type { Session } from './session-pool.ts';

export interface Sweeper {
  /** Does it once for each machine; never fails, but for a bug. */
  sweep(host: Host): Promise<void>;
  /** How the tasks ended that it has found. */
  readonly outcomes: Outcomes;
}

/** `rights` says whether a host is entered as root; `alone`: nobody else tells of a host that cannot be reached. */
export function sweeper(
  context: ApplyContext,
  driving: Pick<Drive, 'concurrency' | 'duration'>,
  { rights, alone }: { rights: (host: Host) => boolean; alone: (host: Host) => boolean },
): Sweeper {
  const outcomes = new Map<TaskId, Outcome>();
  const sweep = async (host: Host): Promise<void> => {
    const { emit, at } = context;
    const id = taskId(host.name, 'cc', 'record');
    const outcome = await outcomeOf(
      async () => {
        const session = await context.pool.session(host, rights(host));
        for (const [task, ended] of await swept(host, session, context, driving)) outcomes.set(task, ended);
        return { state: 'verified' };
      },
      (text) => emit({ kind: 'output', id, text }),
    );
    if (!outcome.failure || (!alone(host) && isOfHost(outcome.failure))) return; // its tasks will say so
    outcomes.set(id, outcome);
    emit({ kind: 'task', at: at(), id, ...outcome });
  };
  return { sweep: oncePerMachine(sweep), outcomes };
}

/** Failures that every task of a host has, too. */
export function isOfHost({ kind }: Failure): boolean {
  return OF_HOST.includes(kind);
}

const OF_HOST: readonly Failure['kind'][] = [
  ...(['unreachable', 'no-root', 'missing-tool', 'wrong-platform', 'foreign-site'] as const),
  ...(['held', 'agent-lost', 'interrupted'] as const),
];

/** Everybody who comes for a machine waits for the first who did. */
export function oncePerMachine(work: (host: Host) => Promise<void>): (host: Host) => Promise<void> {
  const known = new Map<string, Promise<void>>();
  return (host) => {
    const key = keyOf(host);
    const done = known.get(key) ?? work(host);
    known.set(key, done);
    return done;
  };
}

/** Hosts with the same stamps; the controller has its own, also where a host is the same machine. */
export function keyOf(host: Host): string {
  return host.name === CONTROLLER ? CONTROLLER : `host ${machineOf(host)}`;
}

/** The stamps of a host that are of no declared task. */
export async function undeclaredOn(
  host: Host,
  { stamps }: Session,
  declared: Declared,
): Promise<readonly Stamp[]> {
  return stamps.all((task) => !declared.has(task) && isOf(task, host, declared));
}

/**
 * A stamp under a name that no host has any more is of the machine that it stands on; so is one of another of its names. One machine
 * may have addresses of which cc does not know that they are one: what stands under the name of another host is left to that.
 */
function isOf(task: TaskId, host: Host, { hosts }: Declared): boolean {
  const [name = ''] = task.split('/');
  if (host.name === CONTROLLER || name === host.name) return name === host.name;
  const named = hosts.find((other) => other.name === name);
  return named === undefined || (name !== CONTROLLER && machineOf(named) === machineOf(host));
}

async function swept(
  host: Host,
  session: Session,
  context: ApplyContext,
  driving: Pick<Drive, 'concurrency' | 'duration'>,
): Promise<Outcomes> {
  const stamps = await undeclaredOn(host, session, context.declared);
  if (stamps.length === 0) return new Map();
  const { takingBack } = await import('./take-back.ts'); // nearly no run needs it
  const { orphans, idle, older } = sorted(stamps, host);
  await leaveOlder(older, session, context);
  // The controller remembers what it has built, for when that is declared again.
  if (host.name !== CONTROLLER) for (const id of idle) await session.stamps.remove(id);
  const tasks = orphans.map(({ task }) => task);
  const { emit, clock, signal } = context;
  const { concurrency, duration } = driving;
  return drive({
    ...{ tasks, graph: order(reversed(tasks)), work: takingBack(orphans, context) },
    ...{ emit, clock, signal, keepGoing: true, concurrency, duration },
  });
}

/** Whose they are, and how they are taken back, only cleanup may guess, by cc's notes. */
async function leaveOlder(
  older: readonly TaskId[],
  { stamps }: Session,
  { declared, emit }: ApplyContext,
): Promise<void> {
  const way = `cc run ${CLEANUP} does what it can by its notes`;
  const text = `no longer declared; an older cc did not write down how to take it back: ${way}`;
  for (const id of older) {
    if (declared.undo) await stamps.remove(id);
    else emit({ kind: 'notice', id, text });
  }
}
