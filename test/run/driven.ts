/** Random graphs of tasks, driven with work that ends in random order: what must hold at every start is checked there. */
import assert from 'node:assert/strict';
import { order } from '../../core/graph/order.ts';
import { fail } from '../../core/model/failure.ts';
import { step } from '../../core/model/step.ts';
import { isFinal, isGood, type State, type Task, type TaskId } from '../../core/model/task.ts';
import { drive, type Outcomes, type Work } from '../../core/run/engine.ts';
import type { OnFailure } from '../../core/run/halts.ts';
import { dice } from '../graph/random.ts';
import { paperClock } from '../rig/clock.ts';
import { taskOf } from './context.ts';

export interface Graph {
  readonly tasks: readonly Task[];
  readonly failing: ReadonlySet<TaskId>;
  readonly next: () => number;
}

export const HOSTS = ['a', 'b', 'c'].map((name) => ({
  ...{ name, roles: [] },
  connection: { kind: 'ssh', address: name } as const,
}));
const LOCKS = ['apt', 'network'];
/** As core/run/gates.ts has it: tasks at once on one host. */
const PER_HOST = 8;

/** Tasks on three hosts, with a few needs among earlier ones, locks, and some that fail. */
export function graphOf(seed: number, { most = 30, failures = 0 } = {}): Graph {
  const roll = dice(seed);
  const next = () => roll(2 ** 30) / 2 ** 30;
  const pick = <Value>(values: readonly Value[]) => values[roll(values.length)]!; // none is empty
  const tasks: Task[] = [];
  const failing = new Set<TaskId>();
  for (let n = 3 + roll(most - 2); n > 0; n--) {
    const needs = new Set(tasks.length === 0 ? [] : Array.from({ length: roll(5) }, () => pick(tasks).id));
    const locks = LOCKS.filter(() => next() < 0.2);
    const plan = step<null>({ name: `s${tasks.length}`, locks, probe: async () => null, plan: () => [] });
    const task = taskOf(plan, { host: pick(HOSTS), needs: [...needs] });
    tasks.push(task);
    if (next() < failures) failing.add(task.id);
  }
  return { tasks, failing, next };
}

export interface Seen {
  readonly outcomes: Outcomes;
  readonly final: ReadonlyMap<TaskId, State>;
  readonly most: number;
  readonly started: readonly TaskId[];
}

export interface Limits {
  readonly concurrency: number;
  readonly onFailure?: OnFailure;
  readonly stopAfter?: number;
}

/** Drives a graph with work that ends in random order, and checks at every start what must hold then. */
export async function driven({ tasks, failing, next }: Graph, limits: Limits): Promise<Seen> {
  const atWork = new Map<TaskId, Task>();
  const done = new Map<TaskId, State>();
  const final = new Map<TaskId, State>();
  const started: TaskId[] = [];
  const stop = new AbortController();
  let most = 0;
  let events = 0;
  const work: Work = async (task, to) => {
    for (const need of task.needs)
      assert.ok(isGood(done.get(need) ?? 'waiting'), `${task.id} before ${need}`);
    const beside = [...atWork.values()].filter((other) => other.host === task.host);
    assert.ok(atWork.size < limits.concurrency, `${task.id} is one too many`);
    assert.ok(
      limits.concurrency <= PER_HOST || beside.length < PER_HOST,
      `${task.id} is one too many on its host`,
    );
    for (const other of beside) {
      const shared = (task.step.locks ?? []).filter((lock) => other.step.locks?.includes(lock));
      assert.equal(shared.length, 0, `${task.id} and ${other.id} share ${shared}`);
    }
    assert.equal(stop.signal.aborted, false, `${task.id} starts after the stop`);
    atWork.set(task.id, task);
    started.push(task.id);
    most = Math.max(most, atWork.size);
    if (started.length === limits.stopAfter) stop.abort('SIGINT');
    for (let turns = Math.floor(next() * 5); turns > 0; turns--) await new Promise(setImmediate);
    to('performing');
    to('proving');
    atWork.delete(task.id);
    if (failing.has(task.id)) fail({ kind: 'check-failed', host: 'a', what: 'fails', reasons: [] });
    return { state: 'applied' };
  };
  const driving = drive({
    tasks,
    graph: order(tasks),
    work,
    emit: (event) => {
      events += 1;
      if (event.kind !== 'task' || !isFinal(event.state)) return;
      assert.equal(final.has(event.id), false, `${event.id} ended twice`);
      final.set(event.id, event.state);
      done.set(event.id, event.state);
    },
    clock: paperClock(),
    signal: stop.signal,
    concurrency: limits.concurrency,
    onFailure: limits.onFailure ?? 'stop',
    duration: (id) => id.length,
  });
  const outcomes = await Promise.race([driving, stuck(() => events)]);
  assert.equal(atWork.size, 0, 'work is left running');
  assert.deepEqual([...final.keys()].toSorted(), tasks.map(({ id }) => id).toSorted());
  assert.deepEqual(new Map([...outcomes].map(([id, { state }]) => [id, state])), final);
  return { outcomes, final, most, started };
}

/** Fails once nothing has happened for so many turns of the event loop that nothing ever will. */
async function stuck(events: () => number): Promise<never> {
  let seen = events();
  for (let turns = 0; turns < 200; turns++) {
    await new Promise(setImmediate);
    if (events() === seen) continue;
    seen = events();
    turns = 0;
  }
  throw new Error(`nothing goes on after ${seen} events`);
}

/** Everything that needs one of these, directly or not. */
export function dependents(tasks: readonly Task[], of: ReadonlySet<TaskId>): ReadonlySet<TaskId> {
  const found = new Set<TaskId>();
  for (const { id, needs } of tasks) if (needs.some((need) => of.has(need) || found.has(need))) found.add(id);
  return found;
}
