/** Code of a site that throws, as `cc` tells of it: in order, without a stack, and with the place to mend. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import test from 'node:test';
import { cc, folder, MOD } from '../rig/cc.ts';

const HEAD = `import { plugin, recipe, step, v } from '${MOD}';
const at = { where: 'controller', root: false } as const;
const one = (name: string, parts: object) => plugin({ name, help: 'x', options: v.strictObject({}), build: () => ({
  steps: [step<null>({ name: 's', ...at, probe: async () => null, plan: () => [], ...parts })] }) })();
`;
const site = (...plugins: readonly string[]) =>
  `${HEAD}export default recipe({ name: 'odd', plugins: [\n${plugins.join(',\n')}\n] });\n`;

const BAD = `one('bad', { probe: async () => { throw new TypeError('no'); } })`;
const GOOD = `one('good', {})`;

test('run with a probe that throws ends in order, and names file, line and source', async (t) => {
  const cwd = await folder(t, { 'cc.config.ts': site(BAD, GOOD) });
  const { code, stdout, stderr } = await cc(cwd, 'run', 'all', '--keep-going');
  assert.deepEqual([code, stderr], [1, '']);
  const told = stdout.split('\n').slice(1, 6);
  assert.match(told[0] ?? '', /^✘ controller\/bad\/s failed after /);
  assert.deepEqual(told.slice(1), [
    '  Cannot go on with bad/s on controller: its probe failed',
    '    TypeError: no',
    `    at ${join(cwd, 'cc.config.ts')}:6:41`,
    `      6 | ${BAD},`,
  ]);
  assert.match(stdout, /^0 changed in .*: 1 adopted, 1 failed$/m);
  assert.doesNotMatch(stdout, /core\/run/);
  const log = await cc(cwd, 'logs', 'bad');
  assert.match(log.stdout, /^\| TypeError: no\n\| {5}at /);
});

test('plan with a probe that throws tells so, and exits with its code', async (t) => {
  const cwd = await folder(t, { 'cc.config.ts': site(BAD, GOOD) });
  const { code, stdout, stderr } = await cc(cwd, 'plan');
  assert.deepEqual([code, stderr], [1, '']);
  assert.match(
    stdout,
    /^! controller\/bad\/s\n {4}Cannot go on with bad\/s on controller: its probe failed\n/m,
  );
});

const LEFT = `one('left', { probe: async () => {
  void Promise.reject(new Error('left alone'));
  await new Promise((done) => setImmediate(done));
  return null;
} })`;

test('promise that a plugin leaves alone is told, the run goes on, and does not count as good', async (t) => {
  const cwd = await folder(t, { 'cc.config.ts': site(LEFT, GOOD) });
  const { code, stdout, stderr } = await cc(cwd, 'run', 'all');
  assert.equal(code, 1);
  assert.deepEqual(stderr.split('\n').slice(0, 3), [
    'Cannot vouch for the result: code of a plugin failed where nobody waited for it',
    '  left alone',
    `  at ${join(cwd, 'cc.config.ts')}:7:23`,
  ]);
  assert.match(stdout, /: 2 adopted$/m);
});

const LATE = `one('late', { probe: async () => {
  setTimeout(() => { throw null; }, 1).unref();
  process.once('exit', () => {});
  process.once('beforeExit', () => setTimeout(() => {}, 50));
  return null;
} })`;

test('timer of a plugin that throws after the end of a run makes no good end of it', async (t) => {
  const cwd = await folder(t, { 'cc.config.ts': site(LATE) });
  const { code, stdout, stderr } = await cc(cwd, 'run', 'all');
  assert.match(stdout, /: 1 adopted$/m);
  assert.deepEqual(
    [code, stderr.split('\n').slice(0, 2)],
    [1, ['Cannot vouch for the result: code of a plugin failed where nobody waited for it', '  threw null']],
  );
});

test('error that no line of code threw is no bug of cc', async (t) => {
  const left = `one('left', { probe: async () => {
  const socket = process.getBuiltinModule('node:net').connect('/nowhere');
  await new Promise((done) => socket.once('close', done));
  return null;
} })`;
  const cwd = await folder(t, { 'cc.config.ts': site(left, GOOD) });
  const { code, stdout, stderr } = await cc(cwd, 'run', 'all');
  assert.deepEqual(
    [code, stderr.split('\n').slice(0, 2)],
    [
      1,
      [
        'Cannot vouch for the result: code of a plugin failed where nobody waited for it',
        '  connect ENOENT /nowhere',
      ],
    ],
  );
  assert.match(stdout, /: 2 adopted$/m);
});

test('promise that a package leaves alone is told with its place', async (t) => {
  const left = `import { leave } from 'left';\n`;
  const probe = `one('left', { probe: async () => { leave(); await new Promise((done) => setImmediate(done)); return null; } })`;
  const cwd = await folder(t, {
    'cc.config.ts': left + site(probe),
    'node_modules/left/package.json': '{"name":"left","type":"module","exports":"./left.js"}',
    'node_modules/left/left.js': `export function leave() {\n  setTimeout(() => { throw new Error('no'); });\n}\n`,
  });
  const { code, stderr } = await cc(cwd, 'run', 'all');
  assert.equal(code, 1);
  assert.deepEqual(stderr.split('\n').slice(1, 3), [
    '  no',
    `  at ${join(cwd, 'node_modules/left/left.js')}:2:28`,
  ]);
});

test('thrown thing that cannot be looked at is told, where nobody waits for it', async (t) => {
  const evasive = "new Proxy({}, { getPrototypeOf() { throw new Error('no'); } })";
  const left = `one('left', { probe: async () => { void Promise.reject(${evasive}); return null; } })`;
  const cwd = await folder(t, { 'cc.config.ts': site(left) });
  const { code, stderr } = await cc(cwd, 'run', 'all');
  assert.deepEqual([code, stderr.split('\n')[1]], [1, '  threw something that cannot be shown']);
});

for (const [what, thrown] of [
  ['what cannot be looked at', "new Proxy({}, { getPrototypeOf() { throw new Error('no'); } })"],
  ['null', 'null'],
] as const)
  test(`configuration that throws ${what} is told with its file`, async (t) => {
    const cwd = await folder(t, { 'cc.config.ts': `throw ${thrown};` });
    const { code, stderr } = await cc(cwd, 'list');
    const words = thrown === 'null' ? 'threw null' : 'threw something that cannot be shown';
    assert.deepEqual([code, stderr], [65, `Cannot load ${join(cwd, 'cc.config.ts')}\n  ${words}\n`]);
  });

test('failure that a plugin leaves alone is told in words', async (t) => {
  const left = `one('left', { probe: async (view) => {
  void view.read({ argv: ['false'] });
  await view.ask({ argv: ['true'] });
  await new Promise((done) => setImmediate(done));
  return null;
} })`;
  const cwd = await folder(t, { 'cc.config.ts': site(left) });
  const { code, stderr } = await cc(cwd, 'run', 'all');
  assert.equal(code, 1);
  assert.equal(stderr.split('\n')[1], '  Cannot finish a command on controller: it exited 1');
});

test('configuration that throws is told with its place', async (t) => {
  const cwd = await folder(t, { 'cc.config.ts': `\nthrow new Error('not today');\n` });
  const { code, stderr } = await cc(cwd, 'list');
  const file = join(cwd, 'cc.config.ts');
  assert.deepEqual(
    [code, stderr],
    [
      65,
      `Cannot load ${file}\n  not today\n  at ${file}:2:7\n    2 | throw new Error('not today');\n      |       ^\n`,
    ],
  );
});

test('build that throws is one mistake of the configuration', async (t) => {
  const bad =
    "plugin({ name: 'bad', help: 'x', options: v.strictObject({}),\n  build: () => { throw new Error('no'); } })()";
  const cwd = await folder(t, { 'cc.config.ts': site(bad) });
  const { code, stderr } = await cc(cwd, 'list');
  const file = join(cwd, 'cc.config.ts');
  const [what, why, at, source] = stderr.split('\n');
  assert.deepEqual([code, what, why], [65, `Cannot use ${file}: 1 mistake`, '  bad: its build failed: no']);
  assert.equal(at, `    at ${file}:7:24`);
  assert.equal(source, "      7 | build: () => { throw new Error('no'); } })()");
});
