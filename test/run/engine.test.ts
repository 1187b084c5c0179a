/** The engine over random graphs: what holds for every one of them, whatever the order things end in. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { order } from '../../core/graph/order.ts';
import { fail } from '../../core/model/failure.ts';
import { step } from '../../core/model/step.ts';
import type { State, TaskId } from '../../core/model/task.ts';
import { drive } from '../../core/run/engine.ts';
import { paperClock } from '../rig/clock.ts';
import { NODE, taskOf } from './context.ts';
import { dependents, driven, graphOf, HOSTS } from './driven.ts';

const SEEDS = Array.from({ length: 60 }, (_, index) => index + 1);

for (const concurrency of [1, 2, 8]) {
  test(`engine at concurrency ${concurrency} ends every task of any graph well, each after its needs`, async () => {
    for (const seed of SEEDS) {
      const graph = graphOf(seed);
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
    const graph = graphOf(seed, { failures: 0.15 });
    const { final, outcomes } = await driven(graph, { concurrency: 3, onFailure: 'continue' });
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
    const graph = graphOf(seed, { failures: 0.2 });
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
    const graph = graphOf(seed);
    const stopAfter = 1 + (seed % 3);
    const { final, started } = await driven(graph, { concurrency: 2, stopAfter });
    for (const { id } of graph.tasks)
      assert.equal(final.get(id), started.includes(id) ? 'applied' : 'cancelled', `seed ${seed}: ${id}`);
  }
});

test('engine follows the graph it is given', async () => {
  const { tasks } = graphOf(7);
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
    onFailure: 'continue',
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

test('engine lets a host that hangs at its door keep no place from others, and tells how long it hung', async () => {
  const one = (name: string, host = NODE) =>
    taskOf(step<null>({ name, probe: async () => null, plan: () => [] }), { host });
  const hanging = ['f0', 'f1', 'f2'].map((name) => one(name, { ...NODE, name: 'hangs' }));
  const others = ['f0', 'f1', 'f2'].map((name) => one(name));
  const clock = paperClock();
  const { signal } = new AbortController();
  const { promise: door, resolve: open } = Promise.withResolvers<void>();
  const done: TaskId[] = [];
  const outcomes = await drive({
    ...{ tasks: [...hanging, ...others], graph: order([...hanging, ...others]), emit: () => {}, clock },
    reach: ({ host }) => (host === NODE ? Promise.resolve() : door),
    work: async ({ id, host }) => {
      done.push(id);
      if (done.length === others.length) await clock.sleep(60_000, signal).then(open);
      if (host === NODE) return { state: 'verified' };
      return fail({ kind: 'unreachable', host: host.name, address: 'there', command: 'ssh', why: 'silent' });
    },
    ...{ signal, concurrency: 1, onFailure: 'finish', duration: () => 1 },
  });
  assert.deepEqual(
    done,
    [...others, hanging[0]!].map(({ id }) => id),
  ); // there are three
  assert.deepEqual(
    hanging.map(({ id }) => [outcomes.get(id)?.state, outcomes.get(id)?.took]),
    [
      ['failed', 60_000],
      ['skipped', undefined],
      ['skipped', undefined],
    ],
  );
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
    onFailure: 'continue',
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
