/** Several hosts: each that cannot be reached is told once, and every command chooses among them in the same way. */
import assert from 'node:assert/strict';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { ccWith, folder, MOD } from '../rig/cc.ts';

const CONFIG = `import { plugin, recipe, step, v } from '${MOD}';
const bare = (name: string) => step({ name, root: false, probe: async () => null, plan: () => [] });
const p = plugin({ name: 'p', help: '', options: v.strictObject({}), build: () => ({ steps: ['a', 'b', 'c'].map(bare) }) });
const host = (name: string) => ({ name, roles: ['worker'], labels: { zone: name }, connection: { kind: 'ssh' as const, address: name + '.example' } });
export default recipe({ name: 'site', plugins: [p()], hosts: [host('w-1'), host('w-2')] });
`;
/** Lets nobody in, as ssh says it. */
const SSH = '#!/bin/sh\necho "ssh: Could not resolve hostname" >&2\nexit 255\n';

async function site(t: Parameters<typeof folder>[0], config = CONFIG) {
  const cwd = await folder(t, { 'cc.config.ts': config, 'bin/ssh': SSH });
  await chmod(join(cwd, 'bin/ssh'), 0o755);
  const env = { PATH: `${join(cwd, 'bin')}:${process.env['PATH']}` };
  return (...words: readonly string[]) => ccWith(env, cwd, ...words);
}

/** What stands at the beginning of its lines, without what is said of ssh. */
const heads = (text: string) => text.split('\n').filter((line) => /^\S/.test(line));

test('plan and status tell each host that cannot be reached once, and how many of its tasks are unknown', async (t) => {
  const run = await site(t);
  for (const verb of ['plan', 'status']) {
    const { code, stdout } = await run(verb);
    assert.equal(code, 1);
    assert.deepEqual(heads(stdout).slice(0, 2), ['! w-1/p/a', '! w-2/p/a']);
    assert.deepEqual(heads(stdout).slice(3), ['could not be told: w-1 (3 of 3 tasks), w-2 (3 of 3 tasks)']);
    assert.equal(stdout.match(/Cannot reach w-1 at w-1\.example/g)?.length, 1);
  }
});

/** A note on the controller, which tasks on a host need; and what the first host has, which the others need. */
const AFTER_A_NOTE = `import { plugin, recipe, step, v, written } from '${MOD}';
const note = written('x', { name: 'note', path: import.meta.dirname + '/note', where: 'controller', root: false });
const probing = { root: false, probe: async () => null, plan: () => [] } as const;
const first = step({ name: 'first', where: { firstOf: 'worker' }, ...probing });
const after = (name: string, needs: readonly string[]) => step({ name, needs, ...probing });
const p = plugin({ name: 'p', help: '', options: v.strictObject({}), build: () => ({ steps: [note, first, after('a', ['p/note', 'p/first']), after('b', ['p/a'])] }) });
const cleanup = plugin({ name: 'cleanup', help: '', options: v.strictObject({}), isCleanup: true, build: () => ({ steps: [] }) });
const host = (name: string) => ({ name, roles: ['worker'], connection: { kind: 'ssh' as const, address: name + '.example' } });
export default recipe({ name: 'site', plugins: [p(), cleanup()], hosts: [host('w-1'), host('w-2')] });
`;

test('plan counts as work what would change, and tells a host that cannot be reached also where its tasks wait', async (t) => {
  const run = await site(t, AFTER_A_NOTE);
  const summary = async (...words: readonly string[]) => {
    const { code, stdout } = await run('plan', ...words);
    return [code, ...heads(stdout).filter((line) => !line.startsWith('▶'))];
  };
  assert.deepEqual(await summary(), [
    1,
    ...['! w-1/p/first', '! w-2/p/a', '1 of 6 tasks would do something'],
    'could not be told: w-1 (3 of 3 tasks), w-2 (2 of 2 tasks)',
  ]);
  const limited = ['1 of 3 tasks would do something', 'could not be told: w-2 (2 of 2 tasks)'];
  assert.deepEqual((await summary('--limit', 'w-2')).slice(-2), limited);
  assert.deepEqual((await summary('cleanup')).slice(-1), ['0 tasks would be taken back']);
});

test('a run tells each host that cannot be reached once, and goes on with the other', async (t) => {
  const run = await site(t);
  const { code, stdout } = await run('run', 'all');
  assert.equal(code, 1);
  assert.equal(stdout.match(/^✘/gm)?.length, 2);
  assert.equal(stdout.match(/Cannot reach w-[12] at w-[12]\.example/g)?.length, 2);
  assert.match(stdout, /: 2 failed, 4 skipped\nnot done: w-1 \(3 of 3 tasks\), w-2 \(3 of 3 tasks\)\n/);
});

const A_OF_2 = '# site from CONFIG\np\n  p/a on w-2\n';

test('list, graph and plan choose by host, role, label and what to skip', async (t) => {
  const run = await site(t);
  const listed = async (...words: readonly string[]) => {
    const { stdout } = await run('list', ...words);
    return stdout.replace(/from .*$/m, 'from CONFIG').replace(/cleanup\n.*\n$/, '');
  };
  assert.equal(await listed('--limit', 'zone=w-2', '--skip', 'p/c,w-2/p/b'), A_OF_2);
  assert.equal(await listed('--skip', 'w-1,p/b,p/c'), A_OF_2);
  assert.equal((await run('graph', 'w-2')).stdout.match(/^w-2\/p\/[abc]/gm)?.length, 3);
  assert.equal((await run('graph', '--limit', 'worker', 'p/a')).stdout.match(/^w-[12]\/p\/a/gm)?.length, 2);
  for (const words of [['w-2'], ['--limit', 'w-2'], ['w-2/p'], ['all', '--skip', 'w-1']] as const)
    assert.deepEqual(heads((await run('plan', ...words)).stdout).slice(0, 1), ['! w-2/p/a'], words.join(' '));
});

const REFUSED: readonly (readonly [line: string, message: string, why?: string])[] = [
  ['plan --limit w-3', 'Cannot find a host, a role or a label "w-3"', '  did you mean "w-1"?'],
  ['status w-3', 'Cannot find task "w-3"', '  did you mean "w-1"?'],
  ['list --skip q', 'Cannot find task "q"', '  did you mean "p"?'],
  ['run all --skip p/a', 'Cannot skip w-1/p/a: w-1/p/b needs it; without it nothing is left to do'],
  [
    'run cleanup --skip p',
    'Cannot use --skip with cleanup: it takes back all that stands on a host; name hosts by --limit',
  ],
];

for (const [line, message, why] of REFUSED)
  test(`cc ${line} is refused by name`, async (t) => {
    const run = await site(t);
    const { code, stderr } = await run(...line.split(' '));
    assert.deepEqual(
      [code, ...stderr.split('\n').slice(0, why === undefined ? 1 : 2)],
      [64, message, ...(why === undefined ? [] : [why])],
    );
  });
