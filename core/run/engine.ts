/** Drives tasks through the graph: starts what is ready, records how it ended, knows nothing of what a task does. */

import { type Node, type Order, order, remaining } from '../graph/order.ts';
import { schedule } from '../graph/schedule.ts';
import type { Clock } from '../host/shell.ts';
import type { Emit, Reason } from '../model/event.ts';
import { type Failure, failureOf } from '../model/failure.ts';
import type { Json } from '../model/json.ts';
import { isFinal, moved, type State, type Task, type TaskId } from '../model/task.ts';
import { gates } from './gates.ts';

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
  /** The order to follow, when it is not that of the tasks' own needs. */
  readonly arrows?: readonly Node[];
  readonly work: Work;
  readonly emit: Emit;
  readonly clock: Clock;
  /** Stops what is running. */
  readonly signal: AbortSignal;
  readonly concurrency: number;
  /** After a failure, go on with what does not depend on it. */
  readonly keepGoing: boolean;
  readonly duration: (id: TaskId) => number;
}

export interface Driven {
  readonly graph: Order;
  readonly outcomes: ReadonlyMap<TaskId, Outcome>;
}

/** ensures: every task ends in exactly one final state, and no work is left running. */
export async function drive(options: Drive): Promise<Driven> {
  const { tasks, emit, clock, signal } = options;
  const graph = order(options.arrows ?? tasks);
  const plan = schedule(graph);
  const weights = remaining(graph, options.duration);
  const gate = gates(options.concurrency);
  const byId = new Map(tasks.map((task) => [task.id, task]));
  const outcomes = new Map<TaskId, Outcome>();
  const states = new Map<TaskId, State>(graph.ids.map((id) => [id, 'waiting']));
  const start = clock.now();
  let stopping = false;
  let left = tasks.length;
  const finished = Promise.withResolvers<void>();

  const to = (id: TaskId, state: State, outcome: Omit<Outcome, 'state'> = {}) => {
    states.set(id, moved(states.get(id)!, state)); // every id of the graph has a state
    emit({ kind: 'task', at: clock.now() - start, id, state, ...outcome });
    if (!isFinal(state)) return;
    outcomes.set(id, { state, ...outcome });
    left -= 1;
    if (left === 0) finished.resolve();
  };

  const run = async (task: Task): Promise<void> => {
    const began = clock.now();
    if (stopping || signal.aborted) return to(task.id, 'cancelled');
    to(task.id, 'probing');
    const outcome = await outcomeOf(() =>
      options.work(task, (state, reason) => to(task.id, state, reason ? { reason } : {})),
    );
    const { state, ...rest } = outcome;
    if (outcome.failure && !options.keepGoing) stopping = true;
    to(task.id, state, { ...rest, took: clock.now() - began });
    const { ready, lost } = plan.ended(task.id, state);
    for (const { id, because } of lost) to(id, state === 'cancelled' ? 'cancelled' : 'skipped', { because });
    begin(ready);
  };

  const begin = (ids: readonly TaskId[]): void => {
    const sorted = ids.toSorted((a, b) => weights.get(b)! - weights.get(a)!); // remaining() answers for every id
    for (const id of sorted) {
      const task = byId.get(id)!; // requires: arrows are of the same tasks
      to(id, 'ready');
      gate.enter(task, Math.round(weights.get(id)!), () => run(task)).then(undefined, finished.reject);
    }
  };

  if (left === 0) finished.resolve();
  begin(plan.first);
  await finished.promise;
  return { graph, outcomes };
}

async function outcomeOf(work: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await work();
  } catch (error) {
    const failure = failureOf(error);
    if (failure.kind === 'interrupted') return { state: 'interrupted', failure };
    return { state: failure.kind === 'timed-out' ? 'timed-out' : 'failed', failure };
  }
}
