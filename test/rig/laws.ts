/** The laws that every plugin keeps, run on hosts of paper. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Artifact, isArtifact } from '../../core/model/artifact.ts';
import { artifactsOfChange, type Change, describe } from '../../core/model/change.ts';
import { shown } from '../../core/model/command.ts';
import type { Json } from '../../core/model/json.ts';
import type { Recipe } from '../../core/model/recipe.ts';
import type { Last } from '../../core/model/step.ts';
import type { Task, TaskId } from '../../core/model/task.ts';
import { type Bench, type BenchSetup, benchOf, type FakeCommand, matches } from '../plugins/bench.ts';
import type { Ran } from '../run/context.ts';
import { ALL, applied, changed, INTERRUPTED, NEVER, PERFORMED } from '../steps/last.ts';

export interface LawSetup extends BenchSetup {
  /** The plugin whose steps are judged; those of others only run. Default: the name of the laws. */
  readonly plugin?: string;
  /** The steps that take nothing back: caches, packages, what goes with something else. */
  readonly kept?: readonly string[];
  /** What undoing leaves, by host; the cache and the state are called so. */
  readonly left?: Readonly<Record<string, readonly string[]>>;
  /** Laws that the plugin breaks, and how. */
  readonly todo?: Readonly<Partial<Record<Law, string>>>;
}

/** How each task ended that did not end as it should. */
export function others({ outcomes }: Ran, ...states: readonly string[]): Readonly<Record<string, string>> {
  const bad = [...outcomes].filter(([, { state }]) => !states.includes(state));
  return Object.fromEntries(
    bad.map(([id, { state, failure }]) => [id, `${state} ${JSON.stringify(failure)}`]),
  );
}

const GOOD = ['applied', 'adopted', 'verified'];

/** What a step was seen to want in one state, with one memory of the last time. */
interface Wanted {
  readonly task: Task;
  readonly facts: Json;
  readonly last: Last;
  readonly plan: readonly Change[];
  readonly undo: readonly Change[];
}

/** Puts the bench through its states: bare, bare with all bytes here, applied, undone. */
async function* states(bench: Bench): AsyncGenerator<string> {
  bench.fetched.value = false;
  yield 'bare';
  bench.fetched.value = true;
  yield 'fetched';
  await bench.run();
  yield 'applied';
  await bench.run('undo');
  yield 'undone';
}

async function wanted(bench: Bench, plugin: string): Promise<readonly Wanted[]> {
  const all: Wanted[] = [];
  const before = new Map<TaskId, Json>();
  for await (const _ of states(bench)) {
    const { looked } = await bench.look();
    for (const task of bench.tasks.filter((task) => task.plugin === plugin)) {
      const found = looked.get(task.id);
      if (!found) continue; // the first law tells
      const { facts } = found;
      const memories = [
        ...[found.last, NEVER, INTERRUPTED, PERFORMED, changed('inputs.x: 1 → 2', facts)],
        applied(before.get(task.id) ?? facts),
      ];
      for (const last of memories) {
        const plan = task.step.plan(facts, last);
        all.push({ task, facts, last, plan, undo: task.step.undo?.(facts, ALL) ?? [] });
      }
      before.set(task.id, facts);
    }
  }
  return all;
}

function frozen<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(frozen);
  return value;
}

/** Changes as data; what a script does cannot be compared. */
function data(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

/** What the steps would still take back. */
async function undoable(bench: Bench): Promise<readonly string[]> {
  const { looked } = await bench.look();
  return [...looked].flatMap(([id, { facts }]) => {
    const { step } = bench.tasks.find((task) => task.id === id)!; // the bench looks at its own tasks
    return (step.undo?.(facts, ALL) ?? []).map((change) => `${id}: ${describe(change)}`);
  });
}

type Check = (bench: Bench, plugin: string, setup: LawSetup) => Promise<void>;

/** Each law as a check that fails where it is broken. */
export const LAWS = {
  'answers on a bare host': async (bench) => {
    for (const fetched of [false, true]) {
      bench.fetched.value = fetched;
      assert.deepEqual((await bench.look()).failed, {});
    }
  },
  'has nothing left to do once it was run': async (bench) => {
    assert.deepEqual(others(await bench.run(), ...GOOD), {});
    const { looked, failed } = await bench.look();
    const left = [...looked].flatMap(([id, { changes }]) => changes.map((change) => [id, describe(change)]));
    assert.deepEqual({ left, failed }, { left: [], failed: {} });
    assert.deepEqual(others(await bench.run(), 'verified'), {});
  },
  'leaves nothing once it was undone': async (bench, plugin, { kept = [], left = {} }) => {
    const before = bench.snapshot();
    await bench.run();
    assert.deepEqual(others(await bench.run('undo'), ...GOOD), {});
    const after = bench.snapshot();
    assert.deepEqual(await undoable(bench), []);
    const hosts = Object.keys(before);
    const stays = Object.fromEntries(hosts.map((name) => [name, minus(after[name]!, before[name]!)])); // same
    const known = Object.fromEntries(hosts.map((name) => [name, (left[name] ?? []).toSorted()]));
    const found = hosts.map((name) => [
      name,
      tops(stays[name]!)
        .map((path) => named(path, bench))
        .toSorted(),
    ]);
    assert.deepEqual(Object.fromEntries(found), known);
    assert.deepEqual(
      hosts.flatMap((name) => minus(before[name]!, after[name]!)),
      [],
    );
    const own = bench.tasks.filter((task) => task.plugin === plugin && !task.step.check);
    const without = own.filter(({ step }) => !step.undo).map(({ step }) => step.name);
    assert.deepEqual([...new Set(without)], kept);
  },
  'plans the same from the same facts': async (bench, plugin) => {
    for (const { task, facts, last, plan, undo } of await wanted(bench, plugin)) {
      assert.deepEqual(data(facts), facts, `${task.id} has facts that are no JSON`);
      const [copy, memory] = [frozen(structuredClone(facts)), frozen(structuredClone(last))];
      assert.deepEqual(data(task.step.plan(copy, memory)), data(plan), task.id);
      assert.deepEqual(data(task.step.undo?.(copy, ALL) ?? []), data(undo), task.id);
    }
    const [once, twice] = [await bench.look(), await bench.look()];
    for (const [id, { facts }] of once.looked) assert.deepEqual(twice.looked.get(id)?.facts, facts, id);
  },
  'declares every artifact that it uses': async (bench, plugin) => {
    for (const { task, plan, undo } of await wanted(bench, plugin)) {
      const declared = (task.step.artifacts ?? []).map(({ name }) => name);
      const used = [...plan, ...undo].flatMap((change) => [...artifactsOfChange(change), ...inputOf(change)]);
      assert.deepEqual(
        used.map(({ name }) => name).filter((name) => !declared.includes(name)),
        [],
        task.id,
      );
    }
  },
  'says why for every change': async (bench, plugin) => {
    for (const { task, plan, undo } of await wanted(bench, plugin)) {
      for (const change of [...plan, ...undo]) {
        const what = `${task.id}: ${describe(change)}: "${change.why}"`;
        assert.match(change.why, /^\S(.*[^\s.])?$/, what);
        assert.notEqual(change.why, describe(change), what);
      }
    }
  },
  'probes by reading alone': async (bench, _plugin, { reads }) => {
    for await (const state of states(bench)) {
      const before = bench.snapshot();
      bench.ran.length = 0;
      await bench.look();
      const unknown = bench.ran.filter(({ host, argv }) => {
        const own = reads?.(host, bench).some(([command]) => matches(command, argv));
        return !own && !OWN.some((command) => matches(command, argv));
      });
      assert.deepEqual(
        unknown.map(({ argv }) => shown({ argv })),
        [],
        state,
      );
      assert.deepEqual(bench.snapshot(), before, state);
    }
  },
} satisfies Record<string, Check>;

export type Law = keyof typeof LAWS;

/** What cc itself asks of every host. */
const OWN: readonly FakeCommand[0][] = ['systemctl show', 'dpkg-query -W'];

function inputOf(change: Change): readonly Artifact[] {
  return change.kind === 'run' && isArtifact(change.command.input) ? [change.command.input] : [];
}

function minus(all: readonly string[], others: readonly string[]): readonly string[] {
  return all.filter((line) => !others.includes(line));
}

/** What lines of a snapshot are about, without the folders that only hold others of them. */
function tops(lines: readonly string[]): readonly string[] {
  const all = lines.map((line) => line.split(' ')[0]!); // no line is empty
  return all.filter((path) => !all.some((other) => other.startsWith(`${path}/`)));
}

function named(path: string, { cache, state }: Bench): string {
  return path.replace(cache, 'CACHE').replace(state, 'STATE');
}

/** Runs each law as a test of its own on a recipe, and on hosts that know only what `setup` registers. */
export function laws(name: string, recipe: Recipe, setup: LawSetup = {}): void {
  for (const [law, check] of Object.entries(LAWS) as [Law, Check][]) {
    const todo = setup.todo?.[law];
    test(`${name} ${law}`, todo ? { todo } : {}, async (t) => {
      await check(await benchOf(t, recipe, setup), setup.plugin ?? name, setup);
    });
  }
}
