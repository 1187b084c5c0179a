/** The order of tasks: what comes before what, what goes round in a circle, and which path is the longest. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { criticalPath, type Node, type Order, order, remaining, reversed } from '../../core/graph/order.ts';
import type { Host } from '../../core/model/plugin.ts';
import { step } from '../../core/model/step.ts';
import { type TaskId, taskId } from '../../core/model/task.ts';
import { dice, graphs, id } from './random.ts';
import { failureIn } from './recipes.ts';

const GRAPHS = graphs(200);

function chain(length: number): readonly Node[] {
  return Array.from({ length }, (_, index) => ({ id: id(index), needs: index === 0 ? [] : [id(index - 1)] }));
}

/** The graph with these arrows: `a: 'b c'` means that a needs b and c. */
function graph(arrows: Readonly<Record<string, string>>): readonly Node[] {
  return Object.entries(arrows).map(([name, needs]) => ({
    id: id(name),
    needs: needs.split(' ').filter(Boolean).map(id),
  }));
}

test('order lists every task once, after all it needs', () => {
  for (const tasks of GRAPHS) {
    const { ids } = order(tasks);
    assert.deepEqual(ids.toSorted(), tasks.map((task) => task.id).toSorted());
    for (const { id, needs } of tasks)
      for (const need of needs) assert.equal(ids.indexOf(need) < ids.indexOf(id), true);
  }
});

test('order answers equal orders for equal input', () => {
  for (const tasks of GRAPHS) assert.deepEqual(order(structuredClone(tasks)).ids, order(tasks).ids);
});

test('order keeps the order of the recipe where nothing says otherwise', () => {
  const { ids } = order(graph({ d: '', b: 'd', a: 'd', c: '' }));
  assert.deepEqual(ids, ['d', 'c', 'b', 'a'].map(id));
});

test('order answers the needs of a task, and what needs it', () => {
  const all = order(graph({ a: '', b: 'a', c: 'a b a' }));
  assert.deepEqual(all.needs(id('c')), ['a', 'b', 'a'].map(id));
  assert.deepEqual(all.dependents(id('a')), ['b', 'c'].map(id));
  assert.deepEqual(all.dependents(id('c')), []);
  assert.deepEqual(all.needs(id('nobody')), []);
});

const CYCLES: readonly (readonly [string, Readonly<Record<string, string>>, string])[] = [
  ['a task that needs itself', { a: 'a' }, 'a a'],
  ['two tasks', { a: 'b', b: 'a' }, 'a b a'],
  ['a cycle behind other tasks', { z: '', a: 'z c', b: 'a', c: 'b', d: 'c' }, 'a b c a'],
  ['the cycle alone, not the way to it', { x: 'y', y: 'a', a: 'b', b: 'a' }, 'a b a'],
];

for (const [what, arrows, path] of CYCLES) {
  test(`order names the path of ${what}`, () => {
    assert.deepEqual(
      failureIn(() => order(graph(arrows))),
      { kind: 'cycle', path: path.split(' ').map(id) },
    );
  });
}

test('every cycle that order names is one', () => {
  for (let seed = 0; seed < 200; seed++) {
    const roll = dice(seed);
    const count = 2 + roll(8);
    const tasks = Array.from({ length: count }, (_, index) => ({
      id: id(index),
      needs: [id(roll(count)), id(roll(count))],
    }));
    const failure = failureIn(() => order(tasks)); // a finite graph where everything needs something has a cycle
    assert.equal(failure.kind, 'cycle');
    const path = failure.kind === 'cycle' ? failure.path : [];
    assert.equal(path.length >= 2, true);
    assert.equal(path[0], path.at(-1));
    assert.equal(new Set(path).size, path.length - 1);
    // What stands before is needed by what stands after.
    for (const [index, after] of path.slice(1).entries())
      assert.equal(
        tasks.find((task) => task.id === after)?.needs.some((need) => need === path[index]),
        true,
      );
  }
});

test('order, remaining and criticalPath do not overflow on a chain of 20,000 tasks', () => {
  const all = order(chain(20_000));
  assert.equal(all.ids.length, 20_000);
  assert.equal(remaining(all, () => 1).get(id(0)), 20_000);
  assert.equal(criticalPath(all, new Map(all.ids.map((task) => [task, 1]))).length, 20_000);
});

test('order is not led astray by names of Object.prototype, and leaves it alone', () => {
  const before = Reflect.ownKeys(Object.prototype);
  const names = ['constructor', 'toString', 'valueOf', 'hasOwnProperty'];
  const ids = names.map((name) => taskId(name, name, name));
  const tasks = ids.map((id, index) => ({ id, needs: ids.slice(0, index) }));
  assert.deepEqual(order(tasks.toReversed()).ids, ids);
  assert.deepEqual(Reflect.ownKeys(Object.prototype), before);
});

test('reversed turns every arrow round, and twice is where it began', () => {
  const tasks = graph({ a: '', b: 'a', c: 'b a' });
  assert.deepEqual(reversed(tasks), graph({ c: '', b: 'c', a: 'b c' }));
  assert.deepEqual(
    reversed(reversed(tasks)),
    tasks.map(({ id, needs }) => ({ id, needs: [...needs] })),
  );
});

test('reversed keeps a graph acyclic', () => {
  for (const tasks of GRAPHS) assert.equal(order(reversed(tasks)).ids.length, tasks.length);
});

/** Every chain of tasks that starts with one, by trying them all. */
function chains(all: Order, from: TaskId): readonly (readonly TaskId[])[] {
  return [
    [from],
    ...all.dependents(from).flatMap((next) => chains(all, next).map((rest) => [from, ...rest])),
  ];
}

test('remaining is the longest chain that starts with a task', () => {
  for (const [seed, tasks] of GRAPHS.entries()) {
    const all = order(tasks);
    const roll = dice(seed);
    const took = new Map(all.ids.map((id) => [id, roll(50)]));
    const length = (path: readonly TaskId[]) => path.reduce((sum, id) => sum + took.get(id)!, 0); // all have one
    const found = remaining(all, (id) => took.get(id)!);
    for (const from of all.ids) assert.equal(found.get(from), Math.max(...chains(all, from).map(length)));
  }
});

test('criticalPath is a chain of needs, and none is longer', () => {
  for (const [seed, tasks] of GRAPHS.entries()) {
    const all = order(tasks);
    const roll = dice(seed);
    const took = new Map(all.ids.map((id) => [id, 1 + roll(50)]));
    const length = (path: readonly TaskId[]) => path.reduce((sum, id) => sum + took.get(id)!, 0); // all have one
    const path = criticalPath(all, took);
    for (const [index, { id }] of path.slice(1).entries())
      assert.equal(all.needs(id).includes(path[index]!.id), true); // path has one more before each
    const longest = Math.max(...all.ids.flatMap((from) => chains(all, from)).map(length));
    assert.equal(
      path.reduce((sum, task) => sum + task.took, 0),
      longest,
    );
  }
});

test('criticalPath leaves out tasks that took no time of this run', () => {
  const all = order(graph({ a: '', b: 'a', c: 'b' }));
  const took = new Map([
    [id('a'), 5],
    [id('c'), 7],
  ]);
  assert.deepEqual(criticalPath(all, took), [
    { id: id('a'), took: 5 },
    { id: id('c'), took: 7 },
  ]);
  assert.deepEqual(criticalPath(order([]), new Map()), []);
});

test('reversed has all of a host wait for what is taken back first there', () => {
  const hosts = { a: 'one', b: 'one', c: 'one', d: 'two', e: 'one' } as const;
  const tasks = graph({ a: '', b: 'a', c: 'a', d: 'a', e: 'c' }).map((task, index) => {
    const name = Object.values(hosts)[index]!; // one for each
    const host: Host = { name, roles: [], connection: { kind: 'local' } };
    const first = step<null>({ name: 'x', undoFirst: index === 2, probe: async () => null, plan: () => [] });
    return { ...task, host, step: first };
  });
  assert.deepEqual(reversed(tasks), graph({ e: 'c', d: '', c: '', b: 'c', a: 'c b c d' }));
  assert.equal(order(reversed(tasks)).ids.length, 5);
});
