/** The store: which bytes an artifact turned out to be, and none that `cc.lock` does not ask for. */
import assert from 'node:assert/strict';
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Artifact } from '../../core/model/artifact.ts';
import { type Digest, digestOf } from '../../core/model/digest.ts';
import { Failed } from '../../core/model/failure.ts';
import { openStore, type Store } from '../../core/store/bytes.ts';
import { tempFolder } from '../rig/temp.ts';

const RUNC: Artifact = { name: 'runc', source: { kind: 'url', url: 'https://example.org/runc' } };
const GOOD = digestOf('good');
const lock = (digest?: Digest) => new Map(digest ? [['runc', digest]] : []);

async function keep(store: Store, text: string, artifact = RUNC): Promise<void> {
  const file = await store.arriving(artifact);
  await writeFile(file, text);
  await store.keep(artifact, file, digestOf(text), 'cc.lock');
}

test('store knows nothing of an artifact at first', async (t) => {
  const store = openStore(await tempFolder(t), lock(GOOD));
  assert.equal(store.digest(RUNC), undefined);
  assert.equal(store.locked(RUNC), GOOD);
  assert.throws(() => store.path(RUNC), /the store has no bytes of runc/);
});

test('store keeps bytes by digest, and the next run finds them', async (t) => {
  const cache = await tempFolder(t);
  await keep(openStore(cache, lock(GOOD)), 'good');
  for (const store of [openStore(cache, lock(GOOD)), openStore(cache, lock())]) {
    assert.equal(store.digest(RUNC), GOOD);
    assert.equal(store.path(RUNC), store.place(GOOD));
    assert.equal(await readFile(store.path(RUNC), 'utf8'), 'good');
  }
  assert.deepEqual(await readdir(join(cache, 'arriving')), []);
  for (const folder of ['arriving', 'bytes', 'artifacts'])
    assert.equal((await stat(join(cache, folder))).mode & 0o777, 0o700);
});

test('store refuses bytes that the lock does not ask for, and keeps nothing of them', async (t) => {
  const cache = await tempFolder(t);
  const store = openStore(cache, lock(GOOD));
  await assert.rejects(keep(store, 'bad'), (error) => {
    assert.ok(error instanceof Failed);
    assert.deepEqual(error.failure, {
      kind: 'digest-mismatch',
      artifact: 'runc',
      url: 'https://example.org/runc',
      expected: GOOD,
      found: digestOf('bad'),
      by: 'cc.lock',
    });
    return true;
  });
  assert.equal(store.digest(RUNC), undefined);
  assert.deepEqual(await readdir(join(cache, 'bytes')), []);
});

test('store does not know bytes any more once the lock asks for others', async (t) => {
  const cache = await tempFolder(t);
  await keep(openStore(cache, lock(GOOD)), 'good');
  assert.equal(openStore(cache, lock(digestOf('new'))).digest(RUNC), undefined);
  assert.equal(openStore(cache, lock(GOOD)).digest(RUNC), GOOD);
});

test('store does not know an artifact of the same name from elsewhere', async (t) => {
  const cache = await tempFolder(t);
  const store = openStore(cache, lock());
  await keep(store, 'good');
  assert.equal(
    store.digest({ ...RUNC, source: { kind: 'url', url: 'https://example.org/other' } }),
    undefined,
  );
});

test('store with a torn entry, or without its bytes, knows nothing', async (t) => {
  const cache = await tempFolder(t);
  await keep(openStore(cache, lock()), 'good');
  const [name = ''] = await readdir(join(cache, 'artifacts'));
  const entry = join(cache, 'artifacts', name);
  const whole = await readFile(entry, 'utf8');
  for (const torn of ['', '{', 'null', '{}', '{"sha256":"abc"}', whole.slice(0, -10)]) {
    await writeFile(entry, torn);
    assert.equal(openStore(cache, lock()).digest(RUNC), undefined, torn);
  }
  await writeFile(entry, whole);
  assert.equal(openStore(cache, lock()).digest(RUNC), GOOD);
  await rm(join(cache, 'bytes', GOOD));
  assert.equal(openStore(cache, lock()).digest(RUNC), undefined);
});
