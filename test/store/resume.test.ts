/** Bytes that break off: gone on with where the server allows it, from the beginning where it does not. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { digestOf } from '../../core/model/digest.ts';
import { openPart } from '../../core/store/part.ts';
import { type Answer, breaking, file, served } from '../rig/web.ts';
import { DIRECT, failure, listening, place } from './fetching.ts';

const BYTES = Array.from({ length: 30_000 }, (_, line) => `${line}\n`).join('');
const HALF = 100_000;

/** Sends the beginning, then nothing more. */
const stuck: Answer = (response) => {
  response.writeHead(200, { etag: '"1"', 'content-length': BYTES.length });
  response.write(BYTES.slice(0, HALF));
};

test('fetch that breaks off goes on with the rest, in the same run', async (t) => {
  const { answer, seen } = breaking(BYTES, HALF);
  const { url, asked } = await served(t, { '/a': answer });
  const { get, path, left } = await place(t, BYTES);
  const { fetching, attempts } = listening();
  await get(`${url}/a`, { ...fetching, reporter: { ...fetching.reporter, progress: seen } });
  assert.equal(await readFile(path(`${url}/a`), 'utf8'), BYTES);
  assert.deepEqual(asked, ['/a', `/a bytes=${HALF}- if "1"`]);
  const trouble = { kind: 'truncated', expected: BYTES.length, found: HALF };
  assert.deepEqual(attempts, [{ url: `${url}/a`, trouble }]);
  assert.deepEqual(await left(), { arriving: [], bytes: [digestOf(BYTES)] });
});

test('fetch goes on with what an earlier run left, also from another address', async (t) => {
  const { url, asked } = await served(t, { '/a': stuck, '/b': file(BYTES, '"2"') });
  const { get, path, part } = await place(t, BYTES);
  const stop = new AbortController();
  const { fetching } = listening(DIRECT, stop.signal);
  const first = get(`${url}/a`, {
    ...fetching,
    reporter: { ...fetching.reporter, progress: (done) => done === HALF && stop.abort() },
  });
  await assert.rejects(first, { name: 'AbortError' });
  assert.equal(await readFile(part, 'utf8'), BYTES.slice(0, HALF));
  await get(`${url}/b`);
  assert.equal(await readFile(path(`${url}/b`), 'utf8'), BYTES);
  assert.deepEqual(asked, ['/a', `/b bytes=${HALF}-`]);
});

test('fetch that stands still is idle, and its part is gone on with', async (t) => {
  const answers: Answer[] = [stuck, file(BYTES)];
  const { url } = await served(t, { '/a': (...both) => answers.shift()?.(...both) });
  const { get, path } = await place(t, BYTES);
  // Only the first answer is waited for so shortly: the second one comes, however late.
  const network = {
    ...DIRECT,
    get idle(): number {
      return attempts.length === 0 ? 300 : DIRECT.idle;
    },
  };
  const { fetching, attempts, said } = listening(network);
  await get(`${url}/a`, fetching);
  assert.equal(await readFile(path(`${url}/a`), 'utf8'), BYTES);
  assert.deepEqual(attempts, [{ url: `${url}/a`, trouble: { kind: 'idle', seconds: 0.3 } }]);
  assert.deepEqual(said, [`from ${url}/a`, `from ${url}/a, from byte ${HALF}`]);
});

const whole: Answer = (response) => response.end(BYTES);
const shifted: Answer = (response, { headers }) => {
  if (!headers.range) return void response.end(BYTES);
  response.writeHead(206, { 'content-range': `bytes 0-9/${BYTES.length}` }).end(BYTES.slice(0, 10));
};
const refusing: Answer = (response, { headers }) =>
  headers.range ? response.writeHead(416).end() : response.end(BYTES);

for (const [what, answer] of Object.entries({ whole, shifted, refusing })) {
  test(`fetch from a server that is ${what} when asked for the rest begins anew`, async (t) => {
    const { url } = await served(t, { '/a': answer });
    const { get, path, part } = await place(t, BYTES);
    await failure(get(`${url}/gone`)); // makes the folders
    await writeFile(part, BYTES.slice(0, HALF));
    await get(`${url}/a`);
    assert.equal(await readFile(path(`${url}/a`), 'utf8'), BYTES);
  });
}

test('fetch that goes on with wrong bytes begins anew, once', async (t) => {
  const { url, asked } = await served(t, { '/a': file(BYTES) });
  const { get, path, part } = await place(t, BYTES);
  await failure(get(`${url}/gone`));
  await writeFile(part, 'z'.repeat(HALF));
  const { fetching, attempts } = listening();
  await get(`${url}/a`, fetching);
  assert.equal(await readFile(path(`${url}/a`), 'utf8'), BYTES);
  assert.deepEqual(asked.slice(1), [`/a bytes=${HALF}-`, '/a']);
  assert.equal(attempts[0]?.trouble.kind, 'corrupt');
});

test('fetch with the whole of it left by an earlier run asks nobody', async (t) => {
  const { url, asked } = await served(t, {});
  const { get, part } = await place(t, BYTES);
  await failure(get(`${url}/gone`));
  await writeFile(part, BYTES);
  await get(`${url}/a`);
  assert.deepEqual(asked, ['/gone']);
});

test('fetch that breaks off again and again gives up, and keeps what came', async (t) => {
  const { answer, seen } = breaking(BYTES, 10_000);
  const { url, asked } = await served(t, { '/a': answer });
  const { get, left, part } = await place(t, BYTES);
  const { fetching } = listening();
  const got = get(`${url}/a`, { ...fetching, reporter: { ...fetching.reporter, progress: seen } });
  assert.equal((await failure(got)).kind, 'fetch-failed');
  assert.equal(asked.length, 6);
  assert.equal(await readFile(part, 'utf8'), BYTES.slice(0, 60_000));
  const key = digestOf(BYTES);
  assert.deepEqual(await left(), { arriving: [key, `${key}.from`], bytes: [] });
});

test('part that another run is filling is left to it', async (t) => {
  const { url } = await served(t, { '/a': file(BYTES) });
  const { get, path, part, left } = await place(t, BYTES);
  await failure(get(`${url}/gone`));
  const other = await openPart(part);
  await writeFile(other.file, 'theirs');
  await get(`${url}/a`);
  assert.equal(await readFile(path(`${url}/a`), 'utf8'), BYTES);
  assert.equal(await readFile(part, 'utf8'), 'theirs');
  await other[Symbol.asyncDispose]();
  assert.deepEqual((await left()).arriving, [digestOf(BYTES)]);
});
