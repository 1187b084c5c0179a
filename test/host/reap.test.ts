/** Processes found by their mark, wherever they hide, and nobody else's. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { escaped, place } from './escaped.ts';
import { isRunning, until } from './second-process.ts';

test('reap ends what left its group and lost its parent, and its children', async (t) => {
  const here = await place(t);
  const pid = await escaped(t, here, `${here.folder}/one`, 'sleep 1000 & wait');
  assert.equal(await here.host.reap(`${here.folder}/one`), 2);
  await until('it is gone', async () => !(await isRunning(pid)));
  assert.equal(await here.host.reap(`${here.folder}/one`), 0);
});

test('reap leaves other runs and other tasks alone, also those whose mark begins or ends alike', async (t) => {
  const here = await place(t);
  const mark = `${here.folder}/a.b`;
  const others = [`${mark}c`, `x${mark}`, `${here.folder}/aXb`, here.folder];
  const pids = await Promise.all(others.map((other) => escaped(t, here, other, 'exec sleep 1000')));
  assert.equal(await here.host.reap(mark), 0);
  for (const pid of pids) assert.equal(await isRunning(pid), true);
});
