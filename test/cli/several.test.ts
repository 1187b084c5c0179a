/** Several hosts, of which none can be reached: each is told once, by every command. */
import assert from 'node:assert/strict';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { ccWith, folder, MOD } from '../rig/cc.ts';

const CONFIG = `import { plugin, recipe, step, v } from '${MOD}';
const bare = (name: string) => step({ name, root: false, probe: async () => null, plan: () => [] });
const p = plugin({ name: 'p', help: '', options: v.strictObject({}), build: () => ({ steps: ['a', 'b', 'c'].map(bare) }) });
const host = (name: string) => ({ name, roles: [], connection: { kind: 'ssh' as const, address: name + '.example' } });
export default recipe({ name: 'site', plugins: [p()], hosts: [host('w-1'), host('w-2')] });
`;
/** Lets nobody in, as ssh says it. */
const SSH = '#!/bin/sh\necho "ssh: Could not resolve hostname" >&2\nexit 255\n';

async function site(t: Parameters<typeof folder>[0]) {
  const cwd = await folder(t, { 'cc.config.ts': CONFIG, 'bin/ssh': SSH });
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

test('a run tells each host that cannot be reached once, and goes on with the other', async (t) => {
  const run = await site(t);
  const { code, stdout } = await run('run', 'all');
  assert.equal(code, 1);
  assert.equal(stdout.match(/^✘/gm)?.length, 2);
  assert.equal(stdout.match(/Cannot reach w-[12] at w-[12]\.example/g)?.length, 2);
  assert.match(stdout, /: 2 failed, 4 skipped\nnot done: w-1 \(3 of 3 tasks\), w-2 \(3 of 3 tasks\)\n/);
});
