/** Whose word `cc lock` takes: that of makers over https, then of what they signed, and of a mirror only as what it is. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import type { Sums } from '../../core/mod.ts';
import { digestOf as sha } from '../../core/model/digest.ts';
import { type Locked, lockText, readEntries } from '../../core/store/lock.ts';
import { ccWith, folder } from '../rig/cc.ts';
import { keyless, keysIn } from '../rig/keys.ts';
import { type Answer, file, served, servedTls } from '../rig/web.ts';
import { releases } from './releases.ts';

const ARCH = process.arch === 'arm64' ? 'arm64' : 'amd64';
const skip = keyless();

type Texts = Record<string, string | undefined>;

/** What a server has of these texts at the moment. */
function having(texts: Texts): Record<string, Answer> {
  return Object.fromEntries(
    ['/v1/tool', '/v1/sums', '/v1/sums.asc'].map((path): [string, Answer] => [
      path,
      (response, request) => {
        const text = texts[path.replace('/v1', '')];
        return text === undefined ? response.writeHead(404).end() : file(text)(response, request);
      },
    ]),
  );
}

/** Makers who are reached over https, and a mirror of theirs that is not. */
async function world(t: TestContext, makers: Texts, mirror: Texts) {
  const own = await servedTls(t, having(makers));
  const other = await served(t, having(mirror));
  const cwd = await folder(t);
  const [lock, address] = [join(cwd, 'cc.lock'), `${own.url}/v1`];
  const configure = (sums?: string | Sums) => {
    const more = `mirrors: [{ from: '${own.url}/', to: '${other.url}/' }]`;
    const tool = sums === undefined ? `${address}/tool` : ([`${address}/tool`, sums] as const);
    writeFileSync(join(cwd, 'cc.config.ts'), releases({ tool }, more));
  };
  const run = async (env: Record<string, string> = {}, ...words: readonly string[]) => {
    const trusted = { NODE_EXTRA_CA_CERTS: own.certificate, ...env };
    const { code, stdout, stderr } = await ccWith(trusted, cwd, 'lock', ...words);
    const plain = (text: string) => text.replaceAll(own.url, 'MAKERS').replaceAll(other.url, 'MIRROR');
    return { code, stdout: plain(stdout), stderr: plain(stderr) };
  };
  const entry = () => readEntries(lock).get('tool')?.[ARCH];
  const locked = (text: string, said: Pick<Locked, 'trust' | 'from' | 'signedBy'>): Locked => ({
    ...{ url: `${address}/tool`, sha256: sha(text), size: text.length },
    ...said,
  });
  return { own, other, lock, address, mirrored: `${other.url}/v1`, configure, run, entry, locked };
}

const sumsOf = (text: string) => `${sha(text)}  tool\n`;

test('lock asks makers for sums before a mirror, which cannot vouch for what it serves', async (t) => {
  const texts = { '/tool': 'tool', '/sums': sumsOf('tool') };
  const evil = { '/tool': 'evil', '/sums': sumsOf('evil') };
  const { other, address, configure, run, entry, locked } = await world(t, texts, evil);
  configure(`${address}/sums`);
  const { code, stderr } = await run();
  assert.equal(code, 0, stderr);
  assert.deepEqual(entry(), locked('tool', { trust: 'sums', from: `${address}/sums` }));
  assert.deepEqual(other.asked, ['/v1/tool']); // whose bytes were not the right ones
  assert.doesNotMatch(stderr, /did not say so/);
});

test('lock takes the sums of a mirror where makers have none to give, as what they are', async (t) => {
  const makers: Texts = { '/tool': 'tool' };
  const mirror = { '/tool': 'tool', '/sums': sumsOf('tool') };
  const { address, mirrored, configure, run, entry, locked } = await world(t, makers, mirror);
  configure(`${address}/sums`);
  const first = await run();
  assert.equal(first.code, 0, first.stderr);
  assert.deepEqual(entry(), locked('tool', { trust: 'sums of a mirror', from: `${mirrored}/sums` }));
  assert.match(first.stdout, /^\+ tool \w+: sha256 \w+ \(sums of a mirror\) MAKERS\/v1\/tool\n/);
  assert.match(
    first.stderr,
    /tool \w+: its makers did not say so themselves \(sums of a mirror\): MIRROR\/v1\/sums\n/,
  );
  makers['/sums'] = sumsOf('tool');
  assert.equal((await run()).code, 0);
  assert.deepEqual(entry(), locked('tool', { trust: 'sums', from: `${address}/sums` }));
  makers['/sums'] = undefined;
  assert.match((await run()).stdout, /^nothing to change/); // what is known better stays known
});

test('lock trusts the first bytes of the makers rather than those of a mirror', async (t) => {
  const makers: Texts = { '/tool': 'tool' };
  const { other, address, mirrored, configure, run, entry, locked } = await world(t, makers, {
    '/tool': 'evil',
  });
  configure();
  assert.equal((await run({}, '--first-use')).code, 0);
  assert.deepEqual(entry(), locked('tool', { trust: 'first use', from: `${address}/tool` }));
  assert.deepEqual(other.asked, []);
  makers['/tool'] = undefined;
  const { code, stderr } = await run({}, '--first-use', '--accept', 'tool');
  assert.equal(code, 0, stderr);
  assert.deepEqual(entry(), locked('evil', { trust: 'first use', from: `${mirrored}/tool` }));
  assert.match(stderr, /tool \w+: its makers did not say so themselves \(first use\): MIRROR\/v1\/tool\n/);
});

test('lock says what a mirror alone vouches for, also of what the base has locked', async (t) => {
  const { lock, mirrored, configure, run, locked } = await world(t, {}, {});
  configure();
  const folder = lock.replace(/cc\.lock$/, '');
  const entry = locked('tool', { trust: 'sums of a mirror', from: `${mirrored}/sums\nwrote` });
  writeFileSync(`${folder}base.ts`, readFileSync(`${folder}cc.config.ts`));
  writeFileSync(`${folder}base.lock`, lockText(new Map([['tool', { [ARCH]: entry }]])));
  writeFileSync(`${folder}cc.config.ts`, 'export default { name: "site", extends: "./base.ts" };');
  const { code, stdout, stderr } = await run({}, '--json');
  assert.equal(code, 0, stderr);
  assert.match(
    stderr,
    /^tool \w+: its makers did not say so themselves \(sums of a mirror\): \S+\n {4}wrote\n$/,
  );
  const doubt = {
    name: 'tool',
    arch: ARCH,
    trust: entry.trust,
    from: entry.from!.replace(mirrored, 'MIRROR/v1'),
  };
  assert.deepEqual(JSON.parse(stdout).doubts, [doubt]);
});

test('lock asks nobody who cannot show who they are, whatever the environment says', async (t) => {
  const texts = { '/tool': 'tool', '/sums': sumsOf('tool') };
  const { own, address, configure, run, entry } = await world(t, texts, {});
  configure(`${address}/sums`);
  const blind = { NODE_EXTRA_CA_CERTS: '', NODE_TLS_REJECT_UNAUTHORIZED: '0' };
  const { code, stderr } = await run(blind);
  assert.equal(code, 1);
  assert.match(stderr, /Cannot fetch the sums of tool\n[\s\S]*self-signed certificate/);
  assert.deepEqual([entry(), own.asked], [undefined, []]);
});

test('lock of a time when mirrors were asked first is read, and vouched for anew by its makers', async (t) => {
  const { lock, address, configure, run, entry, locked } = await world(
    t,
    { '/tool': 'tool', '/sums': sumsOf('tool') },
    {},
  );
  configure(`${address}/sums`);
  for (const trust of ['sums', 'sums, signature not verified']) {
    const old = { url: `${address}/tool`, sha256: sha('tool'), size: 4, trust };
    writeFileSync(lock, JSON.stringify({ version: 1, artifacts: { tool: { [ARCH]: old } } }));
    assert.deepEqual(entry(), { ...old, trust: 'sums' });
    const { code, stdout, stderr } = await run();
    assert.equal(code, 0, stderr);
    assert.match(
      stdout,
      /^~ tool \w+: sha256 \w+ \(sums, from nobody knows where\) \S+ → sha256 \w+ \(sums\) /,
    );
    assert.deepEqual(entry(), locked('tool', { trust: 'sums', from: `${address}/sums` }));
  }
});

test('lock takes sums that makers have signed, and says whose key it was', { skip }, async (t) => {
  const keys = await keysIn(t);
  keys.make('makers');
  const [signedBy, fingerprint] = [keys.armored('makers'), keys.fingerprint('makers')];
  const texts = { '/tool': 'tool', '/sums': keys.signed(sumsOf('tool'), ['makers']) };
  const { address, configure, run, entry, locked } = await world(t, texts, {});
  configure({ url: `${address}/sums`, signedBy });
  const { code, stdout, stderr } = await run();
  assert.equal(code, 0, stderr);
  assert.match(stdout, new RegExp(`sha256 \\w+ \\(signed sums, by ${fingerprint}\\) MAKERS/v1/tool\n`));
  const said = { trust: 'signed sums', from: `${address}/sums`, signedBy: fingerprint } as const;
  assert.deepEqual(entry(), locked('tool', said));
  // The same apart, as `.asc` beside the list.
  Object.assign(texts, { '/sums': sumsOf('tool') });
  Object.assign(texts, { '/sums.asc': keys.signed(sumsOf('tool'), ['makers'], { apart: true }) });
  configure({ url: `${address}/sums`, signedBy, signature: `${address}/sums.asc` });
  const apart = await run({}, 'tool');
  assert.equal(apart.code, 0, apart.stderr);
  assert.match(apart.stdout, /^nothing to change/);
});

test('lock refuses signed sums that are not of the makers, from wherever they came', { skip }, async (t) => {
  const keys = await keysIn(t);
  for (const name of ['makers', 'others']) keys.make(name);
  const makers: Texts = {};
  const mirror: Texts = { '/tool': 'evil', '/sums': keys.signed(sumsOf('evil'), ['others']) };
  const { address, configure, run, entry, locked, mirrored } = await world(t, makers, mirror);
  configure({ url: `${address}/sums`, signedBy: keys.armored('makers') });
  const refused = await run();
  assert.equal(refused.code, 65);
  assert.match(
    refused.stderr,
    /Cannot trust the sums of tool: it is signed by a key that is not one of its makers': [0-9A-F]{40}\n {2}MIRROR\/v1\/sums\n/,
  );
  mirror['/sums'] = keys.signed(sumsOf('evil').replace('tool', 'other'), ['makers']);
  const other = await run();
  assert.match(other.stderr, /must be: it has no sum for a file of this name\n/);
  mirror['/sums'] = keys.signed(`${sha('evil')}\n`, ['makers']);
  const nameless = await run();
  assert.match(nameless.stderr, /must be: it holds no SHA-256 and no SHA-512\n/);
  assert.equal(entry(), undefined);
  Object.assign(mirror, { '/tool': 'tool', '/sums': keys.signed(sumsOf('tool'), ['makers']) });
  assert.equal((await run()).code, 0);
  const signedBy = keys.fingerprint('makers');
  assert.deepEqual(entry(), locked('tool', { trust: 'signed sums', from: `${mirrored}/sums`, signedBy }));
});
