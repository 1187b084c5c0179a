/** What is no longer declared is taken back before anything else is done on its host. */
import { order, reversed } from '../graph/order.ts';
import { CLEANUP, CONTROLLER } from '../graph/place.ts';
import type { Failure } from '../model/failure.ts';
import type { Host } from '../model/plugin.ts';
import { type TaskId, taskId } from '../model/task.ts';
import { keyOf } from './declared.ts';
import { type Drive, drive, type Outcome, type Outcomes, outcomeOf } from './engine.ts';
import { inherited, undeclaredOn } from './heir.ts';
import { heirsOf, type Inheritance, sorted } from './orphans.ts';
import type { Session } from './session-pool.ts';
import type { ApplyContext } from './task-context.ts';

export interface Sweeper {
  /** Does it once for each machine; never fails, but for a bug. */
  sweep(host: Host): Promise<void>;
  /** How the tasks ended that it has found. */
  readonly outcomes: Outcomes;
  /** Hosts that left, and that have turned out to be the machines of others. */
  readonly others: readonly Host[];
}

/**
 * `rights` says whether a host is entered as root; `alone`: nobody else tells of a host that cannot be reached; `left`: it is not in
 * the recipe.
 */
export interface Entering {
  rights(host: Host): boolean;
  alone(host: Host): boolean;
  left(host: Host): boolean;
}

export function sweeper(
  context: ApplyContext,
  driving: Pick<Drive, 'concurrency' | 'duration'>,
  { rights, alone, left }: Entering,
): Sweeper {
  const outcomes = new Map<TaskId, Outcome>();
  const others: Host[] = [];
  const sweep = async (host: Host): Promise<void> => {
    const { emit, at } = context;
    const id = taskId(host.name, 'cc', 'record');
    const outcome = await outcomeOf<Outcome>(
      async () => {
        const session = await context.pool.session(host, rights(host));
        for (const [task, ended] of await swept(host, session, context, driving)) outcomes.set(task, ended);
        return { state: 'verified' };
      },
      (text) => emit({ kind: 'output', id, text }),
    );
    const { failure } = outcome;
    if (!failure || (!alone(host) && isOfHost(failure))) return; // its tasks will say so
    if (left(host) && isOther(failure)) {
      const text = `${failure.hosts.join(' and ')} are one machine, and the recipe has one of them: nothing is done by the other name`;
      emit({ kind: 'notice', id, text });
      others.push(host);
      return;
    }
    outcomes.set(id, outcome);
    emit({ kind: 'task', at: at(), id, ...outcome });
  };
  return { sweep: oncePerMachine(sweep), outcomes, others };
}

/** Failures that every task of a host has, too. */
export function isOfHost({ kind }: Failure): boolean {
  return OF_HOST.includes(kind);
}

/** What is left on the machine of a host that is declared is taken back as that. */
export function isOther(failure: Failure): failure is Extract<Failure, { kind: 'one-machine' }> {
  return failure.kind === 'one-machine';
}

const OF_HOST: readonly Failure['kind'][] = [
  ...(['unreachable', 'no-root', 'missing-tool', 'wrong-platform', 'foreign-site'] as const),
  ...(['one-machine', 'other-machine'] as const),
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

async function swept(
  host: Host,
  session: Session,
  context: ApplyContext,
  driving: Pick<Drive, 'concurrency' | 'duration'>,
): Promise<Outcomes> {
  const all = await undeclaredOn(host, session, context.declared);
  if (all.length === 0) return new Map();
  const heirs = await heirsOf(all, host, context);
  const stamps = all.filter(({ task }) => !heirs.has(task));
  for (const stamp of all) await passOn(heirs.get(stamp.task), session);
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
    ...{ emit, clock, signal, onFailure: 'continue', concurrency, duration },
  });
}

/** Who has no stamp yet takes this one for its own when its turn comes. */
async function passOn(heir: Inheritance | undefined, { stamps }: Session): Promise<void> {
  if (heir?.own === undefined) return;
  const { own, passed } = heir;
  if (!own.ours) await stamps.write(inherited(own, passed));
  await stamps.remove(passed.task);
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
