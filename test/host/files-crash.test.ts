/** Files when cc dies or works in parallel: nothing is lost, nothing is seen that should not be. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFile, cp, mkdir, open, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { ownTransport } from '../../core/host/local-agent.ts';
import { digestOf } from '../../core/model/digest.ts';
import { tempFolder } from '../rig/temp.ts';
import { packed } from './packed.ts';
import { until } from './second-process.ts';

/** What a file is called that is on its way: nobody can tell beforehand. */
const ARRIVING = /^\.cc-[0-9a-f]{32}$/;
const content = (text: string) => ({ source: text, digest: digestOf(text) });

test('install shows nobody a secret while it arrives', async (t) => {
  const folder = await tempFolder(t);
  const files = ownTransport('node-1', join(folder, 'base')).files;
  assert.equal(spawnSync('mkfifo', [join(folder, 'fifo')]).status, 0);
  const path = join(folder, 'secret');
  const bytes = await open(join(folder, 'fifo'), 'r+'); // both ways, because a fifo is opened by two at once
  const installing = files.install(
    path,
    { source: { file: join(folder, 'fifo') }, digest: digestOf('s') },
    { mode: 0o600 },
  );
  const arriving = await until('bytes arrive', async () => {
    const name = (await readdir(folder)).find((name) => ARRIVING.test(name));
    return name !== undefined && stat(join(folder, name));
  });
  await bytes.writeFile('s');
  await bytes.close();
  await installing;
  assert.equal(arriving.mode & 0o777, 0o600);
});

test('remove takes away what an interrupted install left beside the file', async (t) => {
  const folder = await tempFolder(t);
  const files = ownTransport('node-1', join(folder, 'base')).files;
  const path = join(folder, 'made/x');
  await files.install(path, content('x'), { mode: 0o644 });
  // As SIGKILL between writing and renaming leaves it, and a note of who wrote it.
  const arriving = join(folder, 'made', `.cc-${'0'.repeat(32)}`);
  await copyFile(path, arriving);
  await writeFile(join(folder, 'base/new', digestOf(path)), `${process.pid}\n0\n${arriving}`);
  await files.remove(path);
  assert.deepEqual(await readdir(folder), ['base']);
});

test('install keeps the whole of a folder whose keeping was interrupted before', async (t) => {
  const folder = await tempFolder(t);
  const files = ownTransport('node-1', join(folder, 'base')).files;
  const path = join(folder, 'theirs');
  await mkdir(path);
  for (const name of ['one', 'two']) await writeFile(join(path, name), name);
  const part = join(folder, 'base/replaced', `${digestOf(path)}.part`);
  await mkdir(part, { recursive: true });
  await cp(join(path, 'one'), join(part, 'one')); // killed in the middle of cp
  const archive = join(folder, 'archive');
  assert.equal(spawnSync('tar', ['-cf', archive, '-C', path, 'one']).status, 0);
  await files.unpack(path, packed(archive));
  await files.remove(path);
  assert.deepEqual((await readdir(path)).toSorted(), ['one', 'two']);
});

test('install and remove of many files at once leave no folder and no note behind', async (t) => {
  const folder = await tempFolder(t);
  const files = ownTransport('node-1', join(folder, 'base')).files;
  const paths = Array.from({ length: 24 }, (_, index) => join(folder, `host/${index}/deep/x`));
  await Promise.all(paths.map((path) => files.install(path, content('x'), { mode: 0o644 })));
  const removed = await Promise.allSettled(paths.map((path) => files.remove(path)));
  assert.deepEqual(
    removed.filter(({ status }) => status === 'rejected'),
    [],
  );
  assert.deepEqual(await readdir(folder), ['base']);
});
