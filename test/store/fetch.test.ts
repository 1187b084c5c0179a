/** Bytes over real HTTP: right, wrong, refused, or cut off; nothing is kept of what is not right. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Artifact } from '../../core/model/artifact.ts';
import { digestOf } from '../../core/model/digest.ts';
import { Failed, type Failure } from '../../core/model/failure.ts';
import { openStore } from '../../core/store/bytes.ts';
import { fetchArtifact } from '../../core/store/fetch.ts';
import { type Lasting, tempFolder } from '../rig/temp.ts';

const BYTES = 'x'.repeat(300_000);

/** What the server does, by path. */
const ANSWERS: Readonly<Record<string, (response: ServerResponse) => void>> = {
  '/good': (response) => response.end(BYTES),
  '/bad': (response) => response.end(`${BYTES.slice(1)}y`),
  '/moved': (response) => response.writeHead(302, { location: '/good' }).end(),
  '/gone': (response) => response.writeHead(404).end('not here'),
  '/broken': (response) => response.writeHead(503).end(),
  '/short': (response) => {
    response.writeHead(200, { 'content-length': BYTES.length });
    response.write(BYTES.slice(0, 1000), () => response.destroy());
  },
  '/reset': (response) => response.destroy(),
};

async function place(t: Lasting, locked = digestOf(BYTES)) {
  const cache = await tempFolder(t);
  const server = createServer((request, response) => ANSWERS[request.url ?? '']?.(response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  assert.ok(typeof address === 'object' && address);
  const store = openStore(cache, new Map([['runc', locked]]));
  const artifact = (path: string): Artifact => ({
    name: 'runc',
    source: { kind: 'url', url: /^\w+:/.test(path) ? path : `http://127.0.0.1:${address.port}${path}` },
  });
  const said: string[] = [];
  const get = (path: string, signal = new AbortController().signal) =>
    fetchArtifact(store, artifact(path), signal, (text) => void said.push(text));
  /** Fetches what must fail; answers how, with everything that stays behind. */
  const failure = async (path: string): Promise<Failure> => {
    const error = await get(path).then(
      () => assert.fail('it was fetched'),
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof Failed, String(error));
    assert.deepEqual([await readdir(join(cache, 'arriving')), await readdir(join(cache, 'bytes'))], [[], []]);
    assert.equal(store.digest(artifact(path)), undefined);
    return error.failure;
  };
  const url = (path: string) => {
    const { source } = artifact(path);
    return source.kind === 'url' ? source.url : '';
  };
  return { cache, store, artifact, get, failure, url, said };
}

for (const path of ['/good', '/moved']) {
  test(`fetch of ${path} keeps the bytes`, async (t) => {
    const { store, artifact, get, cache, said, url } = await place(t);
    await get(path);
    assert.equal(await readFile(store.path(artifact(path)), 'utf8'), BYTES);
    assert.deepEqual(await readdir(join(cache, 'arriving')), []);
    assert.deepEqual(said, [`from ${url(path)}`]);
  });
}

test('fetch of a file keeps a copy of it', async (t) => {
  const { store, artifact, get } = await place(t);
  const file = join(await tempFolder(t), 'a file');
  await writeFile(file, BYTES);
  const { href } = pathToFileURL(file);
  await get(href);
  assert.equal(await readFile(store.path(artifact(href)), 'utf8'), BYTES);
  assert.equal(await readFile(file, 'utf8'), BYTES);
});

test('fetch of other bytes than locked is a mismatch', async (t) => {
  const { failure, url } = await place(t);
  assert.deepEqual(await failure('/bad'), {
    kind: 'digest-mismatch',
    artifact: 'runc',
    url: url('/bad'),
    expected: digestOf(BYTES),
    found: digestOf(`${BYTES.slice(1)}y`),
    by: 'cc.lock',
  });
});

test('fetch of what the lock does not name is refused before anything is asked', async (t) => {
  const { failure, artifact, url, said, cache } = await place(t);
  const store = openStore(cache, new Map());
  const fetching = fetchArtifact(store, artifact('/good'), new AbortController().signal, (text) =>
    said.push(text),
  );
  await assert.rejects(fetching, (error) => {
    assert.ok(error instanceof Failed);
    assert.deepEqual(error.failure, { kind: 'unlocked', artifact: 'runc', url: url('/good') });
    return true;
  });
  assert.deepEqual(said, []);
  assert.equal((await failure('/gone')).kind, 'fetch-failed');
});

test('fetch that the server refuses says what it answered', async (t) => {
  const { failure, url } = await place(t);
  const why = (answer: string, path: string) => ({
    kind: 'fetch-failed',
    artifact: 'runc',
    url: url(path),
    why: `the server answered ${answer}`,
  });
  assert.deepEqual(await failure('/gone'), why('404 Not Found', '/gone'));
  assert.deepEqual(await failure('/broken'), why('503 Service Unavailable', '/broken'));
});

for (const path of ['/short', '/reset']) {
  test(`fetch of ${path}, which is cut off, fails as such`, async (t) => {
    const { failure, url } = await place(t);
    const found = await failure(path);
    assert.deepEqual(found, { ...found, kind: 'fetch-failed', artifact: 'runc', url: url(path) });
  });
}

test('fetch from where nobody listens, and of a file that is not there, fails as such', async (t) => {
  const { failure } = await place(t);
  for (const path of ['http://127.0.0.1:1/x', 'file:///no/such/file'])
    assert.equal((await failure(path)).kind, 'fetch-failed', path);
});

test('fetch that is stopped leaves nothing', async (t) => {
  const { get, cache } = await place(t);
  const stop = new AbortController();
  const getting = get('/good', stop.signal);
  stop.abort();
  await assert.rejects(getting);
  assert.deepEqual(await readdir(join(cache, 'arriving')), []);
});
