/** `cc lock`, from real servers: what it adds, what it refuses, and that it writes the same bytes for the same releases. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { digestOf } from '../../core/model/digest.ts';
import { type Locked, lockText } from '../../core/store/lock.ts';
import { CC_LINE, cc, envIn, folder } from '../rig/cc.ts';
import { missing } from '../rig/tools.ts';
import { type Answer, file, served } from '../rig/web.ts';
import { releases } from './releases.ts';

type Test = Parameters<typeof folder>[0];

/** A server whose answers may be exchanged, and a site whose recipe may be. */
async function site(t: Test, texts: Record<string, string>) {
  const answers = Object.fromEntries(
    ['/tool', '/other', '/sums'].map((path): [string, Answer] => [
      path,
      (response, request) =>
        texts[path] === undefined ? response.writeHead(404).end() : file(texts[path])(response, request),
    ]),
  );
  const { url, asked } = await served(t, answers);
  const cwd = await folder(t);
  const configure = (source: string) => writeFile(join(cwd, 'cc.config.ts'), source);
  const plain = (text: string) => text.replaceAll(cwd, '~').replaceAll(url, 'URL');
  const run = async (...words: readonly string[]) => {
    const { code, stdout, stderr } = await cc(cwd, ...words);
    return { code, stdout: plain(stdout), stderr: plain(stderr) };
  };
  const written = () => readFileSync(join(cwd, 'cc.lock'), 'utf8');
  return { url, asked, cwd, configure, run, written };
}

const ARCH = process.arch === 'arm64' ? 'arm64' : 'amd64';
const OTHER = ARCH === 'arm64' ? 'amd64' : 'arm64';
const sha = digestOf;
const locked = (url: string, text: string, trust: Locked['trust'], from?: string): Locked => ({
  url,
  sha256: sha(text),
  size: text.length,
  trust,
  ...(from === undefined ? {} : { from }),
});
/** What sums of this server, which speaks no https, are worth. */
const summed = (url: string, text: string) => locked(`${url}/tool`, text, 'sums over http', `${url}/sums`);

test('lock writes what makers publish and what arrived, and a run then fetches nothing again', async (t) => {
  const texts = { '/tool': 'tool', '/other': 'other', '/sums': `${sha('tool')}  tool\n` };
  const { url, asked, configure, run, written } = await site(t, texts);
  await configure(releases({ tool: [`${url}/tool`, `${url}/sums`], other: `${url}/other` }));
  const { code, stdout, stderr } = await run('lock', '--first-use');
  assert.equal(code, 0, stderr);
  assert.equal(
    stdout,
    `+ other ${ARCH}: sha256 ${sha('other')} (first use) URL/other
+ tool ${ARCH}: sha256 ${sha('tool')} (sums over http) URL/tool
wrote ~/cc.lock
`,
  );
  const entries = new Map([
    ['tool', { [ARCH]: summed(url, 'tool') }],
    ['other', { [ARCH]: locked(`${url}/other`, 'other', 'first use', `${url}/other`) }],
  ]);
  assert.equal(written(), lockText(entries));
  asked.length = 0;
  assert.equal((await run('run', 'all')).code, 0);
  assert.deepEqual(asked, []);
  assert.deepEqual(await run('lock'), {
    code: 0,
    stdout: 'nothing to change in ~/cc.lock\n',
    stderr: `tool ${ARCH} from URL/sums\ntool ${ARCH}: its makers did not say so themselves (sums over http): URL/sums\n`,
  });
});

test('lock without sums asks, and where nobody answers locks nothing', async (t) => {
  const { url, asked, cwd, configure, run } = await site(t, { '/other': 'other' });
  await configure(releases({ other: `${url}/other` }));
  const { code, stderr } = await run('lock');
  assert.equal(code, 65);
  assert.equal(
    stderr,
    'Cannot lock 1 artifact that nobody vouches for\n  other: URL/other\n  fix: if you trust what arrives now: cc lock --first-use\n',
  );
  assert.deepEqual([asked, existsSync(join(cwd, 'cc.lock'))], [[], false]);
});

test('lock refuses bytes that are not those of the sums', async (t) => {
  const { url, cwd, configure, run } = await site(t, { '/tool': 'tool', '/sums': sha('evil') });
  await configure(releases({ tool: [`${url}/tool`, `${url}/sums`] }));
  const { code, stderr } = await run('lock');
  assert.equal(code, 65);
  assert.match(stderr, /Cannot use tool: its bytes are not those that its makers publish sums of\n/);
  assert.equal(existsSync(join(cwd, 'cc.lock')), false);
});

test('lock verifies a file of which only a SHA-512 is published', async (t) => {
  const { createHash } = await import('node:crypto');
  const sha512 = (text: string) => createHash('sha512').update(text).digest('hex');
  const texts = { '/tool': 'tool', '/sums': sha512('evil') };
  const { url, configure, run, written } = await site(t, texts);
  await configure(releases({ tool: [`${url}/tool`, `${url}/sums`] }));
  const refused = await run('lock');
  assert.equal(refused.code, 65);
  assert.match(
    refused.stderr,
    new RegExp(`expected sha512 ${sha512('evil')}\n +found +sha512 ${sha512('tool')}\n`),
  );
  texts['/sums'] = sha512('tool');
  assert.equal((await run('lock')).code, 0);
  assert.equal(written(), lockText(new Map([['tool', { [ARCH]: summed(url, 'tool') }]])));
});

test('lock whose sums do not name the file says so', async (t) => {
  const { url, configure, run } = await site(t, { '/tool': 'tool', '/sums': `${sha('x')}  x\n` });
  await configure(releases({ tool: [`${url}/tool`, `${url}/sums`] }));
  const { code, stderr } = await run('lock');
  assert.equal(code, 65);
  assert.match(
    stderr,
    /Cannot tell from its sums what tool must be: it has no sum for a file of this name\n {2}URL\/sums\n/,
  );
});

test('lock refuses a silent change, shows it, and takes it when it is accepted by name', async (t) => {
  const texts = { '/tool': 'old', '/sums': sha('old') };
  const { url, configure, run, written } = await site(t, texts);
  await configure(releases({ tool: [`${url}/tool`, `${url}/sums`] }));
  await run('lock');
  const before = written();
  Object.assign(texts, { '/tool': 'newer', '/sums': sha('newer') });
  const refused = await run('lock');
  assert.equal(refused.code, 65);
  assert.equal(
    refused.stderr.slice(refused.stderr.indexOf('Cannot')),
    `Cannot keep ~/cc.lock: 1 artifact changed behind the same address
  tool ${ARCH}: URL/tool
    locked sha256 ${sha('old')}
    found  sha256 ${sha('newer')}
  fix: find out why, and then: cc lock --accept tool
`,
  );
  assert.equal(written(), before);
  const general = await run('lock', '--accept');
  assert.equal(general.code, 64);
  const accepted = await run('lock', '--accept', 'tool');
  assert.equal(accepted.code, 0, accepted.stderr);
  assert.match(
    accepted.stdout,
    new RegExp(`^~ tool ${ARCH}: sha256 ${sha('old')} .* → sha256 ${sha('newer')}`),
  );
});

test('lock fetches a named artifact again, and finds what changed without sums', async (t) => {
  const texts = { '/other': 'old' };
  const { url, configure, run } = await site(t, texts);
  await configure(releases({ other: `${url}/other` }));
  await run('lock', '--first-use');
  texts['/other'] = 'newer';
  assert.equal((await run('lock')).code, 0);
  const { code, stderr } = await run('lock', 'other');
  assert.equal(code, 65);
  assert.match(stderr, /Cannot keep .*: 1 artifact changed behind the same address\n/);
});

test('lock follows a new address, drops what nobody uses, and keeps what is for other processors', async (t) => {
  const { url, cwd, configure, run, written } = await site(t, { '/tool': 'new', '/sums': sha('new') });
  await configure(releases({ tool: [`${url}/tool`, `${url}/sums`] }));
  const old = locked(`${url}/old`, 'old', 'sums');
  const lock = new Map([
    ['tool', { [ARCH]: old, [OTHER]: old }],
    ['gone', { [ARCH]: old }],
  ]);
  await writeFile(join(cwd, 'cc.lock'), lockText(lock));
  const { code, stdout } = await run('lock', '--json');
  assert.equal(code, 0);
  const { changes } = JSON.parse(stdout) as {
    changes: readonly { kind: string; name: string; arch: string }[];
  };
  assert.deepEqual(
    changes.map(({ kind, name, arch }) => `${kind} ${name} ${arch}`),
    [`dropped gone ${ARCH}`, `changed tool ${ARCH}`],
  );
  const now = { [OTHER]: old, [ARCH]: summed(url, 'new') };
  assert.equal(written(), lockText(new Map([['tool', now]])));
});

test('lock looks at every processor that a host has', async (t) => {
  const { url, asked, configure, run, written } = await site(t, { '/tool': 'tool', '/other': 'other' });
  const host = `{ name: 'n', roles: [], connection: { kind: 'local' }, arch: '${OTHER}' }`;
  const like = `{ name: 'like', roles: [], connection: { kind: 'local' } }`;
  const byArch = releases({ tool: `${url}/ARCH` }, `hosts: [${host}, ${like}]`);
  await configure(byArch.replaceAll("'ARCH', arch", `'ARCH', arch === '${ARCH}' ? 'tool' : 'other'`));
  assert.equal((await run('lock', '--first-use')).code, 0);
  assert.deepEqual(asked.toSorted(), ['/other', '/tool']);
  const trust = 'first use';
  const both = {
    [ARCH]: locked(`${url}/tool`, 'tool', trust, `${url}/tool`),
    [OTHER]: locked(`${url}/other`, 'other', trust, `${url}/other`),
  };
  assert.equal(written(), lockText(new Map([['tool', both]])));
  const { code, stdout } = await run('run', 'fetch');
  assert.equal(code, 0);
  for (const arch of [ARCH, OTHER]) assert.match(stdout, new RegExp(`= controller/fetch/tool-${arch} was`));
});

test('lock says nothing of what the lock of the base says', async (t) => {
  const { url, cwd, configure, run, written } = await site(t, { '/tool': 'tool', '/other': 'other' });
  await writeFile(join(cwd, 'base.ts'), releases({ tool: `${url}/tool` }));
  const base = new Map([['tool', { [ARCH]: locked(`${url}/tool`, 'tool', 'sums') }]]);
  await writeFile(join(cwd, 'base.lock'), lockText(base));
  await configure('export default { name: "site", extends: "./base.ts" };');
  assert.equal((await run('lock')).stdout, 'nothing to change in ~/cc.lock\n');
  assert.equal((await run('run', 'all')).code, 0);
  await run('lock', '--recipe', './base.ts', '--accept', 'tool');
  assert.equal(readFileSync(join(cwd, 'base.lock'), 'utf8'), lockText(base));
  assert.throws(written, { code: 'ENOENT' });
});

test('lock and run find what the base says of an address behind a stale entry of the own lock', async (t) => {
  const { url, cwd, configure, run, written } = await site(t, { '/tool': 'tool' });
  await writeFile(join(cwd, 'base.ts'), releases({ tool: `${url}/tool` }));
  const lockOf = (path: string, text: string) =>
    lockText(new Map([['tool', { [ARCH]: locked(`${url}${path}`, text, 'sums') }]]));
  await writeFile(join(cwd, 'base.lock'), lockOf('/tool', 'tool'));
  await writeFile(join(cwd, 'cc.lock'), lockOf('/old', 'old'));
  await configure('export default { name: "site", extends: "./base.ts" };');
  assert.equal((await run('run', 'all')).code, 0);
  await writeFile(join(cwd, 'base.lock'), lockOf('/tool', 'before'));
  const { code, stderr } = await run('lock', 'tool');
  assert.equal(code, 65);
  assert.match(stderr, /Cannot keep ~\/cc\.lock: 1 artifact changed behind the same address\n/);
  assert.equal(written(), lockOf('/old', 'old'));
});

test('lock that cannot be written says why', async (t) => {
  const { url, cwd, configure, run } = await site(t, { '/tool': 'tool' });
  await configure(releases({ tool: `${url}/tool` }));
  await mkdir(join(cwd, 'cc.lock.new'));
  const { code, stderr } = await run('lock', '--first-use');
  assert.equal(code, 65);
  assert.match(stderr, /Cannot write ~\/cc\.lock\n {2}EISDIR: .*\n {2}fix: /);
});

test('lock of an artifact that is not there says which was meant', async (t) => {
  const { url, configure, run } = await site(t, {});
  await configure(releases({ tool: `${url}/tool` }));
  const { code, stderr } = await run('lock', 'toll');
  assert.deepEqual(
    [code, stderr],
    [64, 'Cannot find artifact "toll"\n  did you mean "tool"?\n  fix: see: cc --help\n'],
  );
});

test('lock of a first use is vouched for once its makers publish sums', async (t) => {
  const { url, configure, run, written } = await site(t, { '/tool': 'tool', '/sums': sha('tool') });
  await configure(releases({ tool: `${url}/tool` }));
  await run('lock', '--first-use');
  await configure(releases({ tool: [`${url}/tool`, `${url}/sums`] }));
  assert.equal((await run('lock')).code, 0);
  assert.equal(written(), lockText(new Map([['tool', { [ARCH]: summed(url, 'tool') }]])));
});

test('lock asks on a terminal, once for all, and takes yes for an answer', {
  skip: missing('script'),
}, async (t) => {
  const { url, cwd, configure, written } = await site(t, { '/tool': 'tool', '/other': 'other' });
  await configure(releases({ tool: `${url}/tool`, other: `${url}/other` }));
  const typed = (answer: string) => {
    const { promise, resolve } = Promise.withResolvers<{ code: unknown; stdout: string }>();
    const words = ['--quiet', '--return', '--command', `${CC_LINE} lock`, '/dev/null'];
    const env = envIn(cwd);
    const child = execFile('script', words, { cwd, env }, (error, stdout) =>
      resolve({ code: error ? error.code : 0, stdout }),
    );
    child.stdout?.once('data', () => child.stdin?.end(answer));
    return promise;
  };
  for (const [no, code] of [
    ['n\n', 65],
    ['\x04', 65], // Ctrl-D
    ['\x03', 130], // Ctrl-C
  ] as const)
    assert.equal((await typed(no)).code, code);
  assert.throws(written, { code: 'ENOENT' });
  const { code, stdout } = await typed('y\n');
  assert.equal(code, 0, stdout);
  assert.equal(stdout.match(/Trust what arrives now\?/g)?.length, 1);
  assert.match(written(), /"other"[\s\S]*"tool"/);
});
