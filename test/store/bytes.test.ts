/** The store: which bytes an artifact turned out to be, and of releases none but those that `cc.lock` names. */
import assert from 'node:assert/strict';
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Artifact } from '../../core/model/artifact.ts';
import { type Digest, digestOf } from '../../core/model/digest.ts';
import { openStore, type Store } from '../../core/store/bytes.ts';
import type { Lock } from '../../core/store/lock.ts';
import { tempFolder } from '../rig/temp.ts';

const RUNC: Artifact = { name: 'runc', source: { kind: 'url', url: 'https://example.org/runc' } };
const GOOD = digestOf('good');
const lock = (sha256?: Digest, url = 'https://example.org/runc'): readonly Lock[] => [
  new Map(sha256 ? [['runc', { url, sha256, size: 4, trust: 'sums' }]] : []),
];

async function keep(store: Store, text: string, artifact = RUNC): Promise<void> {
  const file = await store.arriving(artifact);
  await writeFile(file, text);
  await store.keep(artifact, file, digestOf(text), 'cc.lock');
}

test('store knows nothing of an artifact at first', async (t) => {
  const store = openStore(await tempFolder(t), lock(GOOD));
  assert.equal(store.digest(RUNC), undefined);
  assert.equal(store.locked(RUNC)?.sha256, GOOD);
  assert.throws(() => store.path(RUNC), /the store has no bytes of runc/);
});

test('store keeps bytes by digest, and the next run finds them', async (t) => {
  const cache = await tempFolder(t);
  await keep(openStore(cache, lock(GOOD)), 'good');
  const store = openStore(cache, lock(GOOD));
  assert.equal(store.digest(RUNC), GOOD);
  assert.equal(store.path(RUNC), store.place(GOOD));
  assert.equal(await readFile(store.path(RUNC), 'utf8'), 'good');
  assert.deepEqual(await readdir(join(cache, 'arriving')), []);
  for (const folder of ['arriving', 'bytes', 'artifacts'])
    assert.equal((await stat(join(cache, folder))).mode & 0o777, 0o700);
});

test('store does not know bytes any more once the lock asks for others', async (t) => {
  const cache = await tempFolder(t);
  await keep(openStore(cache, lock(GOOD)), 'good');
  for (const other of [lock(), lock(digestOf('new')), lock(GOOD, 'https://example.org/old')])
    assert.equal(openStore(cache, other).digest(RUNC), undefined);
  assert.equal(openStore(cache, lock(GOOD)).digest(RUNC), GOOD);
});

const TREE: Artifact = {
  name: 'tree',
  source: { kind: 'git', repository: 'https://example.org/a', commit: '1' },
};

test('store does not know an artifact of the same name from elsewhere', async (t) => {
  const store = openStore(await tempFolder(t), lock());
  await keep(store, 'good', TREE);
  assert.equal(store.digest(TREE), GOOD);
  assert.equal(
    store.digest({ ...TREE, source: { ...TREE.source, commit: '2' } as Artifact['source'] }),
    undefined,
  );
});

test('store with a torn entry, or without its bytes, knows nothing', async (t) => {
  const cache = await tempFolder(t);
  await keep(openStore(cache, lock()), 'good', TREE);
  const [name = ''] = await readdir(join(cache, 'artifacts'));
  const entry = join(cache, 'artifacts', name);
  const whole = await readFile(entry, 'utf8');
  for (const torn of ['', '{', 'null', '{}', '{"sha256":"abc"}', whole.slice(0, -10)]) {
    await writeFile(entry, torn);
    assert.equal(openStore(cache, lock()).digest(TREE), undefined, torn);
  }
  await writeFile(entry, whole);
  assert.equal(openStore(cache, lock()).digest(TREE), GOOD);
  await rm(join(cache, 'bytes', GOOD));
  assert.equal(openStore(cache, lock()).digest(TREE), undefined);
});
