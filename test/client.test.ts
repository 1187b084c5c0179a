/** The client of the end-to-end tests, against servers of this machine: it must not miss what is lost. */
import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import { test } from 'node:test';
import { asking, clientOf, type Target } from './e2e/client.ts';
import type { Lasting } from './rig/temp.ts';
import { listening } from './rig/web.ts';

async function serving(t: Lasting, listener: RequestListener): Promise<Target> {
  const { hostname, port } = new URL(await listening(t, createServer(listener)));
  return { address: hostname, port: Number(port) };
}

/** Long enough for any answer of this machine. */
const LONG = 60_000;

test('an answer of status 200 that is read to its end is not lost', async (t) => {
  const target = await serving(t, (_, response) => void response.end('page'));
  assert.equal(await asking(target, LONG), undefined);
});

test('an answer of any other status is lost', async (t) => {
  const target = await serving(t, (_, response) => void response.writeHead(503).end('not now'));
  assert.equal(await asking(target, LONG), 'status 503');
});

test('an answer that breaks off is lost', async (t) => {
  const target = await serving(t, (_, response) => {
    response.writeHead(200, { 'content-length': 100 });
    response.write('half', () => response.destroy());
  });
  assert.equal(await asking(target, LONG), 'ECONNRESET');
});

test('a connection that nobody takes is lost', async (t) => {
  const target = await serving(t, () => assert.fail('nobody asks it'));
  assert.equal(await asking({ ...target, address: '127.255.255.254', port: 1 }, LONG), 'ECONNREFUSED');
});

test('an answer that begins and never ends is lost', async (t) => {
  const target = await serving(t, (_, response) => void response.writeHead(200).write('half'));
  assert.equal(await asking(target, 200), 'no whole answer within 200 ms');
});

test('a client counts its requests, each by a connection of its own, and lists what it lost', async (t) => {
  const fourth = Promise.withResolvers<void>();
  const connections = new Set<unknown>();
  let asked = 0;
  const target = await serving(t, ({ socket }, response) => {
    connections.add(socket);
    asked++;
    if (asked === 2) response.destroy();
    else response.end('page');
    if (asked === 4) fourth.resolve();
  });
  const client = clientOf(target);
  await fourth.promise;
  const tally = await client.stop();
  assert.equal(tally.asked, asked);
  assert.equal(connections.size, asked);
  assert.deepEqual(
    tally.lost.map(({ why }) => why),
    ['ECONNRESET'],
  );
});

test('a client that was ended by somebody else has no tally', async (t) => {
  const target = await serving(t, (_, response) => void response.end('page'));
  const client = clientOf(target, '/nonexistent/namespace');
  await assert.rejects(client.stop(), /the client was ended before it was stopped/);
});
