/** Code of a plugin, or of a configuration, that ends the process, or says how it ends: cc ends in order, and not well. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import test from 'node:test';
import { cc, folder, MOD } from '../rig/cc.ts';

const site = (code: string, above = '') => `${above}import { plugin, recipe, step, v } from '${MOD}';
const one = (name: string, probe: () => unknown) => plugin({ name, help: '', options: v.strictObject({}), build: () => ({ steps: [
  step({ name: 'a', where: 'controller', root: false, probe: async () => { await probe(); return null; }, plan: () => [] }),
] }) })();
export default recipe({ name: 'site', plugins: [
  one('p', ${code}),
  one('good', () => {}),
] });
`;

for (const [what, call, above] of [
  ['process.exit(3)', 'process.exit(3)', ''],
  ['exit by its name', 'exit(3)', "import { exit } from 'node:process';\n"],
] as const)
  test(`${what} in a probe fails its task, and no other`, async (t) => {
    const cwd = await folder(t, { 'cc.config.ts': site(`() => ${call}`, above) });
    const { code, stdout, stderr } = await cc(cwd, 'run', 'all', '--keep-going');
    assert.deepEqual([code, stderr], [1, '']);
    const place = above === '' ? '6:26' : '7:18';
    const lines = stdout.split('\n');
    const from = lines.indexOf('  Cannot go on with p/a on controller: its probe failed');
    assert.deepEqual(lines.slice(from + 1, from + 3), [
      '    it called process.exit(3), which is for cc alone',
      `    at ${join(cwd, 'cc.config.ts')}:${place}`,
    ]);
    assert.match(stdout, /: 1 adopted, 1 failed$/m);
  });

test('process.exit(0) in a plan is no success', async (t) => {
  const cwd = await folder(t, { 'cc.config.ts': site('() => process.exit(0)') });
  const { code, stdout } = await cc(cwd, 'plan');
  assert.equal(code, 1);
  assert.match(stdout, /^ {4}Cannot go on with p\/a on controller: its probe failed$/m);
});

for (const [what, config] of [
  ['its file', 'process.exit(0);'],
  ['what it imports', "import './more.ts';"],
] as const)
  test(`process.exit in a configuration, in ${what}, is told with its file`, async (t) => {
    const cwd = await folder(t, { 'cc.config.ts': config, 'more.ts': '\nprocess.exit(1);' });
    const at = config.startsWith('import')
      ? `${join(cwd, 'more.ts')}:2:9`
      : `${join(cwd, 'cc.config.ts')}:1:9`;
    for (const words of [['plan'], ['run', 'all'], ['list']]) {
      const { code, stderr } = await cc(cwd, ...words);
      assert.equal(code, 65);
      const [head, why, place] = stderr.split('\n');
      assert.equal(head, `Cannot load ${at.replace(/:\d+:\d+$/, '')}`);
      assert.match(why ?? '', /^ {2}it called process\.exit\(\d\), which is for cc alone$/);
      assert.equal(place, `  at ${at}`);
    }
  });

const HEAD = 'Cannot vouch for the result: code of a plugin or of the configuration did what is for cc alone';

test('process.exit that a plugin catches is told in the end, and is no success', async (t) => {
  const cwd = await folder(t, { 'cc.config.ts': site('() => { try { process.exit(0); } catch {} }') });
  const { code, stdout, stderr } = await cc(cwd, 'run', 'all');
  assert.match(stdout, /: 2 adopted$/m);
  assert.deepEqual(
    [code, ...stderr.split('\n').slice(0, 2)],
    [1, HEAD, '  it called process.exit(0), which is for cc alone'],
  );
});

const AFTER = "process.once('beforeExit', () => { process.exitCode = 0; })";

for (const [when, code] of [
  ['in a run', 'process.exitCode = 3'],
  ['after a run', AFTER],
  ...('Deno' in globalThis
    ? ([
        ['in a run, by Deno', 'Deno.exitCode = 3'],
        ['in the end of a run, by Deno', "process.once('exit', () => { Deno.exitCode = 5; })"],
      ] as const)
    : []),
  ['in the end of a run', "process.once('exit', () => { process.exitCode = 5; })"],
] as const)
  test(`exit code that a plugin sets ${when} is not that of cc`, async (t) => {
    const cwd = await folder(t, { 'cc.config.ts': site(`() => { ${code} }`) });
    const { code: ended, stderr } = await cc(cwd, 'run', 'all');
    if (code === AFTER) return assert.deepEqual([ended, stderr], [0, '']); // it says the same
    assert.deepEqual(
      [ended, ...stderr.split('\n').slice(0, 2)],
      [1, HEAD, '  it set the exit code, by which cc says how it ends'],
    );
  });

test('failed run stays one, whatever exit code a plugin sets', async (t) => {
  const cwd = await folder(t, { 'cc.config.ts': site(`() => { ${AFTER}; throw new Error('no'); }`) });
  assert.equal((await cc(cwd, 'run', 'all')).code, 1);
});
