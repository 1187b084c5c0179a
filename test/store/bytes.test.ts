/** The store: which bytes an artifact turned out to be, and of releases none but those that `cc.lock` names. */
import assert from 'node:assert/strict';
import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Artifact } from '../../core/model/artifact.ts';
import { type Digest, digestOf } from '../../core/model/digest.ts';
import { Failed } from '../../core/model/failure.ts';
import { openStore, type Store } from '../../core/store/bytes.ts';
import type { Lock } from '../../core/store/lock.ts';
import { type Lasting, tempFolder } from '../rig/temp.ts';

const RUNC: Artifact = { name: 'runc', source: { kind: 'url', url: 'https://example.org/runc' } };
const GOOD = digestOf('good');
const lock = (sha256?: Digest, url = 'https://example.org/runc'): readonly Lock[] => [
  new Map(sha256 ? [['runc', { url, sha256, size: 4, trust: 'sums' }]] : []),
];

async function place(t: Lasting) {
  const folder = await tempFolder(t);
  return { cache: join(folder, 'cache'), state: join(folder, 'state') };
}

async function keep(store: Store, text: string, artifact = RUNC): Promise<void> {
  const file = await store.arriving(artifact);
  await writeFile(file, text);
  await store.keep(artifact, file, digestOf(text), 'commit');
}

test('store knows nothing of an artifact at first', async (t) => {
  const store = openStore(await place(t), lock(GOOD));
  assert.equal(store.digest(RUNC), undefined);
  assert.equal(store.locked(RUNC)?.sha256, GOOD);
  await assert.rejects(store.bytes(RUNC), /the store has no bytes of runc/);
  assert.equal(await store.has(GOOD), false);
});

test('store keeps bytes by digest, and the next run finds them', async (t) => {
  const paths = await place(t);
  await keep(openStore(paths, lock(GOOD)), 'good');
  const store = openStore(paths, lock(GOOD));
  assert.equal(store.digest(RUNC), GOOD);
  assert.deepEqual(await store.bytes(RUNC, GOOD), { file: store.place(GOOD), digest: GOOD });
  assert.equal(await readFile(store.place(GOOD), 'utf8'), 'good');
  assert.deepEqual(await readdir(join(paths.cache, 'arriving')), []);
  for (const folder of ['cache/arriving', 'cache/bytes', 'state/artifacts'])
    assert.equal((await stat(join(paths.cache, '..', folder))).mode & 0o777, 0o700);
});

test('store does not know bytes any more once the lock asks for others', async (t) => {
  const paths = await place(t);
  await keep(openStore(paths, lock(GOOD)), 'good');
  for (const other of [lock(), lock(digestOf('new')), lock(GOOD, 'https://example.org/old')])
    assert.equal(openStore(paths, other).digest(RUNC), undefined);
  assert.equal(openStore(paths, lock(GOOD)).digest(RUNC), GOOD);
});

const TREE: Artifact = {
  name: 'tree',
  source: { kind: 'git', repository: 'https://example.org/a', commit: '1' },
};

test('store does not know an artifact of the same name from elsewhere', async (t) => {
  const store = openStore(await place(t), lock());
  await keep(store, 'good', TREE);
  assert.equal(store.digest(TREE), GOOD);
  assert.equal(
    store.digest({ ...TREE, source: { ...TREE.source, commit: '2' } as Artifact['source'] }),
    undefined,
  );
});

test('store with a torn entry, or without its bytes, knows nothing', async (t) => {
  const paths = await place(t);
  await keep(openStore(paths, lock()), 'good', TREE);
  const [name = ''] = await readdir(join(paths.state, 'artifacts'));
  const entry = join(paths.state, 'artifacts', name);
  const whole = await readFile(entry, 'utf8');
  for (const torn of ['', '{', 'null', '{}', '{"sha256":"abc"}', whole.slice(0, -10)]) {
    await writeFile(entry, torn);
    assert.equal(openStore(paths, lock()).digest(TREE), undefined, torn);
  }
  await writeFile(entry, whole);
  assert.equal(openStore(paths, lock()).digest(TREE), GOOD);
  await rm(join(paths.cache, 'bytes', GOOD));
  assert.equal(openStore(paths, lock()).digest(TREE), undefined);
});

test('store answers bytes that are what they must be, and fails by name where they changed or are gone', async (t) => {
  const paths = await place(t);
  await keep(openStore(paths, lock(GOOD)), 'good');
  const store = openStore(paths, lock(GOOD));
  assert.equal(await store.has(GOOD), true);
  const file = store.place(GOOD);
  const refused = (failure: object) =>
    assert.rejects(store.bytes(RUNC, GOOD), (error) => {
      assert.ok(error instanceof Failed);
      assert.deepEqual(error.failure, { kind: 'bytes-changed', artifact: 'runc', path: file, ...failure });
      return true;
    });
  await writeFile(file, 'evil');
  assert.equal(await store.has(GOOD), false);
  await refused({ expected: GOOD, found: digestOf('evil') });
  await rm(file);
  await refused({});
});

test('store compares what was built with what the build was found to make', async (t) => {
  const paths = await place(t);
  const file = join(paths.cache, 'built');
  await mkdir(paths.cache);
  await writeFile(file, 'good');
  const artifact: Artifact = { name: 'b', source: { kind: 'built', by: 'p/s', path: file } };
  const store = openStore(paths, []);
  for (const expected of [undefined, GOOD])
    assert.deepEqual(await store.bytes(artifact, expected), { file, digest: GOOD });
  const failure = {
    kind: 'bytes-changed',
    artifact: 'b',
    path: file,
    expected: digestOf('else'),
    found: GOOD,
  };
  await assert.rejects(store.bytes(artifact, digestOf('else')), (error) => {
    assert.deepEqual(error instanceof Failed && error.failure, failure);
    return true;
  });
});

test('note of an artifact that others may write is not believed', async (t) => {
  const paths = await place(t);
  await keep(openStore(paths, []), 'good', TREE);
  const folder = join(paths.state, 'artifacts');
  await chmod(folder, 0o777);
  assert.equal(openStore(paths, []).digest(TREE), undefined);
  await chmod(folder, 0o700);
  assert.equal(openStore(paths, []).digest(TREE), GOOD);
});

test('cache of somebody else says of no artifact which bytes it is', async (t) => {
  const [mine, theirs] = [await place(t), await place(t)];
  await keep(openStore(mine, []), 'good', TREE);
  await keep(openStore(theirs, []), 'evil', TREE);
  assert.equal(openStore({ ...mine, cache: theirs.cache }, []).digest(TREE), undefined);
  assert.equal(openStore({ ...theirs, state: join(theirs.cache, 'none') }, []).digest(TREE), undefined);
});
