/** Stamps when their writer is killed, or not alone. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { taskId } from '../../core/model/task.ts';
import { writeDurably } from '../../core/store/durable.ts';
import { childrenOf, isRunning, program, until } from '../host/second-process.ts';
import { tempFolder } from '../rig/temp.ts';
import { numbered, STAMPS } from './stamp-writer.ts';

const TASK = taskId('node-1', 'runc', 'binary');
const WRITER = new URL('stamp-writer.ts', import.meta.url);

for (const [kind, rounds] of [
  ['local', 8],
  ['remote', 4],
] as const) {
  test(`${kind} stamp survives SIGKILL of its writer whole, every time`, async (t) => {
    const folder = join(await tempFolder(t), 'stamps');
    let last = 0;
    for (let round = 0; round < rounds; round++) {
      const [runtime, ...words] = program(WRITER, folder, kind);
      const writer = spawn(runtime!, words, { stdio: ['ignore', 'pipe', 'inherit'] });
      const ended = once(writer, 'exit');
      t.after(() => writer.kill('SIGKILL'));
      const read = () => STAMPS[kind](folder).read(TASK); // opened anew each time, as the next run does
      // The writer counts from 1 again; it is killed at whatever it does once its count is seen to move. It is ahead of
      // what it said by no more than a pipe holds, however fast the disk is.
      const seen = await read();
      for await (const _ of writer.stdout.iterator({ destroyOnReturn: false })) {
        const now = await read();
        assert.deepEqual(now, now && numbered(Number(now.facts)));
        if (now !== undefined && now.facts !== seen?.facts) break;
      }
      assert.deepEqual([writer.exitCode, writer.signalCode], [null, null], 'it ended by itself');
      const agents = await childrenOf(writer.pid!); // set: it has said something
      writer.kill('SIGKILL');
      await ended;
      // What outlives its writer would make the folder anew.
      for (const pid of agents) await until('its agent has ended', async () => !(await isRunning(pid)));
      const left = await read();
      // A remote writer may lose the stamp (see stamp.test.ts), but what is read is never wrong.
      if (kind === 'local') assert.ok(left, 'a stamp that was there is gone');
      assert.deepEqual(left, left && numbered(Number(left.facts)));
      last = Number(left?.facts ?? last);
    }
    assert.ok(last > 0);
  });
}

test('durable file written by many at once is whole, and one of theirs', async (t) => {
  const folder = await tempFolder(t);
  const texts = Array.from({ length: 20 }, (_, index) => `${index}`.repeat(1000));
  await Promise.all(texts.map((text) => writeDurably(join(folder, 'x'), text)));
  assert.deepEqual(await readdir(folder), ['x']);
});
