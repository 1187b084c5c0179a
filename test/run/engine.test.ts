/** The engine over random graphs: what holds for every one of them, whatever the order things end in. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { order } from '../../core/graph/order.ts';
import { fail } from '../../core/model/failure.ts';
import { step } from '../../core/model/step.ts';
import { isFinal, isGood, type State, type Task, type TaskId } from '../../core/model/task.ts';
import { drive, type Outcomes, type Work } from '../../core/run/engine.ts';
import { paperClock } from '../rig/clock.ts';
import { taskOf } from './context.ts';

/** A small generator of numbers from 0 to 1: the same seed gives the same graph (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Graph {
  readonly tasks: readonly Task[];
  readonly failing: ReadonlySet<TaskId>;
  readonly next: () => number;
}

const HOSTS = ['a', 'b', 'c'].map((name) => ({ name, roles: [], connection: { kind: 'local' } as const }));
const LOCKS = ['apt', 'network'];

/** Up to 30 tasks on three hosts, with needs among earlier ones, locks, and a few that fail. */
function graphOf(seed: number, failures: number): Graph {
  const next = random(seed);
  const pick = <Value>(values: readonly Value[]) => values[Math.floor(next() * values.length)]!;
  const tasks: Task[] = [];
  const failing = new Set<TaskId>();
  for (let n = 0; n < 3 + Math.floor(next() * 28); n++) {
    const needs = tasks.filter(() => next() < 0.15).map(({ id }) => id);
    const locks = LOCKS.filter(() => next() < 0.2);
    const plan = step<null>({ name: `s${n}`, locks, probe: async () => null, plan: () => [] });
    const task = taskOf(plan, { host: pick(HOSTS), needs });
    tasks.push(task);
    if (next() < failures) failing.add(task.id);
  }
  return { tasks, failing, next };
}

interface Seen {
  readonly outcomes: Outcomes;
  readonly final: ReadonlyMap<TaskId, State>;
  readonly most: number;
  readonly started: readonly TaskId[];
}

interface Limits {
  readonly concurrency: number;
  readonly keepGoing?: boolean;
  readonly stopAfter?: number;
}

/** Drives a graph with work that ends in random order, and checks at every start what must hold then. */
async function driven({ tasks, failing, next }: Graph, limits: Limits): Promise<Seen> {
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
    for (const other of atWork.values()) {
      const shared = (task.step.locks ?? []).filter((lock) => other.step.locks?.includes(lock));
      assert.ok(
        other.host !== task.host || shared.length === 0,
        `${task.id} and ${other.id} share ${shared}`,
      );
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
    keepGoing: limits.keepGoing ?? false,
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
function dependents(tasks: readonly Task[], of: ReadonlySet<TaskId>): ReadonlySet<TaskId> {
  const found = new Set<TaskId>();
  for (const { id, needs } of tasks) if (needs.some((need) => of.has(need) || found.has(need))) found.add(id);
  return found;
}

const SEEDS = Array.from({ length: 60 }, (_, index) => index + 1);

for (const concurrency of [1, 2, 8]) {
  test(`engine at concurrency ${concurrency} ends every task of any graph well, each after its needs`, async () => {
    for (const seed of SEEDS) {
      const graph = graphOf(seed, 0);
      const { final, most, started } = await driven(graph, { concurrency });
      assert.ok(most <= concurrency, `seed ${seed}: ${most} at work`);
      assert.deepEqual([...new Set(final.values())], ['applied'], `seed ${seed}`);
      assert.equal(started.length, graph.tasks.length, `seed ${seed}`);
    }
  });
}

test('engine uses the places it has', async () => {
  const tasks = HOSTS.flatMap((host) =>
    ['x', 'y'].map((name) => taskOf(step<null>({ name, probe: async () => null, plan: () => [] }), { host })),
  );
  const { most } = await driven({ tasks, failing: new Set(), next: () => 0.9 }, { concurrency: 4 });
  assert.equal(most, 4);
});

test('engine that keeps going skips what depends on a failure and nothing else', async () => {
  for (const seed of SEEDS) {
    const graph = graphOf(seed, 0.15);
    const { final, outcomes } = await driven(graph, { concurrency: 3, keepGoing: true });
    const lost = dependents(graph.tasks, graph.failing);
    for (const { id } of graph.tasks) {
      const expected = lost.has(id) ? 'skipped' : graph.failing.has(id) ? 'failed' : 'applied';
      assert.equal(final.get(id), expected, `seed ${seed}: ${id}`);
      if (expected !== 'skipped') continue;
      const because = outcomes.get(id)?.because;
      assert.ok(because && graph.failing.has(because), `seed ${seed}: ${id} because ${because}`);
      assert.ok(
        dependents(graph.tasks, new Set([because])).has(id),
        `seed ${seed}: ${id} because ${because}`,
      );
    }
  }
});

test('engine that does not keep going starts nothing after a failure', async () => {
  for (const seed of SEEDS) {
    const graph = graphOf(seed, 0.2);
    const { final } = await driven(graph, { concurrency: 1 });
    const count = (state: State) => [...final.values()].filter((each) => each === state).length;
    assert.ok(count('failed') <= 1, `seed ${seed}`);
    const lost = dependents(
      graph.tasks,
      new Set([...final].filter(([, s]) => s === 'failed').map(([id]) => id)),
    );
    for (const [id, state] of final) {
      if (state === 'skipped') assert.ok(lost.has(id), `seed ${seed}: ${id}`);
      if (lost.has(id)) assert.equal(state, 'skipped', `seed ${seed}: ${id}`);
    }
    if (count('failed') === 0) assert.equal(count('applied'), graph.tasks.length);
  }
});

test('engine that is stopped ends what is at work and cancels all the rest', async () => {
  for (const seed of SEEDS) {
    const graph = graphOf(seed, 0);
    const stopAfter = 1 + (seed % 3);
    const { final, started } = await driven(graph, { concurrency: 2, stopAfter });
    for (const { id } of graph.tasks)
      assert.equal(final.get(id), started.includes(id) ? 'applied' : 'cancelled', `seed ${seed}: ${id}`);
  }
});

test('engine follows the graph it is given', async () => {
  const { tasks } = graphOf(7, 0);
  const done: TaskId[] = [];
  await drive({
    tasks,
    graph: order(
      tasks.map(({ id }, index) => ({ id, needs: tasks.slice(index + 1).map((task) => task.id) })),
    ),
    work: async ({ id }) => {
      done.push(id);
      return { state: 'verified' };
    },
    emit: () => {},
    clock: paperClock(),
    signal: new AbortController().signal,
    concurrency: 8,
    keepGoing: true,
    duration: () => 1,
  });
  assert.deepEqual(done, tasks.map(({ id }) => id).toReversed());
});

test('engine starts the task with the longest way ahead of it first', async () => {
  const one = (name: string, needs: readonly TaskId[] = []) =>
    taskOf(step<null>({ name, probe: async () => null, plan: () => [] }), { needs });
  const short = one('short');
  const long = one('long');
  const after = one('afterwards', [long.id]);
  const { started } = await driven(
    { tasks: [short, long, after], failing: new Set(), next: () => 0 },
    { concurrency: 1 },
  );
  assert.deepEqual(started, [long.id, after.id, short.id]);
});

test('engine of no tasks ends at once', async () => {
  assert.equal(
    (await driven({ tasks: [], failing: new Set(), next: () => 0 }, { concurrency: 1 })).final.size,
    0,
  );
});

test('engine whose work has a bug starts nothing more, and ends in order', async () => {
  const tasks = ['bug', 'slow', 'later'].map((name) =>
    taskOf(step<null>({ name, probe: async () => null, plan: () => [] })),
  );
  let atWork = 0;
  const driving = drive({
    tasks,
    graph: order(tasks),
    work: async ({ step: { name } }) => {
      if (name === 'bug') throw new TypeError('a bug');
      atWork += 1;
      for (let turns = 0; turns < 20; turns++) await new Promise(setImmediate);
      atWork -= 1;
      return { state: 'verified' };
    },
    emit: () => {},
    clock: paperClock(),
    signal: new AbortController().signal,
    concurrency: 2,
    keepGoing: true,
    duration: () => 1,
  });
  const outcomes = await driving;
  assert.deepEqual(
    tasks.map(({ id }) => outcomes.get(id)?.state),
    ['failed', 'verified', 'cancelled'],
  );
  const failure = outcomes.get(tasks[0]!.id)?.failure;
  assert.match(failure?.kind === 'bug' ? failure.stack : '', /^TypeError: a bug\n/);
  assert.equal(atWork, 0);
});
