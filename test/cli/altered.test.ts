/** Bytes that change in the store after they were verified: seen, never used, and fetched anew. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { digestOf } from '../../core/model/digest.ts';
import { members } from '../../core/store/tar.ts';
import { cc, folder, MOD } from '../rig/cc.ts';
import { file, served } from '../rig/web.ts';
import { releases } from './releases.ts';

const TOOL = 'x'.repeat(1000);
const BAD = 'y'.repeat(1000);

/** A site that has run once, what its server was asked for since, and the tool in its store. */
async function site(t: Parameters<typeof folder>[0]) {
  const { url, asked } = await served(t, { '/tool': file(TOOL) });
  const cwd = await folder(t, { 'cc.config.ts': releases({ tool: `${url}/tool` }) });
  const kept = join(cwd, 'cache/cc/bytes', digestOf(TOOL));
  for (const words of [
    ['lock', '--first-use'],
    ['run', 'all'],
  ])
    assert.equal((await cc(cwd, ...words)).code, 0);
  asked.length = 0;
  return { cwd, asked, kept, placed: join(cwd, 'tool'), run: (...words: string[]) => cc(cwd, ...words) };
}

/** All files with their digests and times. */
function tree(cwd: string): string {
  const all = ['-type', 'f', '-printf', '%p %T@ ', '-exec', 'sha256sum', '{}', ';'];
  return execFileSync('find', [cwd, ...all], { encoding: 'utf8' });
}

/** The same size, and the time that it had. */
function alter(kept: string): void {
  const { atime, mtime } = statSync(kept);
  writeFileSync(kept, BAD);
  execFileSync('touch', ['-a', '-d', atime.toISOString(), kept]);
  execFileSync('touch', ['-m', '-d', mtime.toISOString(), kept]);
}

test('bytes that were altered in the store are fetched anew, and only the right ones are placed', async (t) => {
  const { run, asked, kept, placed } = await site(t);
  alter(kept);
  rmSync(placed);
  const { code, stdout } = await run('run', 'all');
  assert.equal(code, 0, stdout);
  assert.match(stdout, /tool in the store has other bytes than its digest says/);
  assert.deepEqual([asked, readFileSync(placed, 'utf8')], [['/tool'], TOOL]);
  assert.equal(readFileSync(kept, 'utf8'), TOOL);
  assert.match((await run('run', 'all')).stdout, /^0 changed in /m);
});

test('bytes that were altered in the store are used by nobody where they cannot be fetched anew', async (t) => {
  const { run, cwd, kept, placed } = await site(t);
  alter(kept);
  rmSync(placed);
  const lock = join(cwd, 'cc.lock');
  for (const path of [lock, join(cwd, 'cc.config.ts')])
    writeFileSync(path, readFileSync(path, 'utf8').replaceAll(/127\.0\.0\.1:\d+/g, '127.0.0.1:1'));
  const { code, stdout } = await run('run', 'all');
  assert.equal(code, 1, stdout);
  assert.match(stdout, /Cannot fetch tool/);
  assert.equal(existsSync(placed), false);
});

test('plan tells of altered bytes, and writes nothing', async (t) => {
  const { run, cwd, kept } = await site(t);
  alter(kept);
  const before = tree(cwd);
  const { stdout } = await run('plan');
  assert.match(stdout, /tool in the store has other bytes than its digest says/);
  assert.equal(tree(cwd), before);
});

test('lock and bundle take nothing of altered bytes', async (t) => {
  const { url } = await served(t, {
    '/tool': file(TOOL),
    '/sums': file(`${digestOf(TOOL)}  tool\n`),
  });
  const cwd = await folder(t, { 'cc.config.ts': releases({ tool: [`${url}/tool`, `${url}/sums`] }) });
  assert.equal((await cc(cwd, 'lock')).code, 0);
  const lock = readFileSync(join(cwd, 'cc.lock'), 'utf8');
  const kept = join(cwd, 'cache/cc/bytes', digestOf(TOOL));
  appendFileSync(kept, 'more');
  rmSync(join(cwd, 'cc.lock'));
  assert.equal((await cc(cwd, 'lock')).code, 0);
  assert.equal(readFileSync(join(cwd, 'cc.lock'), 'utf8'), lock);
  appendFileSync(kept, 'more');
  const { code, stderr } = await cc(cwd, 'bundle', 'b.tar');
  assert.equal(code, 0, stderr);
  const member = (await members(join(cwd, 'b.tar')))?.get(`bytes/${digestOf(TOOL)}`);
  assert.equal(member?.size, TOOL.length);
});

test('bytes that were altered in the store come from the bundle again', async (t) => {
  const { run, asked, kept, placed } = await site(t);
  assert.equal((await run('bundle', 'b.tar')).code, 0);
  alter(kept);
  rmSync(placed);
  const { code, stdout } = await run('run', 'all', '--bundle', 'b.tar');
  assert.equal(code, 0, stdout);
  assert.deepEqual([asked, readFileSync(placed, 'utf8')], [[], TOOL]);
});

/** Alters the bytes of an artifact after they were looked at, then uses them in some way. */
const late = (url: string, use: string) => `import { cmd, plugin, recipe, step, v } from '${MOD}';
const tool = { name: 'tool', source: { kind: 'url', url: '${url}' } };
const here = import.meta.dirname;
const late = plugin({
  name: 'late', help: 'uses bytes late', options: v.strictObject({}),
  build: ({}, { cache }) => ({ steps: [step({
    name: 'used', where: 'controller', root: false, artifacts: [tool],
    probe: async (view) => ({ there: (await view.stat(here + '/used')) !== undefined }),
    plan: ({ there }) => there ? [] : [
      { kind: 'run', command: cmd\`sh -c \${'echo more >> "$0"'} \${here}/cache/cc/bytes/${digestOf(TOOL)}\`, why: 'a test' },
      { why: 'a test', ...${use} },
    ],
  })] }),
});
export default recipe({ name: 'late', plugins: [late()] });
`;

for (const [what, use] of [
  ['placed', "{ kind: 'place', path: here + '/used', artifact: tool, mode: 0o755 }"],
  ['unpacked', "{ kind: 'unpack', path: here + '/used', artifact: tool, strip: 0 }"],
  ['a word of a command', "{ kind: 'run', command: cmd`cp ${tool} ${here}/used` }"],
  ['what a command reads', "{ kind: 'run', command: { ...cmd`dd of=${here}/used`, input: tool } }"],
] as const) {
  test(`bytes that are altered after they were looked at are refused by name as ${what}`, async (t) => {
    const { url } = await served(t, { '/tool': file(TOOL) });
    const cwd = await folder(t, { 'cc.config.ts': late(`${url}/tool`, use) });
    assert.equal((await cc(cwd, 'lock', '--first-use')).code, 0);
    const { code, stdout } = await cc(cwd, 'run', 'all');
    assert.equal(code, 65, stdout);
    assert.match(stdout, /Cannot use tool: its bytes changed after they were verified/);
    assert.equal(existsSync(join(cwd, 'used')), false);
  });
}
