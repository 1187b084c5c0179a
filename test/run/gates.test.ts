/** Gates: a lock is of a host, and whoever waits for one takes no place from others. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { step } from '../../core/model/step.ts';
import { gates } from '../../core/run/gates.ts';
import { CONTROLLER, NODE, taskOf } from './context.ts';

const task = (name: string, host = NODE, locks: readonly string[] = []) =>
  taskOf(step<null>({ name, locks, probe: async () => null, plan: () => [] }), { host });

/** Work that goes on until it is released; `started` tells who is at work, in order. */
function works() {
  const started: string[] = [];
  const release = new Map<string, () => void>();
  const work = (name: string) => async () => {
    started.push(name);
    const { promise, resolve } = Promise.withResolvers<void>();
    release.set(name, resolve);
    await promise;
    return name;
  };
  const settle = async () => {
    for (let turns = 0; turns < 20; turns++) await new Promise(setImmediate);
  };
  return { started, work, settle, release: (name: string) => release.get(name)?.() };
}

test('gate lets a task wait for a lock without taking a place', async () => {
  const { started, work, settle, release } = works();
  const gate = gates(2);
  const first = gate.enter(task('first', NODE, ['apt']), 1, work('first'));
  const second = gate.enter(task('second', NODE, ['apt']), 9, work('second'));
  const free = gate.enter(task('free'), 0, work('free'));
  await settle();
  assert.deepEqual(started, ['first', 'free']);
  release('first');
  assert.equal(await first, 'first');
  await settle();
  assert.deepEqual(started, ['first', 'free', 'second']);
  release('free');
  release('second');
  assert.deepEqual(await Promise.all([second, free]), ['second', 'free']);
});

test('gate of a lock is that of one host', async () => {
  const { started, work, settle, release } = works();
  const gate = gates(8);
  const all = [NODE, CONTROLLER].map((host) => gate.enter(task('x', host, ['apt']), 1, work(host.name)));
  await settle();
  assert.deepEqual(started, ['node-1', 'controller']);
  for (const name of started) release(name);
  await Promise.all(all);
});

test('gate lets hosts of a role take turns at a step, and no others', async () => {
  const { started, work, settle, release } = works();
  const gate = gates(8);
  const enter = (name: string, role: string) => {
    const own = step<null>({ name: 'join', oneByOne: 'plane', probe: async () => null, plan: () => [] });
    const host = { ...NODE, name, roles: [role], connection: { kind: 'ssh', address: name } } as const;
    return gate.enter(taskOf(own, { host }), 1, work(name));
  };
  const all = [enter('p1', 'plane'), enter('p2', 'plane'), enter('w1', 'worker'), enter('w2', 'worker')];
  await settle();
  assert.deepEqual(started.toSorted(), ['p1', 'w1', 'w2']);
  release('p1');
  await settle();
  assert.equal(started.at(-1), 'p2');
  for (const name of started) release(name);
  assert.deepEqual(await Promise.all(all), ['p1', 'p2', 'w1', 'w2']);
});

test('gate of locks in any order lets no two tasks wait for each other', async () => {
  const { started, work, settle, release } = works();
  const gate = gates(8);
  const orders = [['a', 'b'], ['b', 'a'], ['b'], ['a']];
  const all = orders.map((locks, index) => gate.enter(task(`t${index}`, NODE, locks), 1, work(`t${index}`)));
  for (let done = 0; done < orders.length; ) {
    await settle();
    assert.ok(started.length > done, `stuck after ${started}`);
    for (; done < started.length; done++) release(started[done]!); // below the length
  }
  assert.deepEqual((await Promise.all(all)).toSorted(), ['t0', 't1', 't2', 't3']);
});

test('gate lets the task with the longer way ahead go first', async () => {
  const { started, work, settle, release } = works();
  const gate = gates(1);
  const all = [1, 5, 3].map((weight) => gate.enter(task(`t${weight}`), weight, work(`t${weight}`)));
  for (const name of ['t1', 't5', 't3']) {
    await settle();
    assert.equal(started.at(-1), name);
    release(name);
  }
  await Promise.all(all);
});

test('gate is free again after work that throws', async () => {
  const gate = gates(1);
  await assert.rejects(
    gate.enter(task('bad', NODE, ['apt']), 1, () => Promise.reject(new TypeError('a bug'))),
    TypeError,
  );
  assert.equal(await gate.enter(task('good', NODE, ['apt']), 1, async () => 'good'), 'good');
});
