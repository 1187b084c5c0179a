/** Bundles: the same releases make the same file, a run takes all from it, verified, and what it lacks is told first. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { digestOf } from '../../core/model/digest.ts';
import { header, padding } from '../../core/store/tar.ts';
import { cc, folder } from '../rig/cc.ts';
import { missing } from '../rig/tools.ts';
import { file, served } from '../rig/web.ts';
import { releases } from './releases.ts';

const gitless = missing('git');
const TOOL = 'x'.repeat(1000);

/** A site with two releases and their bundle, on a network that is gone by now: the cache is empty. */
async function site(t: Parameters<typeof folder>[0]) {
  const { url, asked } = await served(t, { '/tool': file(TOOL), '/other': file('') });
  const cwd = await folder(t, { 'cc.config.ts': releases({ tool: `${url}/tool`, other: `${url}/other` }) });
  const run = async (...words: readonly string[]) => {
    const { code, stdout, stderr } = await cc(cwd, ...words);
    return { code, stdout: stdout.replaceAll(cwd, '~'), stderr: stderr.replaceAll(cwd, '~') };
  };
  const forget = () => rmSync(join(cwd, 'cache'), { recursive: true });
  assert.equal((await run('lock', '--first-use')).code, 0);
  const { code, stdout } = await run('bundle', 'b.tar');
  assert.deepEqual([code, stdout], [0, 'wrote ~/b.tar: other, tool\n']);
  const bundle = join(cwd, 'b.tar');
  const read = () => readFileSync(bundle);
  forget();
  asked.length = 0;
  return { cwd, run, asked, forget, bundle, read };
}

test('bundle is a tar file of the lock and the bytes, and the same again when it is made anew', async (t) => {
  const { cwd, run, read, bundle } = await site(t);
  const before = read();
  const listed = execFileSync('tar', ['--list', '--verbose', '--numeric-owner', '--utc', '--file', bundle], {
    encoding: 'utf8',
  });
  const [lock = '', ...bytes] = listed.trimEnd().split('\n');
  assert.match(lock, /^-rw-r--r-- 0\/0 +\d+ 1970-01-01 00:00 cc\.lock$/);
  assert.deepEqual(
    bytes.map((line) => line.split(/ +/).slice(-1)[0]),
    ['files.json', ...[digestOf(''), digestOf(TOOL)].toSorted().map((digest) => `bytes/${digest}`)],
  );
  const inside = execFileSync('tar', ['--extract', '--to-stdout', '--file', bundle, 'cc.lock'], {
    encoding: 'utf8',
  });
  assert.equal(inside, readFileSync(join(cwd, 'cc.lock'), 'utf8'));
  assert.equal((await run('bundle', 'b.tar')).code, 0);
  assert.deepEqual(read(), before);
});

for (const names of [['all'], ['fetch/tool', 'fetch/other']]) {
  test(`run of ${names.join(' ')} takes what it fetches from the bundle`, async (t) => {
    const { cwd, run, asked } = await site(t);
    const { code, stderr } = await run('run', ...names, '--bundle', 'b.tar');
    assert.deepEqual([code, stderr, asked], [0, '', []]);
    const store = join(cwd, 'cache/cc/bytes');
    for (const text of [TOOL, '']) assert.equal(readFileSync(join(store, digestOf(text)), 'utf8'), text);
    assert.equal(existsSync(join(cwd, 'tool')), names[0] === 'all');
  });
}

test('bundle of a site with two processors has the releases for both, and a run takes each from it', async (t) => {
  const { url, asked } = await served(t, { '/amd64': file('one'), '/arm64': file('two') });
  const host = (arch: string) =>
    `{ name: '${arch}', roles: [], connection: { kind: 'local' }, arch: '${arch}' }`;
  const hosts = `hosts: [${host('amd64')}, ${host('arm64')}]`;
  const cwd = await folder(t, { 'cc.config.ts': releases({ tool: `${url}/ARCH` }, hosts) });
  const run = async (...words: readonly string[]) => (await cc(cwd, ...words)).code;
  assert.deepEqual([await run('lock', '--first-use'), await run('bundle', 'b.tar')], [0, 0]);
  rmSync(join(cwd, 'cache'), { recursive: true });
  asked.length = 0;
  assert.deepEqual([await run('run', 'fetch', '--bundle', 'b.tar'), asked], [0, []]);
  const bytes = readdirSync(join(cwd, 'cache/cc/bytes')).toSorted();
  assert.deepEqual(bytes, [digestOf('one'), digestOf('two')].toSorted());
});

test('run from a bundle that lacks something names it, and starts nothing', async (t) => {
  const { cwd, run, asked } = await site(t);
  const config = readFileSync(join(cwd, 'cc.config.ts'), 'utf8');
  writeFileSync(
    join(cwd, 'cc.config.ts'),
    config.replaceAll('/tool', '/newer').replaceAll('/other', '/newer'),
  );
  const { code, stdout, stderr } = await run('run', 'all', '--bundle', 'b.tar');
  assert.deepEqual([code, stdout, asked], [65, '', []]);
  assert.match(stderr, /^Cannot run from the bundle ~\/b\.tar: it lacks 2 artifacts\n {2}other\n {2}tool\n/);
  assert.equal(existsSync(join(cwd, 'state/cc/releases/runs')), false);
});

test('run from a bundle with other bytes refuses them', async (t) => {
  const { run, asked, bundle, read } = await site(t);
  writeFileSync(bundle, read().toString('latin1').replace('xxx', 'xyx'), 'latin1');
  const { code, stderr } = await run('run', 'all', '--bundle', 'b.tar');
  assert.deepEqual([code, asked], [65, []]);
  assert.match(stderr, /^Cannot read the bundle ~\/b\.tar\n {2}tool has other bytes in it: sha256 /);
});

for (const [what, change] of [
  ['that is cut off', (bytes: Buffer) => bytes.subarray(0, -1600)],
  ['that is none', () => Buffer.from('no bundle'.repeat(100))],
  ['of nothing', () => Buffer.alloc(0)],
] as const) {
  test(`run from a bundle ${what} says so`, async (t) => {
    const { run, bundle, read } = await site(t);
    writeFileSync(bundle, change(read()));
    const { code, stderr } = await run('run', 'all', '--bundle', 'b.tar');
    assert.equal(code, 65);
    assert.match(stderr, /^Cannot read the bundle ~\/b\.tar\n {2}it is no bundle, or not all of one\n/);
  });
}

test('run from a bundle that is not there says so; a run that has all needs none', async (t) => {
  const { run, bundle } = await site(t);
  assert.equal((await run('run', 'all', '--bundle', 'b.tar')).code, 0);
  rmSync(bundle);
  assert.equal((await run('run', 'all', '--bundle', 'b.tar')).code, 0);
  rmSync(join(bundle, '../cache'), { recursive: true });
  const { code, stderr } = await run('run', 'all', '--bundle', 'b.tar');
  assert.equal(code, 65);
  assert.match(stderr, /^Cannot read the bundle ~\/b\.tar\n {2}Error: ENOENT/);
});

test('bundle that cannot be written is told before anything is fetched', async (t) => {
  const { run, asked, bundle } = await site(t);
  const pipe = join(bundle, '../pipe'); // root would put a file where a device was
  execFileSync('mkfifo', [pipe]);
  for (const [place, why] of [
    ['nowhere/b.tar', "ENOENT: no such file or directory, open '~/nowhere/b.tar.PID.new'"],
    ['pipe', 'it is no regular file'],
    ['', 'it is a folder'],
  ]) {
    const { code, stderr } = await run('bundle', `./${place}`);
    assert.equal(code, 65);
    const path = place ? `~/${place}` : '~';
    const fix = 'name a place that can be written, or make this one so';
    assert.equal(stderr.replace(/\.\d+\.new/, '.PID.new'), `Cannot write ${path}\n  ${why}\n  fix: ${fix}\n`);
  }
  assert.deepEqual(asked, []);
  assert.ok(statSync(pipe).isFIFO());
});

test('tree of a commit comes from the bundle as it comes from its repository', {
  skip: gitless,
}, async (t) => {
  const { cwd, run, upstream, tree } = await sourceSite(t);
  assert.equal((await run('bundle', 'b.tar')).code, 0);
  const before = tree();
  rmSync(upstream, { recursive: true });
  rmSync(join(cwd, 'cache'), { recursive: true });
  const { code, stderr } = await run('run', 'fetch/tool', '--bundle', 'b.tar');
  assert.deepEqual([code, stderr], [0, '']);
  assert.equal(tree(), before);
  assert.match(before, /^[0-9a-f]{64}$/);
});

test('pack in a bundle that is of another commit gives nothing', { skip: gitless }, async (t) => {
  const { cwd, run, config } = await sourceSite(t);
  assert.equal((await run('bundle', 'b.tar')).code, 0);
  const other = '1'.repeat(40);
  writeFileSync(join(cwd, 'cc.config.ts'), config(other));
  rmSync(join(cwd, 'cache'), { recursive: true });
  const bytes = readFileSync(join(cwd, 'b.tar'), 'latin1');
  const commit = /git\/([0-9a-f]{40})\.pack/.exec(bytes)?.[1] ?? '';
  writeFileSync(join(cwd, 'b.tar'), bytes.replaceAll(`git/${commit}.pack`, `git/${other}.pack`), 'latin1');
  const { code, stderr } = await run('run', 'fetch/tool', '--bundle', 'b.tar');
  assert.equal(code, 1);
  assert.match(stderr, /^Cannot read the commit of tool on controller/);
});

for (const path of ['../../etc/x', '/etc/x', 'archive//x', 'archive/./x', 'archive/a b', 'a\n', '']) {
  test(`bundle with a file ${JSON.stringify(path)} is refused`, async (t) => {
    const { run, bundle, read } = await site(t);
    const list = JSON.stringify({ [path]: digestOf(TOOL) });
    writeFileSync(bundle, withMember(read(), 'files.json', list));
    const { code, stderr } = await run('run', 'all', '--bundle', 'b.tar');
    assert.equal(code, 65);
    assert.ok(
      stderr.startsWith(
        `Cannot read the bundle ~/b.tar\n  its files.json: ${JSON.stringify(path)} is no file\n`,
      ),
      stderr,
    );
  });
}

test('bundle whose excerpt has a file of the name that cc itself uses leaves the store as it is', async (t) => {
  const { cwd, run, bundle, read } = await site(t);
  const apt = join(cwd, 'apt');
  const config = readFileSync(join(cwd, 'cc.config.ts'), 'utf8');
  const source = { kind: 'deb', apt, package: 'hello', suite: 'bookworm' };
  writeFileSync(
    join(cwd, 'cc.config.ts'),
    config.replace(/\{"kind":"url","url":"[^"]*\/other"\}/, JSON.stringify(source)),
  );
  writeFileSync(
    bundle,
    withMember(read(), 'files.json', JSON.stringify({ 'archive/files.json': digestOf(TOOL) })),
  );
  await run('run', 'all', '--bundle', 'b.tar'); // whether it is refused or taken, bytes are what their name says
  const kept = join(cwd, 'cache/cc/bytes', digestOf(TOOL));
  assert.equal(existsSync(kept) ? readFileSync(kept, 'utf8') : TOOL, TOOL);
});

/** A site whose tool is the tree of a commit. */
async function sourceSite(t: Parameters<typeof folder>[0]) {
  const cwd = await folder(t, { 'upstream/a': 'one' });
  const upstream = join(cwd, 'upstream');
  const git = (...words: readonly string[]) =>
    execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', ...words], {
      cwd: upstream,
      encoding: 'utf8',
    }).trim();
  git('init', '--quiet');
  git('commit', '--quiet', '--allow-empty', '-m', 'none'); // a bundle has no commit but the one that is named
  git('add', 'a');
  git('commit', '--quiet', '-m', 'one');
  const config = (commit: string) =>
    releases({ tool: 'REPOSITORY' }).replace(
      JSON.stringify({ kind: 'url', url: 'REPOSITORY' }),
      JSON.stringify({ kind: 'git', repository: upstream, commit }),
    );
  writeFileSync(join(cwd, 'cc.config.ts'), config(git('rev-parse', 'HEAD')));
  const tree = () => {
    const kept = readdirSync(join(cwd, 'state/cc/releases/artifacts')).map(
      (name) => JSON.parse(readFileSync(join(cwd, 'state/cc/releases/artifacts', name), 'utf8')).sha256,
    );
    return kept.join();
  };
  const run = (...words: readonly string[]) => cc(cwd, ...words);
  assert.equal((await run('run', 'fetch/tool')).code, 0);
  return { cwd, upstream, config, run, tree };
}

/** The archive with other bytes in one of its files. */
function withMember(tar: Buffer, name: string, text: string): Buffer {
  const bytes = Buffer.from(text);
  const at = tar.indexOf(`${name}\0`); // where its header begins
  const size = Number.parseInt(tar.toString('latin1', at + 124, at + 135), 8);
  const end = at + 512 + Math.ceil(size / 512) * 512;
  return Buffer.concat([
    tar.subarray(0, at),
    header(name, bytes.length),
    bytes,
    padding(bytes.length),
    tar.subarray(end),
  ]);
}

test('bundle of what is not locked is refused', async (t) => {
  const cwd = await folder(t, { 'cc.config.ts': releases({ tool: 'http://127.0.0.1:1/tool' }) });
  const { code, stderr } = await cc(cwd, 'bundle', 'b.tar');
  assert.equal(code, 65);
  assert.match(stderr, /^Cannot trust tool: cc\.lock has no digest for it\n/);
  assert.equal(existsSync(join(cwd, 'b.tar')), false);
});
