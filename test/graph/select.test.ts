/** From names to tasks: every way of naming them, and the nearest name for one that is not there. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { named, withNeeds } from '../../core/graph/select.ts';
import type { Task } from '../../core/model/task.ts';
import { bare, expanded, failureIn, host, steps } from './recipes.ts';

const { tasks } = expanded({
  hosts: [host('n1'), host('n2')],
  plugins: [
    steps('runc', bare('bin'), bare('conf')),
    steps('crio', bare('bin', { needs: ['runc/bin'] })),
    steps('tool', bare('make', { where: 'controller' })),
  ],
});
const ids = (all: readonly Task[]) => all.map(({ id }) => id);

const NAMES: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['all', ['all'], ids(tasks)],
  ['a plugin', ['runc'], ['n1/runc/bin', 'n2/runc/bin', 'n1/runc/conf', 'n2/runc/conf']],
  ['a plugin and a step', ['crio/bin'], ['n1/crio/bin', 'n2/crio/bin']],
  ['a whole task id', ['n2/runc/conf'], ['n2/runc/conf']],
  ['a host', ['n2'], ['n2/runc/bin', 'n2/runc/conf', 'n2/crio/bin']],
  ['a plugin on a host', ['n2/runc'], ['n2/runc/bin', 'n2/runc/conf']],
  ['the controller', ['controller'], ['controller/tool/make']],
  ['several names', ['tool', 'n1/crio/bin'], ['controller/tool/make', 'n1/crio/bin']],
  ['the same task twice', ['tool', 'tool/make', 'controller/tool/make'], ['controller/tool/make']],
  ['no name', [], []],
];

for (const [what, names, expected] of NAMES) {
  test(`named finds tasks by ${what}`, () => assert.deepEqual(ids(named(tasks, names)), expected));
}

const UNKNOWN: readonly (readonly [string, string | undefined])[] = [
  ['rucn', 'runc'],
  ['crio/bni', 'crio/bin'],
  ['n3/runc/bin', 'n1/runc/bin'],
  ['al', 'all'],
  ['zzzzzzzz', undefined],
  ['constructor', undefined],
  ['__proto__', undefined],
];

for (const [name, near] of UNKNOWN) {
  test(`named refuses "${name}" and suggests ${near ?? 'nothing'}`, () => {
    assert.deepEqual(
      failureIn(() => named(tasks, ['runc', name])),
      { kind: 'unknown-name', what: 'task', name, ...(near ? { near } : {}) },
    );
  });
}

for (const name of ['worker', 'zone=a'])
  test(`named says of ${name}, which hosts have, how hosts are chosen`, () => {
    const hosts = [{ ...host('n1', 'worker'), labels: { zone: 'a' } }];
    const fix = `choose hosts of this role or label: --limit ${name}; leave out hosts by their names: --skip HOST`;
    assert.deepEqual(
      failureIn(() => named(tasks, [name], hosts)),
      { kind: 'unknown-name', what: 'task', name, fix },
    );
  });

test('named refuses a name that a plugin and a host have, and finds its tasks by their whole names', () => {
  const both = expanded({
    hosts: [host('runc')],
    plugins: [steps('runc', bare('bin')), steps('crio', bare('bin'))],
  });
  assert.deepEqual(
    failureIn(() => named(both.tasks, ['runc'])),
    {
      kind: 'usage',
      message:
        'Cannot tell what "runc" means: a plugin and a host are called so; name its tasks as HOST/PLUGIN/STEP, or all with --limit and the host',
    },
  );
  assert.deepEqual(ids(named(both.tasks, ['runc/bin'])), ['runc/runc/bin']);
  assert.deepEqual(ids(named(both.tasks, ['runc/crio', 'runc/runc/bin'])), [
    'runc/crio/bin',
    'runc/runc/bin',
  ]);
});

for (const name of ['all', 'cleanup'])
  test(`a host cannot be called ${name}, which is a word of cc`, () => {
    assert.deepEqual(
      failureIn(() => expanded({ hosts: [host(name)], plugins: [steps('runc', bare('bin'))] })),
      {
        kind: 'config-invalid',
        file: '/site/cc.config.ts',
        problems: [{ path: `hosts.${name}`, message: 'is a word of cc itself' }],
      },
    );
  });

test('withNeeds adds all that is needed, in the order of the recipe', () => {
  assert.deepEqual(ids(withNeeds(tasks, named(tasks, ['n1/crio/bin', 'n2/runc/conf']))), [
    'n1/runc/bin',
    'n2/runc/bin',
    'n2/runc/conf',
    'n1/crio/bin',
  ]);
});

test('withNeeds of all is all, and of nothing nothing', () => {
  assert.deepEqual(withNeeds(tasks, tasks), tasks);
  assert.deepEqual(withNeeds(tasks, []), []);
});

test('withNeeds ends on a cycle', () => {
  const [one, two] = named(tasks, ['n1/runc/bin', 'n2/runc/bin']);
  assert.ok(one && two);
  const round = [
    { ...one, needs: [two.id] },
    { ...two, needs: [one.id] },
  ];
  assert.deepEqual(withNeeds(round, round.slice(0, 1)), round);
});
