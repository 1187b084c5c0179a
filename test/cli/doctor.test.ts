/** `cc doctor` as it is typed: it tells what hosts are, those of a configuration too, and writes nothing. */
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { test } from 'node:test';
import { told } from '../../plugins/virtualization/advice.ts';
import { cc, folder, MOD } from '../rig/cc.ts';
import { rootless } from '../rig/tools.ts';

const skip = rootless('looks without a password of sudo');

test('doctor tells in lines what it found here, and the recipe that fits in the last', {
  skip,
}, async (t) => {
  const cwd = await folder(t);
  const { code, stdout, stderr } = await cc(cwd, 'doctor', '--json');
  assert.deepEqual([code, stderr], [0, '']);
  const [{ host, step, facts, lines }] = JSON.parse(stdout).hosts;
  // How long a boot takes is another each time.
  assert.deepEqual([host, step, lines], ['here', 'virtualization/host', told(facts)]);
  assert.match(lines.at(-1), /^fits: /);
  assert.deepEqual(await readdir(cwd), []);
});

test('doctor says of each host that it cannot reach why not', async (t) => {
  const cwd = await folder(t);
  const { code, stdout } = await cc(cwd, 'doctor', 'root@one.invalid', 'two.invalid', 'two.invalid');
  assert.equal(code, 1);
  const hosts = stdout.split('\n').filter((line) => /^\S/.test(line));
  assert.deepEqual(hosts, ['one.invalid:', 'two.invalid:']);
  assert.match(stdout, /^ {2}Cannot .*one\.invalid/m);
  assert.deepEqual(await readdir(cwd), []);
});

/** A host of the site is this one, so that it can be reached. */
const SITE = `import { fail, plugin, recipe, step, v } from '${MOD}';

const base = { root: false, needs: [] };
const site = plugin({
  name: 'site',
  help: 'looks',
  options: v.strictObject({ bad: v.optional(v.boolean(), false) }),
  build: ({ bad }) => ({
    steps: [
      step({ ...base, name: 'good', first: true, probe: async () => 'seen', plan: () => [] }),
      step({
        ...base,
        name: 'examined',
        first: true,
        probe: async () => null,
        examine: async (view) => \`all of \${view.name}\`,
        tells: (facts) => [facts],
        plan: (facts) =>
          facts !== null && bad
            ? fail({ kind: 'check-failed', host: 'own', what: 'it is good', reasons: ['it is bad'] })
            : [],
      }),
      step({ ...base, name: 'later', probe: async () => fail({ kind: 'interrupted', signal: 'never' }), plan: () => [] }),
    ],
  }),
});

export default recipe({
  name: 'site',
  hosts: [{ name: 'own', roles: [], connection: { kind: 'local' } }],
  plugins: [site()],
});
`;

test('doctor looks at the hosts of a configuration by all that a run does first', async (t) => {
  const cwd = await folder(t, { 'cc.config.ts': SITE });
  const { code, stdout, stderr } = await cc(cwd, 'doctor');
  assert.deepEqual(
    [code, stdout, stderr],
    [0, 'own:\n  site/good: nothing stands in the way\n  all of own\n', ''],
  );
  assert.deepEqual(await readdir(cwd), ['cc.config.ts']);
});

test('doctor fails for what a run would refuse a host for', async (t) => {
  const cwd = await folder(t, { 'cc.config.ts': SITE });
  const { code, stdout } = await cc(cwd, 'doctor', '--set', 'site.bad=true');
  const lines = ['site/good: nothing stands in the way', 'all of own'];
  const refused = ['Cannot confirm on own: it is good', '  it is bad'];
  assert.deepEqual(
    [code, stdout.split('\n')],
    [1, ['own:', ...[...lines, ...refused].map((line) => `  ${line}`), '']],
  );
});

test('doctor takes hosts or a configuration', async (t) => {
  const cwd = await folder(t, { 'cc.config.ts': SITE });
  const { code, stderr } = await cc(cwd, 'doctor', 'one.invalid', '--config', 'cc.config.ts');
  assert.deepEqual(
    [code, stderr.split('\n')[0]],
    [64, 'Cannot use a configuration with hosts that are named: leave out one of them'],
  );
});
