/** Scripts and probes that reach another host of the run, and values that a script conceals. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cmd } from '../../core/model/command.ts';
import { Failed } from '../../core/model/failure.ts';
import { maskedData } from '../../core/model/mask.ts';
import type { Host } from '../../core/model/plugin.ts';
import type { Script } from '../../core/model/shell.ts';
import { step } from '../../core/model/step.ts';
import type { Place, View } from '../../core/model/view.ts';
import { type Answer, type Paper, paper } from '../rig/paper.ts';
import { type Lasting, tempFolder } from '../rig/temp.ts';
import { NODE, type Running, runTasks, stampOn, taskOf } from './context.ts';

const OTHER: Host = { name: 'node-2', roles: ['plane'], connection: { kind: 'ssh', address: 'elsewhere' } };
const DONE = '/done';

interface There {
  readonly hosts: { readonly 'node-1': Paper; readonly 'node-2': Paper };
  readonly running: Running;
}

async function there(t: Lasting): Promise<There> {
  const hosts = { 'node-1': paper('node-1'), 'node-2': paper('node-2') };
  return { hosts, running: { folder: await tempFolder(t), hosts, declaredHosts: [NODE, OTHER] } };
}

/** A task of node-1 with a script, done once `/done` is there. */
function scripted(script: Script, probe = async (view: View) => (await view.text(DONE)) ?? null) {
  return taskOf(
    step<string | null>({
      name: 'reach',
      probe,
      plan: (text) =>
        text === null ? [{ kind: 'script', title: 'reach node-2', why: 'why not', script }] : [],
    }),
  );
}

const isDone = (host: Paper) => () => {
  host.write(DONE, 'yes');
  return '';
};

test('script changes another host of the run, by its role or its name, and its lines say where', async (t) => {
  const { hosts, running } = await there(t);
  hosts['node-2'].when('ask', 'one\ntwo\n');
  hosts['node-2'].when('tell', 'three\n');
  hosts['node-1'].when('finish', isDone(hosts['node-1']));
  const task = scripted(async ({ on, run }) => {
    const answer = await (await on({ firstOf: 'plane' })).run(cmd`ask`);
    await (await on('node-2')).run({ ...cmd`tell`, input: answer });
    await run(cmd`finish`);
    return { answer };
  });
  const { outcomes, events } = await runTasks([task], running);
  assert.deepEqual(outcomes.get(task.id)?.report, { answer: 'one\ntwo\n' });
  assert.deepEqual(
    events.flatMap((event) => (event.kind === 'output' ? [event.text] : [])),
    ['node-2: one\nnode-2: two\n', 'node-2: three\n'],
  );
  assert.deepEqual(
    events.flatMap((event) => (event.kind === 'command' ? [event.command] : [])),
    ['on node-2: ask', 'on node-2: tell', 'finish'],
  );
});

test('command that fails on another host is told with the name of that host', async (t) => {
  const { hosts, running } = await there(t);
  hosts['node-2'].when('ask', { code: 3, stderr: 'no answer\n' });
  const task = scripted(async ({ on }) => {
    await (await on('node-2')).run(cmd`ask`);
    return undefined;
  });
  const { outcomes } = await runTasks([task], running);
  assert.deepEqual(outcomes.get(task.id)?.failure, {
    kind: 'command-failed',
    host: 'node-2',
    command: 'ask',
    code: 3,
    signal: null,
    stderr: 'no answer\n',
  });
});

test('what is started on another host is under the mark and the signal of the task', async (t) => {
  const { hosts, running } = await there(t);
  const stop = new AbortController();
  const reaped: string[] = [];
  const seen: unknown[] = [];
  const reaping: Paper = { ...hosts['node-2'], reap: async (mark) => reaped.push(mark) };
  hosts['node-2'].when('wait', (_, { env, signal }) => {
    stop.abort('SIGINT');
    seen.push(env, signal?.aborted);
    return '';
  });
  const task = scripted(async ({ on }) => {
    await (await on('node-2')).run(cmd`wait`);
    return undefined;
  });
  const all = { ...running, hosts: { ...hosts, 'node-2': reaping }, run: 'r1', signal: stop.signal };
  const { outcomes } = await runTasks([task], all);
  assert.deepEqual(outcomes.get(task.id)?.failure, { kind: 'interrupted', signal: 'SIGINT' });
  assert.deepEqual(seen, [{ CC_RUN: `r1/${task.id}` }, true]);
  assert.deepEqual(reaped, [`r1/${task.id}`]);
});

test('probe looks at another host', async (t) => {
  const { hosts, running } = await there(t);
  hosts['node-2'].write('/etc/name', 'second');
  const found: unknown[] = [];
  const probe = async (view: View) => {
    const other = await view.on({ firstOf: 'plane' });
    found.push([other.name, await other.text('/etc/name'), (await other.on('node-1')).name]);
    return 'seen';
  };
  const task = scripted(async () => undefined, probe);
  await runTasks([task], { ...running, tasks: [] });
  assert.deepEqual(found, [['node-2', 'second', 'node-1']]);
});

for (const [place, said] of [
  ['node-3', 'the recipe has no host "node-3"; did you mean "node-1"?'],
  [{ firstOf: 'worker' }, 'no host of the recipe has the role "worker"'],
  [{ role: 'plane' }, "the place: expected a host's name or { firstOf }, found an object"],
  ['controller', 'the recipe has no host "controller"'],
] as const)
  test(`place that no host has is a mistake of the script: ${JSON.stringify(place)}`, async (t) => {
    const { running } = await there(t);
    const task = scripted(async ({ on }) => void (await on(place as Place)));
    const { outcomes } = await runTasks([task], running);
    const failure = outcomes.get(task.id)?.failure;
    assert.ok(failure?.kind === 'plugin-threw');
    assert.equal(failure.message, `TypeError: ${said}`);
  });

test('what a script conceals is in no event, no report and no stamp', async (t) => {
  const { hosts, running } = await there(t);
  const value = 'abc123.0123456789abcdef';
  const inputs: unknown[] = [];
  hosts['node-2'].when('take', (_, { input }) => {
    inputs.push(input);
    return `took ${value}\n`;
  });
  hosts['node-1'].when('finish', isDone(hosts['node-1']));
  const task = scripted(async ({ on, run, log, conceal }) => {
    conceal('token', value);
    log(`made ${value}\n`);
    const taken = await (await on('node-2')).run({ ...cmd`take`, input: value });
    await run(cmd`finish`);
    return { taken };
  });
  const { outcomes, events } = await runTasks([task], running);
  assert.deepEqual(outcomes.get(task.id)?.report, { taken: 'took <token>\n' });
  assert.deepEqual(inputs, [value]);
  const stamp = await stampOn(hosts['node-1'], task);
  assert.equal(JSON.stringify([maskedData(events), stamp]).includes(value), false);
});

test('what is too short to be concealed is refused, and not told', async (t) => {
  const { running } = await there(t);
  const task = scripted(async ({ conceal }) => void conceal('token', 'a1b2'));
  const { outcomes } = await runTasks([task], running);
  const failure = outcomes.get(task.id)?.failure;
  assert.ok(failure?.kind === 'plugin-threw');
  assert.equal(failure.message, 'TypeError: what is concealed is a text of 6 characters or more');
});

test('script of a host that goes away is stopped where it works on another one', async (t) => {
  const { hosts, running } = await there(t);
  const gone = new AbortController();
  const failure = { kind: 'agent-lost', host: 'node-1', why: 'it does not answer' } as const;
  hosts['node-2'].when('wait for it', (_, { signal }) => {
    const { promise, resolve } = Promise.withResolvers<Answer>();
    signal?.addEventListener('abort', () => resolve({ code: null, signal: 'SIGTERM' }));
    gone.abort(new Failed(failure));
    return promise;
  });
  const task = scripted(async ({ on }) => void (await (await on('node-2')).run(cmd`wait for it`)));
  Object.assign(hosts['node-1'], { gone: gone.signal });
  const { outcomes } = await runTasks([task], running);
  const { state, failure: told } = outcomes.get(task.id) ?? {};
  assert.deepEqual([state, told], ['lost', failure]);
  assert.equal((await stampOn(hosts['node-1'], task))?.state, 'applying');
});
