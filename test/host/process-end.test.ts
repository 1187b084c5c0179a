/** How processes are made to end: with all that descends from them, stubborn ones too. */
import assert from 'node:assert/strict';
import { readdir, readlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { runProcess } from '../../core/host/own-agent.ts';
import { tempFolder } from '../rig/temp.ts';
import { isNamed, isRunning, numberIn, until } from './second-process.ts';

const sh = (text: string) => ['sh', '-c', text];

test('process aborted takes its children and grandchildren along', async (t) => {
  const folder = await tempFolder(t);
  const stop = new AbortController();
  const text = `sh -c 'sleep 1000 & echo $! >grand; wait' & echo $! >child; wait`;
  const running = runProcess(sh(text), { cwd: folder, signal: stop.signal });
  const pids = await Promise.all([numberIn(join(folder, 'child')), numberIn(join(folder, 'grand'))]);
  stop.abort();
  assert.deepEqual(await running, { code: null, signal: 'SIGTERM', stdout: '', stderr: '' });
  for (const pid of pids) await until(`${pid} is gone`, async () => !(await isRunning(pid)));
});

test('process aborted leaves no stubborn grandchild behind', async (t) => {
  const folder = await tempFolder(t);
  const stop = new AbortController();
  const text = `sh -c 'trap "" TERM; echo $$ >stubborn; while :; do sleep 0.05; done' & wait`;
  const running = runProcess(sh(text), { cwd: folder, signal: stop.signal });
  const pid = await numberIn(join(folder, 'stubborn'));
  stop.abort();
  assert.equal((await running).signal, 'SIGTERM');
  await until('the stubborn one is gone', async () => !(await isRunning(pid)));
});

test('process with a signal that fired before it started does not go on', async () => {
  const { code, signal } = await runProcess(['sleep', '1000'], { signal: AbortSignal.abort() });
  assert.deepEqual({ code, signal }, { code: null, signal: 'SIGTERM' });
});

test('process aborted takes along a daemon in a session of its own, which holds its output', async (t) => {
  const folder = await tempFolder(t);
  const stop = new AbortController();
  const text = `setsid sh -c 'echo $$ >daemon; exec sleep 1000' & wait`;
  const running = runProcess(sh(text), { cwd: folder, signal: stop.signal });
  const daemon = await numberIn(join(folder, 'daemon'));
  stop.abort();
  assert.equal((await running).signal, 'SIGTERM');
  assert.equal(await isRunning(daemon), false);
});

test('process whose input cannot be read is not left behind', async (t) => {
  const folder = await tempFolder(t);
  const argv = [...sh('cat; :'), folder];
  const running = runProcess(argv, { input: { file: join(folder, 'missing') } });
  assert.notEqual((await running).code, 0);
  await until('it is gone', async () => !(await isNamed(folder)));
});

test('process whose input is missing does not say that the program is', async (t) => {
  const input = { file: join(await tempFolder(t), 'missing') };
  const { stderr, ...exit } = await runProcess(['cat'], { input });
  assert.deepEqual(exit, { code: 126, signal: null, stdout: '' });
  assert.equal(stderr, `cannot read its input: ${input.file}: No such file or directory`);
});

test('process that does not read its input to the end leaves no file open', async (t) => {
  const file = join(await tempFolder(t), 'input');
  await writeFile(file, 'x'.repeat(4_000_000));
  await runProcess(sh('exit 3'), { input: { file } });
  const names = await readdir('/proc/self/fd');
  const open = await Promise.all(names.map((name) => readlink(`/proc/self/fd/${name}`).catch(() => '')));
  assert.equal(open.includes(file), false);
});
