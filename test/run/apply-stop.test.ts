/** Tasks that are stopped, run out of time, or lose their runner: real processes on this machine. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { step } from '../../core/model/step.ts';
import { check } from '../../core/steps/check.ts';
import { localStamps } from '../../core/store/stamp.ts';
import { isRunning, numberIn, program, until } from '../host/second-process.ts';
import { tempFolder } from '../rig/temp.ts';
import { CONTROLLER, runTasks, taskOf } from './context.ts';
import { here, slowTask } from './slow.ts';

const pidsIn = (folder: string) =>
  Promise.all(['pid', 'escaped'].map((name) => numberIn(join(folder, name))));
const stampIn = (folder: string, task = slowTask(folder)) =>
  localStamps(join(folder, 'stamps.tsv')).read(task.id);

test('task out of time is timed out, and all its processes are gone before another starts', async (t) => {
  const folder = await tempFolder(t);
  const slow = slowTask(folder, { timeout: 3 });
  const running: boolean[] = [];
  const next = taskOf(
    step<null>({
      name: 'next',
      root: false,
      probe: async () => {
        for (const pid of await pidsIn(folder)) running.push(await isRunning(pid));
        return null;
      },
      plan: () => [],
    }),
    { host: CONTROLLER },
  );
  const ran = await runTasks([slow, next], { ...here(folder), concurrency: 1, onFailure: 'continue' });
  assert.deepEqual(ran.states(slow.id), ['ready', 'probing', 'performing', 'timed-out']);
  assert.deepEqual(ran.outcomes.get(slow.id)?.failure, {
    kind: 'timed-out',
    host: 'controller',
    what: slow.id,
    within: 3,
  });
  assert.deepEqual(running, [false, false]);
  assert.equal((await stampIn(folder))?.state, 'failed');
});

test('task stopped by a signal is interrupted, stays applying, and says so to the next run', async (t) => {
  const folder = await tempFolder(t);
  const stop = new AbortController();
  const slow = slowTask(folder);
  const running = runTasks([slow], { ...here(folder), run: 'r1', signal: stop.signal });
  const pids = await pidsIn(folder);
  assert.equal((await stampIn(folder))?.state, 'applying');
  stop.abort('SIGINT');
  const ran = await running;
  assert.deepEqual(ran.states(slow.id), ['ready', 'probing', 'performing', 'interrupted']);
  assert.deepEqual(ran.outcomes.get(slow.id)?.failure, { kind: 'interrupted', signal: 'SIGINT' });
  for (const pid of pids) await until(`${pid} is gone`, async () => !(await isRunning(pid)));
  assert.equal((await stampIn(folder))?.state, 'applying');

  await writeFile(join(folder, 'quick'), '');
  const next = await runTasks([slow], here(folder));
  assert.deepEqual(next.reason(slow.id), {
    kind: 'interrupted',
    details: ['interrupted in run r1', 'it is not done'],
  });
  assert.equal((await stampIn(folder))?.state, 'applied');
});

/** Runs the slow task in a process of its own and kills that process in the middle; answers what outlives it. */
async function orphanIn(folder: string): Promise<number> {
  const [runtime, ...words] = program(new URL('slow.ts', import.meta.url), folder, 'r1');
  const runner = spawn(runtime!, words, { stdio: ['ignore', 'inherit', 'inherit'] });
  const ended = once(runner, 'exit');
  const [command, escaped] = await pidsIn(folder);
  runner.kill('SIGKILL');
  await ended;
  await until('the command is gone', async () => !(await isRunning(command!)));
  assert.equal(await isRunning(escaped!), true);
  return escaped!; // both wrote who they are
}

test('task whose runner was killed runs again as interrupted, after its orphan is ended', async (t) => {
  const folder = await tempFolder(t);
  const pid = await orphanIn(folder);
  assert.equal((await stampIn(folder))?.state, 'applying');
  await writeFile(join(folder, 'quick'), '');
  const slow = slowTask(folder);
  const ran = await runTasks([slow], here(folder));
  assert.deepEqual(ran.reason(slow.id), {
    kind: 'interrupted',
    details: ['interrupted in run r1', 'it is not done'],
  });
  assert.deepEqual(
    ran.events.filter(({ kind }) => kind === 'notice'),
    [{ kind: 'notice', id: slow.id, text: 'ended 1 process left by run r1' }],
  );
  assert.equal(await isRunning(pid), false);
  assert.equal((await stampIn(folder))?.state, 'applied');
});

test('task found done after its runner was killed is not adopted while its orphan is at work', async (t) => {
  const folder = await tempFolder(t);
  const pid = await orphanIn(folder);
  t.after(async () => {
    if (await isRunning(pid)) process.kill(pid, 'SIGKILL');
  });
  await writeFile(join(folder, 'done'), '');
  const slow = slowTask(folder);
  assert.deepEqual((await runTasks([slow], here(folder))).states(slow.id), ['ready', 'probing', 'adopted']);
  assert.equal(await isRunning(pid), false);
});

test('check whose command ends well when it is stopped is interrupted all the same', async (t) => {
  const folder = await tempFolder(t);
  const stop = new AbortController();
  const text = 'trap "exit 0" TERM; echo $$ >pid; while :; do sleep 0.05; done';
  const task = taskOf(
    check({
      name: 'slow',
      title: 'prove it',
      inputs: null,
      script: async ({ run }) => ({ said: await run({ argv: ['sh', '-c', text], cwd: folder }) }),
    }),
    { host: CONTROLLER },
  );
  const unprivileged = { ...task, step: { ...task.step, root: false } };
  const running = runTasks([unprivileged], { ...here(folder), signal: stop.signal });
  await numberIn(join(folder, 'pid'));
  stop.abort('SIGINT');
  assert.deepEqual((await running).states(task.id), ['ready', 'probing', 'performing', 'interrupted']);
});

test('task stopped while it is looked at is interrupted, and nothing is written', async (t) => {
  const folder = await tempFolder(t);
  const stop = new AbortController();
  const task = taskOf(
    step<{ text: string }>({
      name: 'looking',
      root: false,
      probe: async (view) => ({
        text: await view.read({ argv: ['sh', '-c', 'echo $$ >pid; exec sleep 1000'], cwd: folder }),
      }),
      plan: () => [],
    }),
    { host: CONTROLLER },
  );
  const running = runTasks([task], { ...here(folder), signal: stop.signal });
  await numberIn(join(folder, 'pid'));
  stop.abort('SIGINT');
  assert.deepEqual((await running).states(task.id), ['ready', 'probing', 'interrupted']);
});
