/** Ends that cc waits seconds for, all begun at once: what ignores TERM, and a daemon that holds the output. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { runProcess } from '../../core/host/own-agent.ts';
import { tempFolder } from '../rig/temp.ts';
import { escaped, place } from './escaped.ts';
import { isRunning, numberIn } from './second-process.ts';

const sh = (text: string) => ['sh', '-c', text];
const STUBBORN = 'trap "" TERM; while :; do sleep 0.05; done';

/** Begins now; whether it fails is heard by its test. */
function begun<Value>(body: () => Promise<Value>): Promise<Value> {
  const running = body();
  running.catch(() => {});
  return running;
}

const took = async <Value>(running: Promise<Value>) => {
  const start = performance.now();
  return { value: await running, took: performance.now() - start };
};

const killed = begun(async () => {
  const folder = await tempFolder({ after });
  const stop = new AbortController();
  const running = runProcess(sh(`echo $$ >pid; ${STUBBORN}`), { cwd: folder, signal: stop.signal });
  await numberIn(join(folder, 'pid'));
  stop.abort();
  return took(running);
});

const held = begun(async () => {
  const folder = await tempFolder({ after });
  const running = runProcess(sh('setsid sleep 1000 & echo $! >daemon; echo done'), { cwd: folder });
  const value = await running;
  const daemon = await numberIn(join(folder, 'daemon'));
  const lives = await isRunning(daemon);
  process.kill(daemon, 'SIGKILL');
  return { value, lives };
});

const reaped = begun(async () => {
  const here = await place({ after });
  const pid = await escaped({ after }, here, `${here.folder}/one`, STUBBORN);
  return { pid, ...(await took(here.host.reap(`${here.folder}/one`))) };
});

test('process is not waited for longer than the drain when a daemon holds its output', async () => {
  const { value, lives } = await held;
  assert.deepEqual(value, { code: 0, signal: null, stdout: 'done\n', stderr: '' });
  assert.equal(lives, true);
});

test('process that ignores TERM is killed after the grace period', async () => {
  const { value, took } = await killed;
  assert.deepEqual(value, { code: null, signal: 'SIGKILL', stdout: '', stderr: '' });
  assert.ok(took > 4_500, `${took} ms`);
});

test('reap ends what ignores TERM, after some patience', async () => {
  const { value, took, pid } = await reaped;
  assert.ok(value > 0);
  assert.ok(took > 2_500, `${took} ms`);
  assert.equal(await isRunning(pid), false);
});
