/** Folders and lines of cc's own on this machine: made whole, or told why not. */
import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { append, makeFolder } from '../../core/host/own-files.ts';
import { Failed } from '../../core/model/failure.ts';
import { tempFolder } from '../rig/temp.ts';

function failure(call: () => void) {
  try {
    call();
  } catch (error) {
    if (error instanceof Failed) return error.failure;
    throw error;
  }
  return assert.fail('it did not fail');
}

test('folder is made with those above it, for nobody else, and made again without a word', async (t) => {
  const path = join(await tempFolder(t), 'a/b');
  makeFolder(path);
  makeFolder(path);
  assert.equal(statSync(path).mode & 0o777, 0o700);
});

test('folder that cannot be made says which part of its path is in the way', async (t) => {
  const folder = await tempFolder(t);
  writeFileSync(join(folder, 'file'), '');
  symlinkSync('nowhere', join(folder, 'link'));
  for (const [name, why] of [
    ['file/a/b', `ENOTDIR: not a directory, mkdir '${folder}/file/a'`],
    ['file', `EEXIST: file already exists, mkdir '${folder}/file'`],
    ['link/a', `${folder}/link is a link to what is not there`],
  ] as const) {
    const path = join(folder, name);
    const told = failure(() => makeFolder(path));
    assert.deepEqual([told.kind, told.kind === 'cannot-write' && told.path], ['cannot-write', path]);
    assert.equal(told.kind === 'cannot-write' && told.why.split('\n')[0], why);
  }
});

test('folder that the kernel lets nobody make is told, and nobody waits for it', () => {
  const told = failure(() => makeFolder('/proc/a/b'));
  assert.deepEqual(told, {
    kind: 'cannot-write',
    path: '/proc/a/b',
    why: `ENOENT: no such file or directory, mkdir '/proc/a'
XDG_STATE_HOME and XDG_CACHE_HOME name other places for what cc keeps`,
  });
});

test('text is added at the end', async (t) => {
  const path = join(await tempFolder(t), 'lines');
  const file = openSync(path, 'a');
  for (const text of ['one\n', 'two\n']) append(file, text);
  closeSync(file);
  assert.equal(readFileSync(path, 'utf8'), 'one\ntwo\n');
});
