/** `cc.lock`: read as it is, or not at all; layers over each other; the same entries as the same bytes. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { digestOf } from '../../core/model/digest.ts';
import { Failed } from '../../core/model/failure.ts';
import { type Locked, lockedIn, lockText, readEntries, readLocks } from '../../core/store/lock.ts';
import { tempFolder } from '../rig/temp.ts';

const locked = (name: string): Locked => ({
  url: `https://x.org/${name}`,
  sha256: digestOf(name),
  size: 1,
  trust: 'sums',
});
const [one, two, three] = [locked('one'), locked('two'), locked('three')];

function unreadable(file: string): string {
  try {
    readEntries(file);
  } catch (error) {
    assert.ok(error instanceof Failed && error.failure.kind === 'lock-unreadable', String(error));
    assert.equal(error.failure.file, file);
    return error.failure.why;
  }
  return assert.fail('it was read');
}

test('lock is for the processor that is asked for; the uppermost entry for the address wins', async (t) => {
  const folder = await tempFolder(t);
  const files = [join(folder, 'base.lock'), join(folder, 'cc.lock'), join(folder, 'none.lock')];
  const [base = '', own = ''] = files;
  const again: Locked = { ...one, sha256: digestOf('again') };
  await writeFile(base, lockText(new Map([['a', { amd64: one, arm64: two }]])));
  const said = (url: string, arch: 'amd64' | 'arm64' = 'amd64') => lockedIn(readLocks(files, arch), 'a', url);
  await writeFile(own, lockText(new Map([['a', { amd64: three }]])));
  assert.deepEqual(said(one.url), one); // an entry for another address hides none
  assert.deepEqual([said(three.url), said('https://x.org/new')], [three, three]);
  assert.deepEqual([said(two.url, 'arm64'), said(two.url)], [two, three]);
  await writeFile(own, lockText(new Map([['a', { amd64: again }]])));
  assert.deepEqual(said(one.url), again);
});

test('lock of the same entries is the same bytes, and can be read again', async (t) => {
  const file = join(await tempFolder(t), 'cc.lock');
  const entries = new Map([
    ['b', { arm64: two, amd64: one }],
    ['a', { amd64: three }],
  ]);
  const text = lockText(entries);
  assert.equal(
    text,
    lockText(
      new Map([
        ['a', { amd64: three }],
        ['b', { amd64: one, arm64: two }],
      ]),
    ),
  );
  assert.match(
    text,
    /^\{\n {2}"version": 1,\n {2}"artifacts": \{\n {4}"a": \{\n {6}"amd64": \{\n {8}"url": /,
  );
  await writeFile(file, text);
  assert.deepEqual(new Map(readEntries(file)), entries);
});

test('lock that is not there is empty', async (t) => {
  assert.deepEqual([...readEntries(join(await tempFolder(t), 'cc.lock'))], []);
});

test('lock that is a folder cannot be read', async (t) => {
  const file = join(await tempFolder(t), 'cc.lock');
  await mkdir(file);
  assert.equal(unreadable(file), 'it is a folder, not a file');
});

const text = (entry: object, version: unknown = 1) =>
  JSON.stringify({ version, artifacts: { runc: { amd64: { ...one, ...entry } } } });

for (const [what, content, why] of [
  ['of torn text', '{"artifacts": {', /^SyntaxError: /],
  ['of nothing', '', /^it is empty$/],
  ['of a null', 'null', /^it is no lock$/],
  ['without artifacts', '{"version":1}', /^artifacts: expected .*, it is missing$/],
  ['of another version', text({}, 2), /^version: expected 1, found 2$/],
  [
    'of the time before versions',
    '{"artifacts":{"runc":{"sha256":"a"}}}',
    /^version: .*missing\nartifacts\.runc/,
  ],
  [
    'with a short digest',
    text({ sha256: 'abc' }),
    /^artifacts\.runc\.amd64\.sha256: expected a SHA-256 in hexadecimal$/,
  ],
  [
    'with a size that is no number',
    text({ size: '1' }),
    /^artifacts\.runc\.amd64\.size: expected .*, found "1"$/,
  ],
  [
    'with a trust nobody knows',
    text({ trust: 'hope' }),
    /^artifacts\.runc\.amd64\.trust: expected .*, found "hope"$/,
  ],
] as const) {
  test(`lock ${what} cannot be read`, async (t) => {
    const file = join(await tempFolder(t), 'cc.lock');
    await writeFile(file, content);
    assert.match(unreadable(file), why);
  });
}

test('a lock that cannot be parsed is told with its place', async (t) => {
  const file = join(await tempFolder(t), 'cc.lock');
  await writeFile(file, '{\n  "version": 1,,\n}');
  const failure = {
    ...{ kind: 'lock-unreadable', file, why: 'SyntaxError: Expected double-quoted property name' },
    at: { file, line: 2, column: 16, source: '  "version": 1,,' },
  };
  assert.throws(() => readEntries(file), { failure });
});

test('what is no file is no lock, and nobody waits for it', async (t) => {
  const folder = await tempFolder(t);
  execFileSync('mkfifo', [join(folder, 'cc.lock')]);
  assert.equal(unreadable(join(folder, 'cc.lock')), 'it is a pipe, not a file');
  await writeFile(join(folder, 'a.lock'), '\uFEFF{"version":1,"artifacts":{}}');
  assert.equal(readEntries(join(folder, 'a.lock')).size, 0);
  assert.equal(readEntries(join(folder, 'none.lock')).size, 0);
});
