/** Digests remembered: right after every change, and read again only when something changed. */
import assert from 'node:assert/strict';
import { chmod, rename, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { digestOfFile } from '../../core/host/hash.ts';
import { digestMemo } from '../../core/host/memo.ts';
import { digestOf } from '../../core/model/digest.ts';
import { tempFolder } from '../rig/temp.ts';

test('digest of a file is that of its bytes', async (t) => {
  const file = join(await tempFolder(t), 'x');
  for (const text of ['', 'text', 'x'.repeat(3_000_000)]) {
    await writeFile(file, text);
    assert.equal(await digestOfFile(file), digestOf(text));
    assert.equal(await digestMemo().digest(file), digestOf(text));
  }
});

test('digest of a file that was just written is not trusted later', async (t) => {
  const file = join(await tempFolder(t), 'x');
  const memo = digestMemo();
  for (const text of ['one', 'two', 'six']) {
    await writeFile(file, text);
    assert.equal(await memo.digest(file), digestOf(text));
  }
  assert.equal(memo.learnt(), undefined);
});

/** What an earlier run kept, with a digest that only the memo can know. */
async function known(folder: string, file: string) {
  const { ino, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true });
  const kept = join(folder, 'digests.json');
  const entry = `${ino} ${size} ${mtimeNs} ${ctimeNs} ${digestOf('remembered')}`;
  await writeFile(kept, JSON.stringify({ [file]: entry }));
  return kept;
}

test('digest of a file that has not changed is the remembered one', async (t) => {
  const folder = await tempFolder(t);
  const file = join(folder, 'x');
  await writeFile(file, 'text');
  const memo = digestMemo(await known(folder, file));
  assert.equal(await memo.digest(file), digestOf('remembered'));
  assert.equal(memo.learnt(), undefined);
});

for (const [what, change] of [
  ['rewritten', (file: string) => writeFile(file, 'else')],
  ['shortened', (file: string) => truncate(file, 3)],
  ['touched', (file: string) => utimes(file, 1, 1)],
  [
    'replaced',
    async (file: string) => {
      await writeFile(`${file}.new`, 'text');
      await rename(`${file}.new`, file);
    },
  ],
] as const) {
  test(`digest of a file that was ${what} is read again`, async (t) => {
    const folder = await tempFolder(t);
    const file = join(folder, 'x');
    await writeFile(file, 'text');
    await utimes(file, 2, 2); // else the change may be made within one tick of the kernel's clock
    const memo = digestMemo(await known(folder, file));
    await change(file);
    assert.equal(await memo.digest(file), await digestOfFile(file));
  });
}

test('digest memo that others may write is not believed', async (t) => {
  const folder = await tempFolder(t);
  const file = join(folder, 'x');
  await writeFile(file, 'text');
  const kept = await known(folder, file);
  for (const [path, mode] of [
    [kept, 0o666],
    [kept, 0o620],
    [folder, 0o777],
  ] as const) {
    const before = (await stat(path)).mode;
    await chmod(path, mode);
    assert.equal(await digestMemo(kept).digest(file), digestOf('text'));
    await chmod(path, before);
  }
  assert.equal(await digestMemo(kept).digest(file), digestOf('remembered'));
});

test('digest memo that is torn knows nothing, and a file that is gone has no digest', async (t) => {
  const folder = await tempFolder(t);
  const file = join(folder, 'x');
  await writeFile(file, 'text');
  const kept = await known(folder, file);
  for (const torn of ['', '{', 'null', '{"x"', JSON.stringify({ [file]: 'garbage' })]) {
    await writeFile(kept, torn);
    assert.equal(await digestMemo(kept).digest(file), digestOf('text'), torn);
  }
  await rm(file);
  await assert.rejects(digestMemo().digest(file), { code: 'ENOENT' });
});

for (const [mode, learnt] of [
  [0o600, false],
  [0o640, false],
  [0o644, true],
] as const)
  test(`digest of a short file of mode ${mode.toString(8)} is ${learnt ? '' : 'not '}kept`, async (t) => {
    const file = join(await tempFolder(t), 'x');
    await writeFile(file, 'hunter2!');
    await chmod(file, mode);
    const memo = digestMemo();
    const facts = await stat(file, { bigint: true });
    await memo.digest(file, Object.assign(facts, { ctimeNs: 1n })); // long ago
    assert.equal(memo.learnt() !== undefined, learnt);
  });
