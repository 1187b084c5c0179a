/** Bundles: the same releases make the same file, a run takes all from it, verified, and what it lacks is told first. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { digestOf } from '../../core/model/digest.ts';
import { cc, folder } from '../rig/cc.ts';
import { file, served } from '../rig/web.ts';
import { releases } from './releases.ts';

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
    [digestOf(''), digestOf(TOOL)].toSorted().map((digest) => `bytes/${digest}`),
  );
  const told = execFileSync('tar', ['--extract', '--to-stdout', '--file', bundle, 'cc.lock'], {
    encoding: 'utf8',
  });
  assert.equal(told, readFileSync(join(cwd, 'cc.lock'), 'utf8'));
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

test('run from a bundle that lacks something names it, and starts nothing', async (t) => {
  const { cwd, run, asked } = await site(t);
  const config = readFileSync(join(cwd, 'cc.config.ts'), 'utf8');
  writeFileSync(
    join(cwd, 'cc.config.ts'),
    config.replaceAll('/tool', '/newer').replaceAll('/other', '/newer'),
  );
  const { code, stdout, stderr } = await run('run', 'all', '--bundle', 'b.tar');
  assert.deepEqual([code, stdout, asked], [65, '', []]);
  assert.match(
    stderr,
    /^Cannot run from the bundle ~\/b\.tar: it lacks 2 artifacts of cc\.lock\n {2}other\n {2}tool\n/,
  );
  assert.equal(existsSync(join(cwd, 'state/cc/releases/runs')), false);
});

test('run from a bundle with other bytes refuses them', async (t) => {
  const { run, asked, bundle, read } = await site(t);
  writeFileSync(bundle, read().toString('latin1').replace('xxx', 'xyx'), 'latin1');
  const { code, stderr } = await run('run', 'all', '--bundle', 'b.tar');
  assert.deepEqual([code, asked], [65, []]);
  assert.match(stderr, /^Cannot use tool: its bytes are not those that cc\.lock names\n {2}~\/b\.tar\n/);
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
  const { run, asked } = await site(t);
  for (const [place, why] of [
    ['nowhere/b.tar', "ENOENT: no such file or directory, open '~/nowhere/b.tar.new'"],
    ['', 'it is a folder'],
  ]) {
    const { code, stderr } = await run('bundle', `./${place}`);
    assert.equal(code, 65);
    const path = place ? `~/${place}` : '~';
    const fix = 'name a place that can be written, or make this one so';
    assert.equal(stderr, `Cannot write ${path}\n  ${why}\n  fix: ${fix}\n`);
  }
  assert.deepEqual(asked, []);
});

test('bundle of what is not locked is refused', async (t) => {
  const cwd = await folder(t, { 'cc.config.ts': releases({ tool: 'http://127.0.0.1:1/tool' }) });
  const { code, stderr } = await cc(cwd, 'bundle', 'b.tar');
  assert.equal(code, 65);
  assert.match(stderr, /^Cannot trust tool: cc\.lock has no digest for it\n/);
  assert.equal(existsSync(join(cwd, 'b.tar')), false);
});
