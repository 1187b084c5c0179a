/** `cc.lock`: read as it is, or not at all. */
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { digestOf } from '../../core/model/digest.ts';
import { Failed } from '../../core/model/failure.ts';
import { readLock } from '../../core/store/lock.ts';
import { tempFolder } from '../rig/temp.ts';

const DIGEST = digestOf('runc');

function unreadable(file: string): string {
  try {
    readLock(file);
  } catch (error) {
    assert.ok(error instanceof Failed && error.failure.kind === 'lock-unreadable', String(error));
    assert.equal(error.failure.file, file);
    return error.failure.why;
  }
  return assert.fail('it was read');
}

test('lock is read by name, whatever the spelling of its digests', async (t) => {
  const file = join(await tempFolder(t), 'cc.lock');
  const artifacts = {
    runc: { sha256: DIGEST, size: 1 },
    crio: { sha256: `sha256:${DIGEST.toUpperCase()}` },
  };
  await writeFile(file, JSON.stringify({ artifacts }));
  assert.deepEqual(
    [...readLock(file)],
    [
      ['runc', DIGEST],
      ['crio', DIGEST],
    ],
  );
});

test('lock that is not there is empty', async (t) => {
  assert.deepEqual([...readLock(join(await tempFolder(t), 'cc.lock'))], []);
});

test('lock that is a folder cannot be read', async (t) => {
  const file = join(await tempFolder(t), 'cc.lock');
  await mkdir(file);
  assert.match(unreadable(file), /EISDIR/);
});

for (const [what, text, why] of [
  ['of torn text', '{"artifacts": {', /^SyntaxError: /],
  ['of nothing', '', /^SyntaxError: /],
  ['without artifacts', '{}', /^it has no "artifacts" by name$/],
  ['of a null', 'null', /^it has no "artifacts" by name$/],
  ['with a short digest', '{"artifacts":{"runc":{"sha256":"abc"}}}', /^"runc" has no valid "sha256"$/],
  ['with a number for a digest', '{"artifacts":{"runc":{"sha256":1}}}', /^"runc" has no valid "sha256"$/],
  ['without a digest', '{"artifacts":{"runc":{}}}', /^"runc" has no valid "sha256"$/],
  ['with a null for an entry', '{"artifacts":{"runc":null}}', /^"runc" has no valid "sha256"$/],
] as const) {
  test(`lock ${what} is refused, and says why`, async (t) => {
    const file = join(await tempFolder(t), 'cc.lock');
    await writeFile(file, text);
    assert.match(unreadable(file), why);
  });
}

test('lock whose artifacts are no record is refused', async (t) => {
  const file = join(await tempFolder(t), 'cc.lock');
  for (const artifacts of [1, true, []]) {
    await writeFile(file, JSON.stringify({ artifacts }));
    assert.match(unreadable(file), /artifacts/);
  }
});
