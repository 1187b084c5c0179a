/** What holds for every graph, of up to 2,000 tasks, with another one in each run of the tests. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cmd } from '../../core/model/command.ts';
import { digestOf } from '../../core/model/digest.ts';
import type { Task } from '../../core/model/task.ts';
import { built } from '../../core/steps/built.ts';
import { type Dice, dice } from '../graph/random.ts';
import { type Paper, paper } from '../rig/paper.ts';
import { withSeed } from '../rig/seed.ts';
import { tempFolder } from '../rig/temp.ts';
import { runTasks, taskOf } from './context.ts';
import { driven, graphOf } from './driven.ts';

const MOST = 2_000;

for (const concurrency of [1, 3, 30]) {
  test(`run of any graph at concurrency ${concurrency} ends, no task before its needs or over a gate`, () =>
    withSeed(async (seed) => {
      for (const most of [30, 300, MOST]) {
        const graph = graphOf(seed + most, { most });
        const { final, started } = await driven(graph, { concurrency });
        assert.deepEqual([...new Set(final.values())], ['applied']);
        assert.equal(started.length, graph.tasks.length);
      }
    }));
}

/** A build whose output follows what it is made of, or is the same whatever it is made of. */
interface Build {
  readonly name: string;
  readonly needs: readonly number[];
  readonly follows: boolean;
  version: number;
}

function buildsOf(roll: Dice, count: number): readonly Build[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `b${index}`,
    needs: [...new Set(Array.from({ length: index === 0 ? 0 : roll(4) }, () => roll(index)))],
    follows: roll(3) > 0,
    version: 0,
  }));
}

const outputOf = (name: string) => `/out/${name}`;

/** What a build makes of the outputs that it needs. */
function textOf({ name, follows, version }: Build, needed: readonly string[]): string {
  return follows ? `${name} ${digestOf([version, ...needed].join(' '))}` : name;
}

/** A host on which `make NAME` makes the output of that build from what is there then. */
function maker(builds: readonly Build[]): Paper {
  const host = paper('node-1');
  host.when('make', ([, name]) => {
    const build = builds.find((each) => each.name === name)!; // a task is of a build
    const needed = build.needs.map((index) => host.read(outputOf(builds[index]!.name)));
    host.write(outputOf(build.name), textOf(build, needed));
    return '';
  });
  return host;
}

function tasksOf(builds: readonly Build[]): readonly Task[] {
  const tasks: Task[] = [];
  for (const { name, needs, version } of builds) {
    const step = built({ name, outputs: [outputOf(name)], make: [cmd`make ${name}`], inputs: { version } });
    tasks.push(taskOf(step, { needs: needs.map((index) => tasks[index]!.id) })); // needs are earlier ones
  }
  return tasks;
}

/** The naive answer: made is what must be, and what needs an output that is another than before. Knows the outputs after. */
function expected(builds: readonly Build[], must: ReadonlySet<number>, known: Map<number, string>) {
  const others = new Set<number>();
  const made: string[] = [];
  for (const [index, build] of builds.entries()) {
    if (!must.has(index) && !build.needs.some((need) => others.has(need))) continue;
    made.push(build.name);
    const text = textOf(
      build,
      build.needs.map((need) => known.get(need)!), // an earlier one
    );
    if (text !== known.get(index)) others.add(index);
    known.set(index, text);
  }
  return made.toSorted();
}

test('run makes again what was declared otherwise or is gone, and what that has changed; nothing else', (t) =>
  withSeed(async (seed) => {
    for (const count of [20, 200, MOST]) {
      const roll = dice(seed + count);
      const builds = buildsOf(roll, count);
      const host = maker(builds);
      const running = { folder: await tempFolder(t), hosts: { 'node-1': host }, concurrency: 8 };
      const known = new Map<number, string>();
      let must = new Set(builds.keys());
      for (let round = 0; round < 4; round++) {
        host.ran.length = 0;
        const { outcomes } = await runTasks(tasksOf(builds), running);
        const made = host.ran.filter((line) => line.startsWith('make ')).map((line) => line.slice(5));
        assert.deepEqual(made.toSorted(), expected(builds, must, known), `${count} builds, round ${round}`);
        const states = new Set([...outcomes.values()].map(({ state }) => state));
        for (const state of states) assert.ok(state === 'applied' || state === 'verified', state);
        must = new Set(Array.from({ length: round === 2 ? 0 : 1 + roll(5) }, () => roll(count)));
        for (const index of must) {
          if (roll(2) === 0)
            host.disk.delete(outputOf(builds[index]!.name)); // of the builds
          else builds[index]!.version += 1;
        }
      }
    }
  }));
