/** Looking ahead: few round trips where nothing differs, and never an answer from before a change. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { agentTransport } from '../../core/host/remote.ts';
import type { Agent } from '../../core/host/wire.ts';
import type { Change } from '../../core/model/change.ts';
import { cmd } from '../../core/model/command.ts';
import { type Step, step } from '../../core/model/step.ts';
import type { Task } from '../../core/model/task.ts';
import { folder } from '../../core/steps/folder.ts';
import { written } from '../../core/steps/written.ts';
import { agentBehind } from '../rig/agent.ts';
import { tempFolder } from '../rig/temp.ts';
import { NODE, runTasks, taskOf } from './context.ts';

/** A host behind an agent that counts what it is asked. */
async function counted(t: TestContext) {
  const place = await tempFolder(t);
  const agent = await agentBehind(t, []);
  const asked = { count: 0 };
  const counting: Agent = {
    start: (start, listener) => {
      asked.count += 1;
      return agent.start(start, listener);
    },
    hello: () => agent.hello(),
    lock: (path, owner) => agent.lock(path, owner),
    unlock: (path) => agent.unlock(path),
    ended: agent.ended,
    [Symbol.asyncDispose]: async () => {},
  };
  const base = join(place, 'base');
  const host = agentTransport(
    NODE.name,
    async () => counting,
    base,
    async () => {},
  );
  const run = async (steps: readonly Step[], { inOrder = false } = {}) => {
    const tasks: Task[] = [];
    for (const each of steps) tasks.push(taskOf(each, { needs: inOrder ? tasks.map(({ id }) => id) : [] }));
    const ran = await runTasks(tasks, { folder: place, hosts: { [NODE.name]: host } });
    return tasks.map(({ id }) => ran.outcomes.get(id)?.state);
  };
  return { place, asked, run };
}

test('fifty tasks as declared cost their host at most eight round trips', async (t) => {
  const { place, asked, run } = await counted(t);
  const steps = Array.from({ length: 50 }, (_, n) =>
    n % 5 === 0
      ? folder({ name: `d${n}`, path: join(place, `out/d${n}`) })
      : written(`${n}`, { name: `f${n}`, path: join(place, `out/f${n}`) }),
  );
  assert.deepEqual(new Set(await run(steps)), new Set(['applied']));
  asked.count = 0;
  assert.deepEqual(new Set(await run(steps)), new Set(['verified']));
  assert.ok(asked.count <= 8, `${asked.count} round trips`);
});

test('what a task has changed is seen by one that was looked at ahead of it', async (t) => {
  const { place, run } = await counted(t);
  const path = join(place, 'shared');
  await writeFile(path, 'old');
  const seen: string[] = [];
  const looks = (name: string, plan: (text: string) => readonly Change[]) =>
    step<{ text: string }>({
      name,
      probe: async (view) => {
        const text = (await view.text(path)) ?? '';
        seen.push(`${name} ${text}`);
        return { text };
      },
      plan: ({ text }) => plan(text),
    });
  const command = cmd`sh -c ${`printf new >${path}`}`;
  const changing = looks('changing', (text) =>
    text === 'new' ? [] : [{ kind: 'run', command, why: 'it is old' }],
  );
  const states = await run([changing, looks('after', () => [])], { inOrder: true });
  assert.deepEqual(states, ['applied', 'adopted']);
  assert.deepEqual(seen.toSorted().slice(0, 2), ['after new', 'after old']); // in its turn, and ahead
  assert.equal(seen.at(-1), 'after new');
});

/** A step whose probe asks a program that counts its starts; `lasting` as `view.read` takes it. */
function counter(place: string, name: string, { lasting = true, exits = 0 } = {}) {
  const line = `echo >>${place}/starts; wc -l <${place}/starts; exit ${exits}`;
  return step<{ said: string }>({
    name,
    probe: async (view) => ({ said: (await view.result(cmd`sh -c ${line}`, { lasting })).stdout.trim() }),
    plan: () => [],
  });
}

async function startsIn(place: string): Promise<number> {
  return (await readFile(join(place, 'starts'), 'utf8')).length;
}

test('what a command has answered well counts for all first looks of a run, where it is said to last', async (t) => {
  const { place, run } = await counted(t);
  await run(['a', 'b', 'c'].map((name) => counter(place, name)));
  assert.equal(await startsIn(place), 1);
  await run(['a', 'b', 'c'].map((name) => counter(place, name)));
  assert.equal(await startsIn(place), 2);
  await run(['a', 'b', 'c'].map((name) => counter(place, name, { lasting: false })));
  assert.equal(await startsIn(place), 5);
});

test('an answer that is none is asked for again by all who come later', async (t) => {
  const { place, run } = await counted(t);
  await run(
    ['a', 'b', 'c'].map((name) => counter(place, name, { exits: 3 })),
    { inOrder: true },
  );
  assert.equal(await startsIn(place), 3);
});

test('nothing that was answered before a change counts after it', async (t) => {
  const { place, run } = await counted(t);
  const steps = [
    counter(place, 'a'),
    written('x', { name: 'b', path: join(place, 'b') }),
    counter(place, 'c'),
  ];
  await run([...steps, counter(place, 'd')], { inOrder: true });
  assert.equal(await startsIn(place), 3);
});

test('probe that never ends holds up no other on its host', async (t) => {
  const { place } = await counted(t);
  const agent = await agentBehind(t, []);
  const host = agentTransport(
    NODE.name,
    async () => agent,
    join(place, 'base'),
    async () => {},
  );
  const stop = new AbortController();
  const hanging = taskOf(step<null>({ name: 'hangs', probe: () => new Promise(() => {}), plan: () => [] }));
  const other = taskOf(written('x', { name: 'other', path: join(place, 'out') }));
  const { outcomes } = await runTasks([hanging, other], {
    folder: place,
    hosts: { [NODE.name]: host },
    signal: stop.signal,
    on: (event) => {
      if (event.kind === 'task' && event.state === 'applied') stop.abort('SIGINT');
    },
  });
  assert.deepEqual(
    [outcomes.get(hanging.id)?.state, outcomes.get(other.id)?.state],
    ['interrupted', 'applied'],
  );
});
