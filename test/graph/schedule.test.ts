/** The schedule: what may start when, on random graphs with random ends. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { type Node, order } from '../../core/graph/order.ts';
import { schedule } from '../../core/graph/schedule.ts';
import { isGood, type State, type TaskId } from '../../core/model/task.ts';
import { dag, dice, id } from './random.ts';

const SEEDS = Array.from({ length: 400 }, (_, seed) => seed);
const ENDS: readonly State[] = ['verified', 'adopted', 'applied', 'applied', 'failed', 'timed-out'];

/** Everything that happened in a run, in order. */
type Step =
  | { readonly kind: 'ready'; readonly id: TaskId }
  | { readonly kind: 'ended'; readonly id: TaskId; readonly state: State }
  | { readonly kind: 'lost'; readonly id: TaskId; readonly because: TaskId };

/** Runs a graph by chance: which of the ready tasks ends next, and how. */
function played(
  seed: number,
  ends = ENDS,
): { readonly tasks: readonly Node[]; readonly steps: readonly Step[] } {
  const roll = dice(seed);
  const tasks = dag(roll);
  const plan = schedule(order(tasks));
  const open = [...plan.first];
  const steps: Step[] = open.map((id) => ({ kind: 'ready', id }));
  while (open.length > 0) {
    const id = open.splice(roll(open.length), 1)[0]!; // open has one at least
    const state = ends[roll(ends.length)]!; // requires: ends are some
    const { ready, lost } = plan.ended(id, state);
    steps.push({ kind: 'ended', id, state });
    steps.push(...ready.map((id) => ({ kind: 'ready', id }) as const));
    steps.push(...lost.map((each) => ({ kind: 'lost', ...each }) as const));
    open.push(...ready);
  }
  return { tasks, steps };
}

test('each task is answered once, as ready or as lost', () => {
  for (const seed of SEEDS) {
    const { tasks, steps } = played(seed);
    const answered = steps.flatMap((step) => (step.kind === 'ended' ? [] : [step.id]));
    assert.deepEqual(answered.toSorted(), tasks.map(({ id }) => id).toSorted(), `seed ${seed}`);
  }
});

test('no task is ready before all its needs ended well', () => {
  for (const seed of SEEDS) {
    const { tasks, steps } = played(seed);
    const needs = new Map(tasks.map((task) => [task.id, task.needs]));
    const good = new Set<TaskId>();
    for (const step of steps) {
      if (step.kind === 'ended' && isGood(step.state)) good.add(step.id);
      if (step.kind === 'ready')
        assert.deepEqual(
          needs.get(step.id)?.filter((need) => !good.has(need)),
          [],
          `seed ${seed}`,
        );
    }
  }
});

test('a task is lost exactly when something it hangs on ended badly, and that is what it is told', () => {
  for (const seed of SEEDS) {
    const { tasks, steps } = played(seed);
    const needs = new Map(tasks.map((task) => [task.id, task.needs]));
    const bad = new Set(
      steps.flatMap((step) => (step.kind === 'ended' && !isGood(step.state) ? [step.id] : [])),
    );
    const above = (id: TaskId): TaskId[] =>
      [...(needs.get(id) ?? [])].flatMap((need) => [need, ...above(need)]);
    const lost = steps.flatMap((step) => (step.kind === 'lost' ? [step] : []));
    const expected = tasks.filter(({ id }) => above(id).some((each) => bad.has(each))).map(({ id }) => id);
    assert.deepEqual(lost.map(({ id }) => id).toSorted(), expected.toSorted(), `seed ${seed}`);
    for (const { id, because } of lost) {
      assert.equal(bad.has(because), true, `seed ${seed}`);
      assert.equal(above(id).includes(because), true, `seed ${seed}`);
    }
  }
});

test('nothing is lost when all ends well', () => {
  for (const seed of SEEDS) {
    const { tasks, steps } = played(seed, ['applied']);
    const ready = steps.flatMap((step) => (step.kind === 'ready' ? [step.id] : []));
    assert.deepEqual(ready.toSorted(), tasks.map(({ id }) => id).toSorted());
  }
});

test('the same ends of the same graph give the same answers', () => {
  for (const seed of SEEDS) assert.deepEqual(played(seed), played(seed));
});

test('a schedule of a diamond loses only what hangs on the failure', () => {
  const tasks: readonly Node[] = [
    { id: id('a'), needs: [] },
    { id: id('b'), needs: [id('a')] },
    { id: id('c'), needs: [id('a')] },
    { id: id('d'), needs: [id('b'), id('c')] },
    { id: id('e'), needs: [id('c')] },
  ];
  const plan = schedule(order(tasks));
  assert.deepEqual(plan.first, [id('a')]);
  assert.deepEqual(plan.ended(id('a'), 'applied'), { ready: [id('b'), id('c')], lost: [] });
  assert.deepEqual(plan.ended(id('b'), 'failed'), { ready: [], lost: [{ id: id('d'), because: id('b') }] });
  assert.deepEqual(plan.ended(id('c'), 'adopted'), { ready: [id('e')], lost: [] });
  assert.deepEqual(plan.ended(id('e'), 'interrupted'), { ready: [], lost: [] });
});

test('what a task spares does not keep it from starting where its host cannot be reached', () => {
  const [gone, after, other, join, last] = ['gone', 'after', 'other', 'join', 'last'].map((name) => id(name));
  const tasks: readonly Node[] = [
    { id: gone!, needs: [] },
    { id: after!, needs: [gone!] },
    { id: other!, needs: [] },
    { id: join!, needs: [after!, other!] },
    { id: last!, needs: [join!, gone!] },
  ];
  const spares = (task: TaskId) => (task === join ? [after!] : []);
  const ended = (isGone: boolean, ...ends: readonly (readonly [TaskId, State])[]) => {
    const plan = schedule(order(tasks), spares);
    return ends.map(([task, state]) =>
      plan.ended(task, state, (need) => isGone && [gone, after].includes(need)),
    );
  };
  const because = (...ids: readonly (TaskId | undefined)[]) =>
    ids.map((each) => ({ id: each, because: gone }));
  const lost = (all: ReturnType<typeof ended>) =>
    all.map((each) => ({ ...each, lost: each.lost.toSorted((a, b) => (a.id < b.id ? -1 : 1)) }));
  // What needs the host itself is lost all the same.
  assert.deepEqual(lost(ended(true, [gone!, 'failed'], [other!, 'verified'])), [
    { ready: [], lost: because(after, last) },
    { ready: [join], lost: [] },
  ]);
  assert.deepEqual(lost(ended(true, [other!, 'verified'], [gone!, 'failed'])), [
    { ready: [], lost: [] },
    { ready: [join], lost: because(after, last) },
  ]);
  assert.deepEqual(lost(ended(false, [gone!, 'failed'], [other!, 'verified'])), [
    { ready: [], lost: because(after, join, last) },
    { ready: [], lost: [] },
  ]);
});

test('what comes after a task, however that ends, starts when it failed or was lost, and is lost with what it needs', () => {
  const [a, b, c, d] = [id(0), id(1), id(2), id(3)];
  const tasks: readonly Node[] = [
    { id: a, needs: [] },
    { id: b, needs: [a] },
    { id: c, needs: [], after: [a, b] },
    { id: d, needs: [c] },
  ];
  const plan = schedule(order(tasks));
  assert.deepEqual(plan.first, [a]);
  assert.deepEqual(plan.ended(a, 'failed'), { ready: [c], lost: [{ id: b, because: a }] });
  assert.deepEqual(plan.ended(c, 'applied'), { ready: [d], lost: [] });
  const needing = schedule(order([...tasks.slice(0, 2), { id: c, needs: [b], after: [a, b] }]));
  assert.deepEqual(
    needing.ended(a, 'failed').lost.map((each) => each.id),
    [b, c],
  );
});
