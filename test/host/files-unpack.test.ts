/** Archives on a host: every compression, as a whole or not at all. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { ownTransport } from '../../core/host/local-agent.ts';
import { digestOf } from '../../core/model/digest.ts';
import { Failed } from '../../core/model/failure.ts';
import { type Lasting, tempFolder } from '../rig/temp.ts';
import { missing } from '../rig/tools.ts';
import { packed } from './packed.ts';

async function place(t: Lasting) {
  const folder = await tempFolder(t);
  const inside = join(folder, 'make/top/bin');
  await mkdir(inside, { recursive: true });
  await writeFile(join(inside, 'tool'), '#!/bin/sh\n', { mode: 0o755 });
  await writeFile(join(folder, 'make/top/README'), 'read me\n', { mode: 0o640 });
  return {
    folder,
    path: join(folder, 'opt/tool'),
    files: ownTransport('node-1', join(folder, 'base')).files,
  };
}

function archived(folder: string, how: string): string {
  const archive = join(folder, `archive${how}`);
  const made = spawnSync('tar', [
    '-c',
    ...(how ? [how] : []),
    '-f',
    archive,
    '-C',
    join(folder, 'make'),
    'top',
  ]);
  assert.equal(made.status, 0, made.stderr.toString());
  return archive;
}

async function refused(action: Promise<unknown>): Promise<string> {
  const error = await action.then(
    () => assert.fail('it was not refused'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof Failed, String(error));
  return error.failure.kind;
}

/** tar has compression done by programs of these names. */
const needed = (how: string) => how !== '' && missing(how.slice(2));

for (const how of ['', '--gzip', '--xz', '--zstd', '--bzip2']) {
  test(`unpack reads a ${how.slice(2) || 'plain'} archive and drops leading parts`, {
    skip: needed(how),
  }, async (t) => {
    const { folder, path, files } = await place(t);
    await files.unpack(path, packed(archived(folder, how), 1));
    assert.deepEqual((await readdir(path)).toSorted(), ['README', 'bin']);
    assert.equal(await readFile(join(path, 'bin/tool'), 'utf8'), '#!/bin/sh\n');
    assert.equal((await files.look(join(path, 'bin/tool'))).facts?.kind, 'file');
    assert.equal((await files.look(path)).owned, true);
    assert.deepEqual(await readdir(join(folder, 'opt')), ['tool']);
  });
}

test('unpack keeps every part where nothing is dropped', async (t) => {
  const { folder, path, files } = await place(t);
  await files.unpack(path, packed(archived(folder, '--gzip'), 0));
  assert.deepEqual(await readdir(path), ['top']);
});

test('unpack replaces the folder as a whole', async (t) => {
  const { folder, path, files } = await place(t);
  await files.unpack(path, packed(archived(folder, ''), 1));
  await writeFile(join(path, 'left-over'), '');
  await files.unpack(path, packed(archived(folder, ''), 1));
  assert.deepEqual((await readdir(path)).toSorted(), ['README', 'bin']);
});

test('unpack of a torn archive is refused and leaves what was there', async (t) => {
  const { folder, path, files } = await place(t);
  const archive = archived(folder, '--gzip');
  await files.unpack(path, packed(archive, 1));
  const torn = join(folder, 'torn');
  await writeFile(torn, (await readFile(archive)).subarray(0, 60));
  assert.equal(await refused(files.unpack(path, packed(torn, 1))), 'bad-archive');
  assert.deepEqual((await readdir(path)).toSorted(), ['README', 'bin']);
  assert.deepEqual(await readdir(join(folder, 'opt')), ['tool']);
});

test('unpack of other bytes than were sent is refused by the host, and leaves what was there', async (t) => {
  const { folder, path, files } = await place(t);
  await files.unpack(path, packed(archived(folder, '--gzip'), 1));
  const other = packed(archived(folder, ''), 1, { digest: digestOf('other') });
  const error = await files.unpack(path, other).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof Failed && error.failure.kind === 'cannot-tell', String(error));
  assert.match(error.failure.why, /^arrived as [0-9a-f]{64}, sent as /);
  assert.deepEqual((await readdir(path)).toSorted(), ['README', 'bin']);
  assert.deepEqual(await readdir(join(folder, 'opt')), ['tool']);
});

test('unpack hears an archive to its end, whatever follows the end that tar sees', async (t) => {
  const { folder, path, files } = await place(t);
  const archive = archived(folder, '');
  await writeFile(archive, Buffer.concat([await readFile(archive), Buffer.alloc(8_000_000)]));
  await files.unpack(path, packed(archive, 1));
  assert.deepEqual((await readdir(path)).toSorted(), ['README', 'bin']);
});

test('unpack of something else is refused', async (t) => {
  const { folder, path, files } = await place(t);
  const junk = join(folder, 'junk');
  await writeFile(junk, 'no archive at all');
  assert.equal(await refused(files.unpack(path, packed(junk, 0))), 'bad-archive');
  assert.deepEqual((await readdir(folder)).toSorted(), ['junk', 'make']);
});

test('unpack keeps a folder of somebody else, and remove puts it back', async (t) => {
  const { folder, path, files } = await place(t);
  await mkdir(path, { recursive: true, mode: 0o750 });
  await writeFile(join(path, 'theirs'), 'theirs');
  await files.unpack(path, packed(archived(folder, ''), 1));
  await files.remove(path);
  assert.deepEqual(await readdir(path), ['theirs']);
  assert.equal((await files.look(path)).owned, false);
});

test('remove takes an unpacked folder away, and the folders made for it', async (t) => {
  const { folder, path, files } = await place(t);
  await files.unpack(path, packed(archived(folder, ''), 1));
  await files.remove(path);
  assert.deepEqual((await readdir(folder)).toSorted(), ['archive', 'base', 'make']);
});
