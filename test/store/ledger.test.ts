/** The ledger: the last line of a key counts, torn ends never do, and dead lines do not pile up. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { appendFile, mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Failed } from '../../core/model/failure.ts';
import { openLedger } from '../../core/store/ledger.ts';
import { node } from '../rig/cc.ts';
import { tempFolder } from '../rig/temp.ts';

const pathFor = async (t: Parameters<typeof tempFolder>[0]) => join(await tempFolder(t), 'state', 'ledger');

/** Does something to a ledger as one run would: opened for it, and closed after it. */
async function run<Value>(
  path: string,
  work: (ledger: ReturnType<typeof openLedger>) => Promise<Value>,
): Promise<Value> {
  await using ledger = openLedger(path);
  return await work(ledger);
}

test('ledger keeps the last text of each key, at once and for the next run', async (t) => {
  const path = await pathFor(t);
  const texts = (ledger: ReturnType<typeof openLedger>) => ['a', 'b', 'c'].map((key) => ledger.get(key));
  await run(path, async (ledger) => {
    await ledger.set('a', '1');
    await ledger.set('b', '2\tstill 2');
    await ledger.set('c', '3');
    await ledger.set('a', '4');
    await ledger.remove('c');
    assert.deepEqual(texts(ledger), ['4', '2\tstill 2', undefined]);
  });
  assert.equal(await readFile(path, 'utf8'), 'a\t1\nb\t2\tstill 2\nc\t3\na\t4\nc\t\n');
  assert.deepEqual(await run(path, async (ledger) => texts(ledger)), ['4', '2\tstill 2', undefined]);
});

test('ledger that is only read, or asked to remove what it has not, makes no file', async (t) => {
  const path = await pathFor(t);
  await run(path, async (ledger) => {
    assert.equal(ledger.get('a'), undefined);
    await ledger.remove('a');
  });
  await assert.rejects(stat(path), { code: 'ENOENT' });
});

test('ledger written by many at once has a line for each', async (t) => {
  const path = await pathFor(t);
  const keys = Array.from({ length: 100 }, (_, index) => `key-${index}`);
  await run(path, (ledger) => Promise.all(keys.map((key) => ledger.set(key, key.repeat(100)))));
  await run(path, async (ledger) => {
    for (const key of keys) assert.equal(ledger.get(key), key.repeat(100));
  });
});

test('ledger whose last line is torn goes on from the one before, on a line of its own', async (t) => {
  const path = await pathFor(t);
  for (const torn of ['a', 'a\t', 'a\t{"half', '\0\0\0']) {
    await rm(path, { force: true });
    await run(path, (ledger) => ledger.set('a', 'whole'));
    await appendFile(path, torn);
    await run(path, async (ledger) => {
      assert.equal(ledger.get('a'), 'whole', torn);
      await ledger.set('b', 'next');
    });
    assert.equal(await readFile(path, 'utf8'), 'a\twhole\nb\tnext\n');
  }
});

test('ledger skips lines that name nothing', async (t) => {
  const path = await pathFor(t);
  await run(path, (ledger) => ledger.set('a', '1'));
  await appendFile(path, '\n\nnothing\n\tno key\nb\t2\n');
  await run(path, async (ledger) => {
    assert.deepEqual([ledger.get('a'), ledger.get('b'), ledger.get('')], ['1', '2', undefined]);
  });
});

test('ledger of mostly dead lines is written anew by the next run that writes', async (t) => {
  const path = await pathFor(t);
  await run(path, async (ledger) => {
    for (let n = 0; n < 10; n++) await ledger.set('a', `${n}`);
    await ledger.set('b', 'kept');
    await ledger.set('c', 'removed');
    await ledger.remove('c');
  });
  const before = await readFile(path, 'utf8');
  await run(path, async (ledger) => assert.equal(ledger.get('a'), '9'));
  assert.equal(await readFile(path, 'utf8'), before, 'reading has written');
  await run(path, (ledger) => ledger.set('d', 'new'));
  assert.equal(await readFile(path, 'utf8'), 'a\t9\nb\tkept\nd\tnew\n');
  assert.deepEqual(await readdir(join(path, '..')), ['ledger']);
});

test('ledger that cannot be read is a failure, not an empty one', async (t) => {
  const path = await pathFor(t);
  await mkdir(path, { recursive: true });
  const ofIt = (error: unknown) => {
    const failure = error instanceof Failed ? error.failure : undefined;
    return (
      failure?.kind === 'cannot-tell' && failure.what === `read ${path}` && failure.why.includes('EISDIR')
    );
  };
  assert.throws(() => openLedger(path).get('a'), ofIt);
});

test('ledger takes back a line that found no room, and the next one is whole', async (t) => {
  const path = await pathFor(t);
  // By Node in any case: Deno keeps a cache of its own in files that are larger.
  const words = [node(), fileURLToPath(new URL('ledger-full.ts', import.meta.url)), path];
  const script = 'unset NODE_COMPILE_CACHE NODE_V8_COVERAGE; ulimit -f 8; exec "$@"'; // no files but its own
  const { status, stderr } = spawnSync('bash', ['-c', script, 'bash', ...words], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  assert.equal(await readFile(path, 'utf8'), 'a\tfits\nc\tfits\n');
});
