/** Durable files: the old one or the new one, for their user only. */
import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { writeDurably } from '../../core/store/durable.ts';
import { tempFolder } from '../rig/temp.ts';

test('durable file makes its folders for its user only', async (t) => {
  const folder = await tempFolder(t);
  await writeDurably(join(folder, 'a/b/file'), 'text');
  assert.equal(await readFile(join(folder, 'a/b/file'), 'utf8'), 'text');
  const modes = ['a', 'a/b', 'a/b/file'].map(async (name) => (await stat(join(folder, name))).mode & 0o777);
  assert.deepEqual(await Promise.all(modes), [0o700, 0o700, 0o600]);
});

test('durable file replaces a longer one', async (t) => {
  const folder = await tempFolder(t);
  const file = join(folder, 'file');
  await writeFile(file, 'a longer text');
  await writeDurably(file, 'short');
  assert.equal(await readFile(file, 'utf8'), 'short');
  assert.deepEqual(await readdir(folder), ['file']);
});

test('durable file that cannot be put in place leaves the old one', async (t) => {
  const folder = await tempFolder(t);
  await mkdir(join(folder, 'file'));
  await writeFile(join(folder, 'file/inside'), 'old');
  await assert.rejects(writeDurably(join(folder, 'file'), 'new'));
  assert.equal(await readFile(join(folder, 'file/inside'), 'utf8'), 'old');
});
