/** Bytes over real HTTP: right, wrong, refused, or cut off; nothing is kept of what is not right. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { digestOf } from '../../core/model/digest.ts';
import type { Trouble } from '../../core/model/failure.ts';
import { openStore } from '../../core/store/bytes.ts';
import { fetchArtifact } from '../../core/store/fetch.ts';
import { tempFolder } from '../rig/temp.ts';
import { type Answer, file, served } from '../rig/web.ts';
import { DIRECT, failure, listening, place } from './fetching.ts';

const BYTES = 'x'.repeat(300_000);
const BAD = `${BYTES.slice(1)}y`;
const PAGE = '<!DOCTYPE html>\n<title>Log in</title>';

const moved =
  (location: string): Answer =>
  (response) =>
    response.writeHead(302, { location }).end();
const ANSWERS: Readonly<Record<string, Answer>> = {
  '/good': file(BYTES),
  '/bad': file(BAD),
  '/moved': moved('good'),
  '/round': moved('/round'),
  '/login': moved('/page'),
  '/lost': moved('http://'),
  '/ftp': moved('ftp://127.0.0.1/good'),
  '/page': (response) => response.writeHead(200, { 'content-type': 'text/html' }).end(PAGE),
  '/quiet-page': (response) => response.end(PAGE),
  '/broken': (response) => response.writeHead(503).end(),
  '/short': file(BYTES.slice(1)),
  '/long': file(`${BYTES}y`),
  '/endless': (response) => {
    const more = () => {
      while (!response.destroyed && response.write(BYTES));
    };
    response.on('drain', more);
    more();
  },
  '/odd': (response) => response.writeHead(206).end(BYTES),
  '/still': (response) => void response.write(BYTES.slice(0, 0)),
};

for (const path of ['/good', '/moved']) {
  test(`fetch of ${path} keeps the bytes, and tells how many have come`, async (t) => {
    const { url } = await served(t, ANSWERS);
    const { get, left, path: kept } = await place(t, BYTES);
    const { fetching, said, attempts, steps } = listening();
    await get(url + path, fetching);
    assert.equal(await readFile(kept(url + path), 'utf8'), BYTES);
    assert.deepEqual(await left(), { arriving: [], bytes: [digestOf(BYTES)] });
    assert.deepEqual([said, attempts, steps.at(-1)], [[`from ${url}${path}`], [], BYTES.length]);
  });
}

test('fetch of a file without any bytes keeps it', async (t) => {
  const { url } = await served(t, { '/empty': file('') });
  const { get, left } = await place(t, '');
  await get(`${url}/empty`);
  assert.deepEqual(await left(), { arriving: [], bytes: [digestOf('')] });
});

test('fetch of bytes that came by another name asks nobody', async (t) => {
  const { url, asked } = await served(t, ANSWERS);
  const { get, path } = await place(t, BYTES);
  await get(`${url}/good`);
  await get(`${url}/gone`);
  assert.equal(await readFile(path(`${url}/gone`), 'utf8'), BYTES);
  assert.deepEqual(asked, ['/good']);
});

test('fetch of a file keeps a copy of it', async (t) => {
  const { get, path } = await place(t, BYTES);
  const original = join(await tempFolder(t), 'a file');
  await writeFile(original, BYTES);
  const { href } = pathToFileURL(original);
  await get(href);
  assert.equal(await readFile(path(href), 'utf8'), BYTES);
  assert.equal(await readFile(original, 'utf8'), BYTES);
});

test('fetch of other bytes than locked is a mismatch', async (t) => {
  const { url } = await served(t, ANSWERS);
  const { get, left } = await place(t, BYTES);
  const trouble = {
    kind: 'corrupt',
    expected: `sha256 ${digestOf(BYTES)}`,
    found: `sha256 ${digestOf(BAD)}`,
  } as const;
  const attempts = [{ url: `${url}/bad`, trouble }];
  assert.deepEqual(await failure(get(`${url}/bad`)), {
    kind: 'digest-mismatch',
    artifact: 'runc',
    attempts,
    by: 'cc.lock',
  });
  assert.deepEqual(await left(), { arriving: [], bytes: [] });
});

test('fetch of what the lock does not name, or names from elsewhere, is refused before anything is asked', async (t) => {
  const { url, asked } = await served(t, ANSWERS);
  const cache = await tempFolder(t);
  const artifact = { name: 'runc', source: { kind: 'url', url: `${url}/good` } } as const;
  const unlocked = { kind: 'unlocked', artifact: 'runc', url: `${url}/good` };
  const other = { url: `${url}/old`, sha256: digestOf(BYTES), size: 1, trust: 'sums' } as const;
  const { fetching } = listening();
  assert.deepEqual(
    await failure(fetchArtifact(openStore({ cache, state: cache }, []), artifact, fetching)),
    unlocked,
  );
  const stale = openStore({ cache, state: cache }, [new Map([['runc', other]])]);
  assert.deepEqual(await failure(fetchArtifact(stale, artifact, fetching)), {
    ...unlocked,
    locked: other.url,
  });
  assert.deepEqual(asked, []);
});

const size = BYTES.length;
const TROUBLES: readonly (readonly [path: string, trouble: Trouble])[] = [
  ['/gone', { kind: 'refused', status: 404, text: 'Not Found' }],
  ['/broken', { kind: 'refused', status: 503, text: 'Service Unavailable' }],
  ['/odd', { kind: 'refused', status: 206, text: 'Partial Content' }],
  ['/page', { kind: 'web-page' }],
  ['/login', { kind: 'web-page' }],
  ['/quiet-page', { kind: 'web-page' }],
  ['/short', { kind: 'truncated', expected: size, found: size - 1 }],
  ['/long', { kind: 'too-large', limit: size }],
  ['/endless', { kind: 'too-large', limit: size }],
  ['/round', { kind: 'broken', why: 'it leads on more than 10 times' }],
  ['/lost', { kind: 'broken', why: 'it leads to no address at all' }],
  ['/ftp', { kind: 'broken', why: 'it leads from http: to ftp:' }],
  ['/still', { kind: 'idle', seconds: 0.2 }],
];

for (const [path, trouble] of TROUBLES) {
  test(`fetch of ${path} fails as ${trouble.kind}, and keeps nothing`, async (t) => {
    const { url } = await served(t, ANSWERS);
    const { get, left } = await place(t, BYTES);
    const { fetching, attempts } = listening(trouble.kind === 'idle' ? { ...DIRECT, idle: 200 } : DIRECT);
    const found = await failure(get(url + path, fetching));
    assert.deepEqual(found, {
      kind: 'fetch-failed',
      artifact: 'runc',
      attempts: [{ url: url + path, trouble }],
    });
    assert.deepEqual(attempts, found.kind === 'fetch-failed' && found.attempts);
    assert.deepEqual(await left(), { arriving: [], bytes: [] });
  });
}

test('fetch from where nobody listens, and of a file that is not there, says what the system says', async (t) => {
  const { get } = await place(t, BYTES);
  for (const [url, why] of [
    ['http://127.0.0.1:1/x', /ECONNREFUSED|refused/],
    ['file:///no/such/file', /ENOENT/],
    ['ftp://127.0.0.1/x', /^it is no URL of https, http or file$/],
    ['no address', /^it is no URL of https, http or file$/],
  ] as const) {
    const found = await failure(get(url));
    assert.ok(found.kind === 'fetch-failed' && found.attempts[0]?.trouble.kind === 'broken');
    assert.match(found.attempts[0].trouble.why, why);
  }
});

test('fetch that fails tells no password of an address', async (t) => {
  const { url } = await served(t, ANSWERS);
  const { get } = await place(t, BYTES);
  const { fetching, said, attempts } = listening();
  const found = await failure(get(`${url.replace('//', '//me:secret@')}/gone`, fetching));
  assert.doesNotMatch(JSON.stringify([found, said, attempts]), /secret/);
});
