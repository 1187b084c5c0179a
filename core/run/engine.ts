/** Drives tasks through the graph: starts what is ready, records how it ended, knows nothing of what a task does. */

import { type Order, remaining } from '../graph/order.ts';
import { schedule } from '../graph/schedule.ts';
import type { Clock } from '../host/shell.ts';
import type { Emit, Reason } from '../model/event.ts';
import { Failed, type Failure, failureOf } from '../model/failure.ts';
import type { Json } from '../model/json.ts';
import { isFinal, moved, type State, type Task, type TaskId } from '../model/task.ts';
import { stackOf } from '../model/thrown.ts';
import { gates } from './gates.ts';
import { halts, type OnFailure } from './halts.ts';

/** How a task ended. */
export interface Outcome {
  readonly state: State;
  readonly took?: number;
  readonly reason?: Reason;
  readonly failure?: Failure;
  readonly because?: TaskId;
  readonly report?: Json;
}

/** Does one task; moves it through its states by `to`, and answers or throws how it ended. */
export type Work = (task: Task, to: (state: State, reason?: Reason) => void) => Promise<Outcome>;

export interface Drive {
  readonly tasks: readonly Task[];
  /** The order to follow: that of the tasks, or the same turned round. */
  readonly graph: Order;
  readonly work: Work;
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
  const { tasks, graph, signal, clock } = options;
  const plan = schedule(graph);
  const weights = remaining(graph, options.duration);
  const gate = gates(options.concurrency);
  const byId = new Map(tasks.map((task) => [task.id, task]));
  const board = boardOf(graph, options);
  const halt = halts(options.onFailure);

  const run = async (task: Task): Promise<void> => {
    const instead = signal.aborted ? { state: 'cancelled' as const } : halt.instead(task);
    if (instead) return end(task.id, instead);
    const began = clock.now();
    board.to(task.id, 'probing');
    const outcome = await outcomeOf(
      () => options.work(task, (state, reason) => board.to(task.id, state, reason ? { reason } : {})),
      (text) => options.emit({ kind: 'output', id: task.id, text }),
    );
    if (outcome.failure) halt.failed(task, outcome.failure);
    end(task.id, { ...outcome, took: Math.round(clock.now() - began) });
  };
  const end = (id: TaskId, { state, ...rest }: Outcome): void => {
    board.to(id, state, rest);
    const { ready, lost } = plan.ended(id, state);
    // What was never started has lost nobody: that did what kept it from starting.
    const because = state === 'skipped' ? rest.because! : id; // as `halts` skips nothing without a reason
    for (const { id } of lost) board.to(id, state === 'cancelled' ? state : 'skipped', { because });
    begin(ready);
  };
  const begin = (ids: readonly TaskId[]): void => {
    const weight = (id: TaskId) => weights.get(id) ?? 0;
    for (const id of ids.toSorted((a, b) => weight(b) - weight(a))) {
      const task = byId.get(id)!; // requires: the graph is of the same tasks
      board.to(id, 'ready');
      gate.enter(task, Math.round(weight(id)), () => run(task)).catch(board.broken);
    }
  };

  begin(plan.first);
  await board.finished;
  return board.outcomes;
}

/** Where every task stands; `finished` ends with the last of them, or with what broke the engine itself. */
function boardOf({ ids }: Order, { emit, clock }: Drive) {
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
    if (outcomes.size === ids.length) resolve();
  };
  return { to, outcomes, finished, broken };
}

/** Every failure is an outcome; the stack of one that nobody expected is logged. */
export async function outcomeOf(work: () => Promise<Outcome>, log: (text: string) => void): Promise<Outcome> {
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
