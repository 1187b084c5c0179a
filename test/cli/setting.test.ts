/** What `--set` got wrong is told by its name, with what would be right. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { cc, folder, MOD } from '../rig/cc.ts';

const CONFIG = `import { plugin, recipe, v, written } from '${MOD}';
const options = v.strictObject({
  list: v.optional(v.array(v.string())),
  size: v.optional(v.number()),
  labels: v.optional(v.record(v.string(), v.string())),
  api: v.optional(v.strictObject({ port: v.optional(v.strictObject({ number: v.optional(v.number()) })) })),
});
const p = plugin({ name: 'p', help: '', options, build: (given) => ({
  steps: [written(JSON.stringify(given), { name: 's', path: '/never', where: 'controller', root: false })] }) });
export default recipe({ name: 'site', plugins: [p({ list: [] })] });
`;

const REFUSED: readonly (readonly [set: string, said: string])[] = [
  ['p.api.foo=1', ': is not known\n    known: port'],
  ['p.api.port.nmuber=1', ': is not known; did you mean "number"?\n    known: number'],
  ['p.api={"port":{"foo":1}}', ': p.api.port.foo: is not known\n    known: number'],
  ['p.__proto__=x', ': is not known\n    known: list, size, labels, api'],
  ['p.labels.__proto__=x', ': cannot be used as a name'],
  ['p.labels.constructor=x', ': cannot be used as a name'],
  ['p.labels={"a":"b","__proto__":"x"}', ': p.labels.__proto__: cannot be used as a name'],
  [
    'p.api=300',
    ': expected Object, found "300"\n    known: port\n    write: each by itself: --set p.api.port=VALUE',
  ],
  ['p.labels=x', ': expected Object, found "x"\n    write: JSON: --set p.labels=\'{"NAME":VALUE}\''],
  ['p.list=', ': expected Array, found ""\n    write: JSON: --set p.list=\'["a","b"]\''],
  ['p.list.1=a', ': expected a place from 0 to 0 in the list, found "1"'],
  ['p.labels.a.b=c', ': p.labels.a: expected string, found Object'],
  ['p.size=9007199254740993', ': expected number, found "9007199254740993"'],
  ['p.api.port={"number":1e400}', ': p.api.port.number: expected number, found "1e400"'],
];

test('what --set got wrong is refused by name', async (t) => {
  const cwd = await folder(t, { 'cc.config.ts': CONFIG });
  for (const [set, said] of REFUSED)
    assert.deepEqual(await cc(cwd, 'list', '--set', set), {
      code: 65,
      stdout: '',
      stderr: `Cannot use the options of the command: 1 mistake\n  --set ${set}${said}\n`,
    });
  assert.equal((await cc(cwd, 'list', '--set', 'p.list.0=a')).code, 0);
});

test('a list that is not given is set whole, and the advice says so', async (t) => {
  const cwd = await folder(t, { 'cc.config.ts': CONFIG.replace('p({ list: [] })', 'p()') });
  const { code, stderr } = await cc(cwd, 'list', '--set', 'p.list.0=a');
  assert.equal(code, 65);
  assert.equal(
    stderr,
    `Cannot use the options of the command: 1 mistake
  --set p.list.0=a: p.list: expected Array, found Object
    write: JSON: --set p.list='["a","b"]'
`,
  );
});

test('a value of --set that stands where a secret is wanted is not repeated', async (t) => {
  const config = `import { plugin, recipe, v } from '${MOD}';
const options = v.strictObject({ token: v.optional(v.secret()), api: v.optional(v.strictObject({ key: v.optional(v.secret()) })) });
const p = plugin({ name: 'p', help: '', options, build: () => ({ steps: [] }) });
export default recipe({ name: 'site', plugins: [p({})] });
`;
  const cwd = await folder(t, { 'cc.config.ts': config });
  const wanted = "expected secret('label', { env: 'NAME' }), and no value itself";
  for (const [set, told] of [
    ['p.token=hunter2', `  --set p.token=…: ${wanted}\n`],
    ['p.api={"key":"hunter2","foo":1}', `  --set p.api=…: p.api.key: ${wanted}\n`],
  ] as const) {
    const { code, stdout, stderr } = await cc(cwd, 'list', '--set', set);
    assert.equal(code, 65);
    assert.ok(stderr.includes(told), stderr);
    assert.doesNotMatch(stdout + stderr, /hunter2/);
  }
});
