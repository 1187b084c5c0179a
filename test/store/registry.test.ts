/** A registry that wants a token of whoever asks: what it is told, and what it may ask for. */
import assert from 'node:assert/strict';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import type { Trouble } from '../../core/model/failure.ts';
import { askManifest } from '../../core/store/registry.ts';
import { Troubled } from '../../core/store/web.ts';
import type { Lasting } from '../rig/temp.ts';
import { type Answer, served } from '../rig/web.ts';
import { DIRECT } from './fetching.ts';

const PATH = '/v2/pause/manifests/3.9';

/** Gives the manifest to who has the token; others are told this, which may name the server itself as HERE. */
function guarded(challenge: string): Answer {
  return (response, { headers }) => {
    if (headers.authorization === 'Bearer t.o-k') return void response.end('manifest');
    const own = challenge.replaceAll('HERE', `http://${headers.host}`);
    response.writeHead(401, challenge === '' ? {} : { 'www-authenticate': own }).end();
  };
}

const TOKEN = 'Bearer realm="HERE/token",service="registry",scope="repository:pause:pull"';
const TOKEN_PATH = '/token?service=registry&scope=repository%3Apause%3Apull';

async function asking(t: Lasting, challenge: string, answer: Answer) {
  const { url, asked } = await served(t, {
    [PATH]: guarded(challenge),
    ...{ '/token': answer, [TOKEN_PATH]: answer },
  });
  const never = new AbortController().signal;
  try {
    const { body } = await askManifest(url + PATH, { from: 0 }, DIRECT, never);
    return { asked, told: await text(body) };
  } catch (error) {
    assert.ok(error instanceof Troubled, String(error));
    return { asked, trouble: error.trouble };
  }
}

const says =
  (body: string, status = 200): Answer =>
  (response) =>
    void response.writeHead(status).end(body);

for (const [name, body] of Object.entries({
  token: '{"token":"t.o-k"}',
  'access token': '{"access_token":"t.o-k"}',
})) {
  test(`registry gives a manifest to who has its ${name}`, async (t) => {
    const { asked, told } = await asking(t, TOKEN, says(body));
    assert.deepEqual([told, asked], ['manifest', [PATH, TOKEN_PATH, PATH]]);
  });
}

test('registry whose service wants nothing else is asked for nothing else', async (t) => {
  const { asked, told } = await asking(t, 'Bearer realm="HERE/token"', says('{"token":"t.o-k"}'));
  assert.deepEqual([told, asked], ['manifest', [PATH, '/token', PATH]]);
});

const refused = (text: string, status = 401): Trouble => ({ kind: 'refused', status, text });
const broken = (why: string): Trouble => ({ kind: 'broken', why });
const REFUSED: Readonly<Record<string, readonly [challenge: string, answer: Answer, trouble: Trouble]>> = {
  'says no way to a token': ['', says(''), refused('Unauthorized')],
  'wants a password': ['Basic realm="HERE"', says(''), refused('it wants a password')],
  'names no address for tokens': ['Bearer realm="nowhere"', says(''), refused('it wants a password')],
  'leads to no server': [
    'Bearer realm="file:///etc/passwd"',
    says(''),
    broken('it leads from http: to file: for a token'),
  ],
  'refuses a token': [TOKEN, says('', 403), refused('Forbidden (for a token)', 403)],
  'gives no token': [TOKEN, says('{}'), broken('it gives no token')],
  'gives no JSON': [TOKEN, says('<html>'), broken('it gives no token')],
  'gives a token with a line break': [TOKEN, says('{"token":"a\\r\\nb"}'), broken('it gives no token')],
  'gives more than a token': [TOKEN, says(' '.repeat(2 ** 21)), { kind: 'too-large', limit: 2 ** 20 }],
  'gives another token than it takes': [TOKEN, says('{"token":"other"}'), refused('Unauthorized')],
};

for (const [what, [challenge, answer, trouble]] of Object.entries(REFUSED)) {
  test(`registry that ${what} is told as that`, async (t) => {
    assert.deepEqual((await asking(t, challenge, answer)).trouble, trouble);
  });
}

test('registry whose token breaks off is told as that', async (t) => {
  const breaks: Answer = (response) => {
    response.writeHead(200, { 'content-length': 100 }).write('{');
    response.destroy();
  };
  const { trouble } = await asking(t, TOKEN, breaks);
  assert.equal(trouble?.kind, 'broken');
});
