/** Drives tasks through the graph: starts what is ready, records how it ended, knows nothing of what a task does. */

import { type Order, remaining } from '../graph/order.ts';
import { schedule } from '../graph/schedule.ts';
import type { HostTurn } from '../graph/turns.ts';
import type { Clock } from '../host/shell.ts';
import type { Emit, Reason } from '../model/event.ts';
import { Failed, type Failure, failureOf } from '../model/failure.ts';
import type { Json } from '../model/json.ts';
import { hostOf, isFinal, moved, type State, type Task, type TaskId } from '../model/task.ts';
import { stackOf } from '../model/thrown.ts';
import { gates } from './gates.ts';
import { halts, type OnFailure } from './halts.ts';
import { type Turns, turnsIn } from './turns.ts';

/** How a task ended. */
export interface Outcome {
  readonly state: State;
  readonly took?: number;
  readonly reason?: Reason;
  readonly failure?: Failure;
  readonly because?: TaskId;
  readonly report?: Json;
}

/** A task that would open the turn of its host, which has not come yet; `inside`: an earlier run has begun it. */
export interface Waits {
  readonly state: 'ready';
  readonly inside: boolean;
}

/** Does one task; moves it through its states by `to`, and answers or throws how it ended. `begun`: the turn it opens has come. */
export type Work = (
  task: Task,
  to: (state: State, reason?: Reason) => void,
  begun?: boolean,
) => Promise<Outcome | Waits>;

export interface Drive {
  readonly tasks: readonly Task[];
  /** The order to follow: that of the tasks, or the same turned round. */
  readonly graph: Order;
  /** The turns of hosts, where tasks are to wait for one. */
  readonly turns?: readonly HostTurn[];
  readonly work: Work;
  /** Comes to the host of a task before that takes a place from others; what keeps it from there is for the work to say. */
  readonly reach?: ((task: Task) => Promise<unknown>) | undefined;
  readonly emit: Emit;
  readonly clock: Clock;
  /** Stops what is running. */
  readonly signal: AbortSignal;
  readonly concurrency: number;
  readonly onFailure: OnFailure;
  readonly duration: (id: TaskId) => number;
}

export type Outcomes = ReadonlyMap<TaskId, Outcome>;

/** ensures: every task ends in exactly one final state, and no work is left running. */
export async function drive(options: Drive): Promise<Outcomes> {
  const { tasks, signal } = options;
  const byId = new Map(tasks.map((task) => [task.id, task]));
  const plan = schedule(options.graph, (id) => byId.get(id)?.spares ?? []);
  const weight = weightIn(options);
  const entrance = entering(options);
  const turns = turnsIn(options.turns ?? [], options);
  const board = boardOf(options, turns);
  const halt = halts(options.onFailure);

  const run = async (task: Task, how: Entered): Promise<void> => {
    const instead = signal.aborted ? { state: 'cancelled' as const } : halt.instead(task);
    if (instead) return end(task.id, instead);
    const outcome = await worked(task, how, board, options);
    if ('inside' in outcome) return void wait(task, outcome.inside).catch(board.broken); // in nobody's place
    if (outcome.failure) halt.failed(task, outcome.failure);
    end(task.id, outcome);
  };
  const wait = async (task: Task, inside: boolean): Promise<void> => {
    const because = await turns.begin(task.id, inside);
    return because === undefined ? enter(task, true) : end(task.id, { state: 'skipped', because });
  };
  const end = (id: TaskId, { state, ...rest }: Outcome): void => {
    board.to(id, state, rest);
    const { ready, lost } = plan.ended(id, state, (need) => halt.isGone(hostOf(need)));
    // What was never started has lost nobody: that did what kept it from starting.
    const because = state === 'skipped' ? rest.because! : id; // as nothing is skipped without a reason
    for (const { id } of lost) board.to(id, state === 'cancelled' ? state : 'skipped', { because });
    begin(ready);
  };
  const enter = (task: Task, begun = false): void =>
    void entrance(task, weight(task.id), (waited) => run(task, { begun, waited })).catch(board.broken);
  const begin = (ids: readonly TaskId[]): void => {
    for (const id of ids.toSorted((a, b) => weight(b) - weight(a))) {
      board.to(id, 'ready');
      enter(byId.get(id)!); // requires: the graph is of the same tasks
    }
  };
  begin(plan.first);
  await board.finished;
  return board.outcomes;
}

/** How much hangs on a task, in milliseconds. */
function weightIn({ graph, duration }: Drive): (id: TaskId) => number {
  const weights = remaining(graph, duration);
  return (id) => weights.get(id) ?? 0;
}

/** Has the work of one task done, and tells how long it took. */
async function worked(
  task: Task,
  { begun, waited }: Entered,
  board: Board,
  options: Drive,
): Promise<Outcome | Waits> {
  const { work, clock, emit } = options;
  const { id } = task;
  const began = clock.now();
  board.to(id, 'probing');
  const outcome = await outcomeOf(
    () => work(task, (state, reason) => board.to(id, state, reason ? { reason } : {}), begun),
    (text) => emit({ kind: 'output', id, text }),
  );
  if ('inside' in outcome) {
    board.to(id, 'ready');
    return outcome;
  }
  const before = outcome.failure?.kind === 'unreachable' ? waited : 0;
  return { ...outcome, took: Math.round(before + clock.now() - began) };
}

/** How a task got its place. */
interface Entered {
  /** Whether its host has its turn already. */
  readonly begun: boolean;
  /** Milliseconds in which its host was to be reached. */
  readonly waited: number;
}

/** A host that hangs at its door keeps no place from tasks of others. */
function entering({ concurrency, reach, clock }: Drive) {
  const gate = gates(concurrency);
  return async (task: Task, priority: number, work: (waited: number) => Promise<void>): Promise<void> => {
    const asked = clock.now();
    await reach?.(task).catch(() => undefined);
    const waited = clock.now() - asked;
    await gate.enter(task, Math.round(priority), () => work(waited));
  };
}

type Board = ReturnType<typeof boardOf>;

/** Where every task stands; `finished` ends with the last of them, or with what broke the engine itself. */
function boardOf({ graph: { ids }, emit, clock }: Drive, turns: Turns) {
  const outcomes = new Map<TaskId, Outcome>();
  const states = new Map<TaskId, State>(ids.map((id) => [id, 'waiting']));
  const { promise: finished, resolve, reject: broken } = Promise.withResolvers<void>();
  const start = clock.now();
  if (ids.length === 0) resolve();
  const to = (id: TaskId, state: State, outcome: Omit<Outcome, 'state'> = {}): void => {
    states.set(id, moved(states.get(id)!, state)); // every id of the graph has a state
    emit({ kind: 'task', at: Math.round(clock.now() - start), id, state, ...outcome });
    if (!isFinal(state)) return;
    outcomes.set(id, { state, ...outcome });
    turns.ended(id, state, outcome.because);
    if (outcomes.size === ids.length) resolve();
  };
  return { to, outcomes, finished, broken };
}

/** Every failure is an outcome; the stack of one that nobody expected is logged. */
export async function outcomeOf<Ended extends Outcome | Waits>(
  work: () => Promise<Ended>,
  log: (text: string) => void,
): Promise<Ended | Outcome> {
  try {
    return await work();
  } catch (error) {
    const failure = failureOf(error);
    if (failure.kind === 'bug') log(`${failure.stack}\n`);
    if (failure.kind === 'plugin-threw' && error instanceof Failed && error.cause !== undefined)
      log(`${stackOf(error.cause)}\n`);
    if (failure.kind === 'interrupted') return { state: 'interrupted', failure };
    if (failure.kind === 'agent-lost') return { state: 'lost', failure };
    return { state: failure.kind === 'timed-out' ? 'timed-out' : 'failed', failure };
  }
}
