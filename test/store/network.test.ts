/** Mirrors and proxies: which address is asked in which order, and what goes through which proxy. */
import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { digestOf } from '../../core/model/digest.ts';
import { addresses, networkOf, proxyEnv, withoutSecrets } from '../../core/store/network.ts';
import { takesProxies } from '../../core/store/web.ts';
import { tempFolder } from '../rig/temp.ts';
import { file, proxy, served } from '../rig/web.ts';
import { failure, listening, place } from './fetching.ts';

const BYTES = 'x'.repeat(100_000);
const HUB = 'https://github.com/';
const mirrored = (...mirrors: readonly (readonly [from: string, to: string])[]) =>
  networkOf(
    mirrors.map(([from, to]) => ({ from, to })),
    {},
    {},
  );

const ORDERS: readonly (readonly [
  claim: string,
  network: ReturnType<typeof mirrored>,
  found: readonly string[],
])[] = [
  ['no mirror leaves the address', mirrored(), [`${HUB}a/b`]],
  ['a mirror comes before the address', mirrored([HUB, 'http://m/']), ['http://m/a/b', `${HUB}a/b`]],
  [
    'mirrors of one prefix keep their order',
    mirrored([HUB, 'http://2/'], [HUB, 'http://1/']),
    ['http://2/a/b', 'http://1/a/b', `${HUB}a/b`],
  ],
  [
    'the longest prefix alone counts',
    mirrored([HUB, 'http://short/'], [`${HUB}a/`, 'http://long/']),
    ['http://long/b', `${HUB}a/b`],
  ],
  ['a folder is a mirror', mirrored([HUB, '/srv/a mirror']), ['file:///srv/a%20mirror/a/b', `${HUB}a/b`]],
  ['a file URL is one', mirrored([HUB, 'file:///srv/']), ['file:///srv/a/b', `${HUB}a/b`]],
  [
    'a prefix is compared as a URL',
    mirrored(['HTTPS://GitHub.com:443/', 'http://m/']),
    ['http://m/a/b', `${HUB}a/b`],
  ],
  ['another host is another prefix', mirrored(['https://github.co/', 'http://m/']), [`${HUB}a/b`]],
];

for (const [claim, network, found] of ORDERS)
  test(`addresses: ${claim}`, () => assert.deepEqual(addresses(`${HUB}a/b`, network), found));

test('addresses: nothing leads out of a mirror, and what is no URL stays', () => {
  const network = mirrored([HUB, '/srv/mirror/']);
  assert.deepEqual(addresses(`${HUB}../../etc/passwd`, network)[0], 'file:///srv/mirror/etc/passwd');
  assert.deepEqual(addresses('git@github.com:a/b', network), ['git@github.com:a/b']);
});

test('network takes proxies from the recipe, then from the environment, lower case first', () => {
  const env = { http_proxy: 'http://a', HTTP_PROXY: 'http://b', HTTPS_PROXY: 'http://c', NO_PROXY: 'd' };
  assert.deepEqual(networkOf([], { no: 'e' }, env).proxies, {
    http_proxy: 'http://a',
    https_proxy: 'http://c',
    no_proxy: 'e',
  });
  assert.deepEqual(networkOf([], {}, { http_proxy: '' }).proxies, {});
});

test('network tells programs all it knows, and that there is nothing else', () => {
  const env = { http_proxy: 'http://a', HTTP_PROXY: 'http://a', https_proxy: '', HTTPS_PROXY: '' };
  const network = networkOf([], { http: 'http://a' }, {});
  assert.deepEqual(proxyEnv(network), { ...env, no_proxy: '', NO_PROXY: '' });
});

test('hosts are told of the proxies of the recipe, not of those of this machine', () => {
  const hosts = [{ name: 'n', roles: [], connection: { kind: 'local' } }] as const;
  assert.deepEqual(networkOf([], { http: 'http://a', no: 'e' }, { https_proxy: 'http://b' }, hosts).onHosts, {
    http_proxy: 'http://a',
    https_proxy: '',
    no_proxy: 'e,localhost,127.0.0.1,::1,n',
  });
  assert.deepEqual(networkOf([], { no: 'e' }, { http_proxy: 'http://b' }, hosts).onHosts, {});
});

test('texts lose the passwords of their addresses', () => {
  assert.equal(
    withoutSecrets('via http://me:p@w@proxy:1/ to https://x@y/a@b'),
    'via http://proxy:1/ to https://y/a@b',
  );
});

test('an address loses its password, whatever characters are in it', () => {
  for (const password of ['p"w', "p'w", 'p w', '@', '%'])
    assert.equal(withoutSecrets(`http://me:${password}@proxy:1/a`), 'http://proxy:1/a');
  assert.equal(withoutSecrets('from http://me:"s3cret\'@proxy:1/a'), 'from http://proxy:1/a');
  assert.equal(withoutSecrets('http:me:s3cret@proxy/'), 'http://proxy/');
});

test('fetch tells nothing of a proxy that is no URL but where it stands', async (t) => {
  const { get } = await place(t, BYTES);
  for (const proxy of ['user:s3cret@proxy:3128', 's3cret', '//me:s3cret@proxy', 'http://me:s3cret@proxy:x']) {
    const found = await failure(get(`${HUB}a`, listening(networkOf([], { https: proxy }, {})).fetching));
    assert.ok(found.kind === 'proxy-unusable');
    assert.equal(found.proxy, 'the value of https_proxy');
    assert.doesNotMatch(JSON.stringify(found), /s3cret/);
  }
});

test('fetch takes the bytes of the first mirror that has them, and tells of the others', async (t) => {
  const origin = await served(t, { '/a/b': file(BYTES) });
  const mirror = await served(t, { '/m/a/b': file(BYTES) });
  const folder = await tempFolder(t);
  const network = mirrored([`${origin.url}/`, folder], [`${origin.url}/`, `${mirror.url}/m/`]);
  const { get, path } = await place(t, BYTES);
  const { fetching, attempts } = listening(network);
  await get(`${origin.url}/a/b`, fetching);
  assert.equal(await readFile(path(`${origin.url}/a/b`), 'utf8'), BYTES);
  assert.deepEqual([origin.asked, mirror.asked], [[], ['/m/a/b']]);
  assert.deepEqual(
    attempts.map(({ url, trouble }) => [url, trouble.kind]),
    [[`${pathToFileURL(folder).href}/a/b`, 'broken']],
  );
});

test('fetch takes the bytes of a folder', async (t) => {
  const folder = await tempFolder(t);
  await mkdir(join(folder, 'a'));
  await writeFile(join(folder, 'a/b+c'), BYTES);
  const { get, path } = await place(t, BYTES);
  await get(`${HUB}a/b%2Bc`, listening(mirrored([HUB, folder])).fetching);
  assert.equal(await readFile(path(`${HUB}a/b%2Bc`), 'utf8'), BYTES);
});

test('fetch of the bytes of a folder ends when it is told to', async (t) => {
  const folder = await tempFolder(t);
  const bytes = 'x'.repeat(2_000_000); // several pieces
  await writeFile(join(folder, 'a'), bytes);
  const { get, left } = await place(t, bytes);
  const stop = new AbortController();
  const { fetching } = listening(mirrored([HUB, folder]), stop.signal);
  const reporter = { ...fetching.reporter, progress: () => stop.abort(new Error('enough')) };
  await assert.rejects(get(`${HUB}a`, { ...fetching, reporter }), /enough/);
  assert.deepEqual((await left()).bytes, []);
});

test('fetch from mirrors that cannot even be asked goes on to the next', async (t) => {
  const { url } = await served(t, {
    '/a': file(BYTES),
    '/astray/a': (response) => response.writeHead(302, { location: 'http://%zz@127.0.0.1:9/' }).end(),
  });
  const network = mirrored([`${url}/`, 'http://u:100%@127.0.0.1:9/'], [`${url}/`, `${url}/astray/`]);
  const { get, path } = await place(t, BYTES);
  const { fetching, attempts } = listening(network);
  await get(`${url}/a`, fetching);
  assert.equal(await readFile(path(`${url}/a`), 'utf8'), BYTES);
  const trouble = { kind: 'broken', why: 'it cannot be asked: URI malformed' };
  assert.deepEqual(attempts, [
    { url: 'http://127.0.0.1:9/a', trouble },
    { url: `${url}/astray/a`, trouble },
  ]);
});

test('fetch from mirrors with other bytes goes on to the right ones; without any it names each address', async (t) => {
  const bad = BYTES.replace('x', 'y');
  const { url } = await served(t, { '/1/b': file(bad), '/b': file(BYTES) });
  const network = mirrored([`${url}/`, `${url}/1/`], [`${url}/`, `${url}/2/`]);
  const { get, path } = await place(t, BYTES);
  await get(`${url}/b`, listening(network).fetching);
  assert.equal(await readFile(path(`${url}/b`), 'utf8'), BYTES);
  const other = await place(t, 'z'.repeat(BYTES.length));
  const corrupt = (found: string) => ({
    kind: 'corrupt',
    expected: `sha256 ${digestOf('z'.repeat(BYTES.length))}`,
    found: `sha256 ${digestOf(found)}`,
  });
  assert.deepEqual(await failure(other.get(`${url}/b`, listening(network).fetching)), {
    kind: 'digest-mismatch',
    artifact: 'runc',
    attempts: [
      { url: `${url}/1/b`, trouble: corrupt(bad) },
      { url: `${url}/2/b`, trouble: { kind: 'refused', status: 404, text: 'Not Found' } },
      { url: `${url}/b`, trouble: corrupt(BYTES) },
    ],
    by: 'cc.lock',
  });
});

test('fetch goes through the proxy, and around it where it is told to', async (t) => {
  const { url } = await served(t, { '/a': file(BYTES) });
  const between = await proxy(t, 'me:secret');
  const http = between.url.replace('//', '//me:secret@');
  const { get } = await place(t, BYTES);
  const through = listening(networkOf([], { http }, {}));
  await get(`${url}/a`, through.fetching);
  assert.deepEqual(between.asked, [`GET ${url}/a`]);
  const direct = await place(t, BYTES);
  await direct.get(`${url}/a`, listening(networkOf([], { http, no: '127.0.0.1' }, {})).fetching);
  assert.equal(between.asked.length, 1);
  assert.doesNotMatch(JSON.stringify(through), /"said".*secret/);
});

test('fetch that the proxy refuses says so without its password', async (t) => {
  const { url } = await served(t, { '/a': file(BYTES) });
  const between = await proxy(t, 'me:right');
  const http = between.url.replace('//', '//me:wrong@');
  for (const asked of [`${url}/a`, 'https://127.0.0.1:1/a']) {
    const { get } = await place(t, BYTES);
    const network = networkOf([], { http, https: http }, {});
    const found = await failure(get(asked, listening(network).fetching));
    assert.ok(found.kind === 'fetch-failed');
    assert.match(JSON.stringify(found), /407/);
    assert.doesNotMatch(JSON.stringify(found), /wrong/);
  }
  assert.deepEqual(between.asked, [`GET ${url}/a`, 'CONNECT 127.0.0.1:1']);
});

test('fetch never goes around a proxy that it cannot use', async (t) => {
  const { url, asked } = await served(t, { '/a': file(BYTES) });
  const { get } = await place(t, BYTES);
  const network = networkOf([], {}, { http_proxy: 'socks5://me:pw@127.0.0.1:1' });
  assert.deepEqual(await failure(get(`${url}/a`, listening(network).fetching)), {
    kind: 'proxy-unusable',
    proxy: 'the proxy socks5://127.0.0.1:1',
    why: 'cc knows proxies of http and https only',
    fix: 'set http_proxy, or proxy.http of the recipe, to an http:// or https:// URL',
  });
  assert.deepEqual(asked, []);
});

test('only Node from 24.5 and 22.21 on takes proxies', () => {
  const versions = ['22.18.0', '22.21.0', '23.11.1', '24.4.1', '24.5.0', '25.0.0'];
  assert.deepEqual(versions.filter(takesProxies), ['22.21.0', '24.5.0', '25.0.0']);
});
