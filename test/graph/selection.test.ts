/** From names, --limit and --skip to tasks: which are done, which are only looked at, and what is refused. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { hostMeant, meant } from '../../core/graph/meant.ts';
import { type Selector, selected } from '../../core/graph/selection.ts';
import type { Host } from '../../core/model/plugin.ts';
import { bare, expanded, failureIn, host, steps } from './recipes.ts';

const HOSTS: readonly Host[] = [
  { ...host('cp-1', 'control-plane'), labels: { zone: 'a' } },
  { ...host('w-1', 'worker'), labels: { zone: 'a' } },
  { ...host('w-2', 'worker'), labels: { zone: 'b', 'example.org/disk': 'ssd' } },
];
const RELEASE = {
  name: 'tool',
  source: { kind: 'url', url: 'https://example.org/tool' },
} as const;
const all = expanded({
  hosts: HOSTS,
  plugins: [
    steps('base', bare('conf')),
    steps('init', bare('made', { where: { firstOf: 'control-plane' }, needs: ['base/conf'] })),
    steps('join', bare('joined', { where: { role: 'worker' }, needs: ['base/conf', 'init/made'] })),
    steps('make', bare('image', { where: 'controller', needs: [] })),
    steps('tool', bare('bin', { needs: ['make/image'], artifacts: [RELEASE] })),
    steps('extra', bare('bin', { needs: ['tool/bin'] })),
  ],
});

const by = (selector: Partial<Selector>) => selected(all, { names: [], ...selector });
const wantedBy = (selector: Partial<Selector>) => by(selector).wanted.map(({ id }) => id);
const names = (hosts: readonly Host[]) => hosts.map(({ name }) => name);

const LIMITS: readonly (readonly [string, readonly string[]])[] = [
  ['w-2', ['w-2']],
  ['w-2,cp-1', ['cp-1', 'w-2']],
  ['worker', ['w-1', 'w-2']],
  ['zone=a', ['cp-1', 'w-1']],
  ['example.org/disk=ssd', ['w-2']],
  ['zone=b, control-plane', ['cp-1', 'w-2']],
  ['controller', ['controller']],
];

for (const [text, hosts] of LIMITS)
  test(`--limit ${text} means ${hosts}`, () => assert.deepEqual(names(meant(text, all.hosts)), hosts));

const UNKNOWN: readonly (readonly [string, string | undefined])[] = [
  ['w-9', 'w-1'],
  ['wroker', 'worker'],
  ['zone=c', 'zone=a'],
  ['', undefined],
  ['constructor', undefined],
  ['zzzzzzzzzz', undefined],
];

for (const [name, near] of UNKNOWN)
  test(`--limit refuses "${name}" and suggests ${near ?? 'nothing'}`, () => {
    const failure = failureIn(() => meant(`w-1,${name}`, all.hosts));
    assert.deepEqual(failure, {
      ...{ kind: 'unknown-name', what: 'a host, a role or a label', name },
      ...(near ? { near } : {}),
    });
  });

test('--limit refuses a word that is a host and the role of others', () => {
  const hosts = [host('db'), host('x', 'db'), host('y', 'db')];
  assert.deepEqual(
    failureIn(() => meant('db', hosts)),
    {
      kind: 'usage',
      message: 'Cannot tell what is meant by db: a host is called so, and x,y have this role; name hosts',
      command: 'run',
    },
  );
  assert.deepEqual(names(meant('db', [host('db', 'db'), host('x')])), ['db']);
});

test('hosts that left are meant by name or address, never by a role', () => {
  const left = [{ ...host('gone', 'worker'), connection: { kind: 'ssh', address: 'gone.example' } } as const];
  assert.deepEqual(names(meant('gone', all.hosts, left)), ['gone']);
  assert.deepEqual(names(meant('gone.example,w-1', all.hosts, left)), ['w-1', 'gone']);
  assert.deepEqual(names(meant('worker', all.hosts, left)), ['w-1', 'w-2']);
});

test('nothing typed is all tasks on all hosts', () => {
  const { wanted, tasks, graph, whole, outside } = by({});
  assert.deepEqual([wanted, tasks, graph, whole], [all.tasks, all.tasks, all.graph, all.hosts]);
  assert.equal(outside.size, 0);
});

test('--limit asks for the tasks of its hosts, does what the controller prepares, and only looks at other hosts', () => {
  const { wanted, tasks, outside, whole } = by({ limit: 'w-2' });
  assert.deepEqual(
    wanted.map(({ id }) => id),
    ['w-2/base/conf', 'w-2/join/joined', 'w-2/tool/bin', 'w-2/extra/bin'],
  );
  assert.deepEqual([...outside], ['cp-1/base/conf', 'cp-1/init/made']);
  const prepared = tasks.filter(({ host }) => host.name === 'controller').map(({ id }) => id);
  assert.deepEqual(prepared, ['controller/fetch/tool', 'controller/make/image']);
  assert.equal(tasks.length, 8);
  assert.deepEqual(names(whole), ['w-2']);
});

test('a host as a name does what its tasks need everywhere', () => {
  const { wanted, tasks, outside, whole } = by({ names: ['w-2'] });
  assert.equal(wanted.length, 4);
  assert.equal(tasks.length, 8);
  assert.deepEqual([...outside], []);
  assert.deepEqual(names(whole), ['w-2']);
});

test('names and --limit together are what both say', () => {
  assert.deepEqual(wantedBy({ names: ['tool', 'w-1'], limit: 'zone=b' }), ['w-2/tool/bin']);
  assert.deepEqual(wantedBy({ names: ['w-1/base'], limit: 'worker' }), ['w-1/base/conf']);
  assert.deepEqual(names(by({ names: ['tool'], limit: 'w-1' }).whole), []);
  assert.deepEqual(names(by({ names: ['all'], limit: 'w-1' }).whole), ['w-1']);
});

test('--skip leaves out a plugin, what is fetched for it alone, a plugin on a host, or a host', () => {
  const skipped = (skip: string) => {
    const kept = new Set(wantedBy({ skip }));
    return all.tasks.flatMap(({ id }) => (kept.has(id) ? [] : [id]));
  };
  assert.deepEqual(skipped('join'), ['w-1/join/joined', 'w-2/join/joined']);
  assert.deepEqual(skipped('w-2/join'), ['w-2/join/joined']);
  assert.deepEqual(skipped('tool,extra'), [
    'controller/fetch/tool',
    ...['cp-1/tool/bin', 'w-1/tool/bin', 'w-2/tool/bin'],
    ...['cp-1/extra/bin', 'w-1/extra/bin', 'w-2/extra/bin'],
  ]);
  assert.deepEqual(skipped('w-2'), [
    ...['w-2/base/conf', 'w-2/join/joined', 'w-2/tool/bin', 'w-2/extra/bin'],
  ]);
  assert.deepEqual(names(by({ skip: 'w-2' }).whole), ['controller', 'cp-1', 'w-1']);
});

test('--skip leaves out a host that others need: they go on where it is as declared', () => {
  const cluster = expanded({
    hosts: HOSTS,
    plugins: [
      steps('join', bare('joined', { where: { role: 'worker' } })),
      steps('proof', bare('all', { where: { firstOf: 'control-plane' }, needs: ['join/joined'] })),
    ],
  });
  const { wanted, outside, whole } = selected(cluster, { names: [], skip: 'w-2' });
  assert.deepEqual(
    wanted.map(({ id }) => id),
    ['w-1/join/joined', 'cp-1/proof/all'],
  );
  assert.deepEqual([...outside], ['w-2/join/joined']);
  assert.deepEqual(names(whole), ['controller', 'cp-1', 'w-1']);
});

test('what --skip says to leave out, too, can be left out', () => {
  const tangled = expanded({
    hosts: HOSTS.slice(0, 1),
    plugins: [
      steps('one', bare('first'), bare('last', { needs: ['two/only'] })),
      steps('two', bare('only', { needs: ['one/first'] })),
      steps('three', bare('only', { needs: ['one/last'] })),
      steps('free', bare('only')),
    ],
  });
  const message =
    'Cannot skip cp-1/two/only: cp-1/one/last needs it; to leave out all that needs it: --skip two,one,three';
  assert.deepEqual(
    failureIn(() => selected(tangled, { names: [], skip: 'two' })),
    { kind: 'usage', message },
  );
  const { wanted } = selected(tangled, { names: [], skip: 'two,one,three' });
  assert.deepEqual(
    wanted.map(({ id }) => id),
    ['cp-1/free/only'],
  );
});

test('what nothing can do without is not skipped', () => {
  const message = 'Cannot skip cp-1/base/conf: cp-1/init/made needs it; without it nothing is left to do';
  assert.deepEqual(
    failureIn(() => by({ names: ['join'], skip: 'base' })),
    { kind: 'usage', message },
  );
});

const REFUSED: readonly (readonly [Partial<Selector>, string])[] = [
  [
    { skip: 'init' },
    'Cannot skip cp-1/init/made: w-1/join/joined needs it; to leave out all that needs it: --skip init,join',
  ],
  [
    { skip: 'tool' },
    'Cannot skip cp-1/tool/bin: cp-1/extra/bin needs it; to leave out all that needs it: --skip tool,extra',
  ],
  [
    { names: ['w-2'], skip: 'cp-1/base' },
    'Cannot skip cp-1/base/conf: cp-1/init/made needs it; to leave out all that needs it: --skip base,init,join',
  ],
  [{ names: ['init'], limit: 'worker' }, 'Cannot find a task of init that is left by --limit worker'],
  [{ limit: 'w-1', skip: 'w-1' }, 'Cannot find a task of all that is left by --limit w-1 and --skip w-1'],
];

for (const [selector, message] of REFUSED)
  test(`refused: ${message}`, () => {
    assert.deepEqual(
      failureIn(() => by(selector)),
      { kind: 'usage', message },
    );
  });

test('--skip refuses an unknown name and suggests the nearest', () => {
  assert.deepEqual(
    failureIn(() => by({ skip: 'join,tol' })),
    { kind: 'unknown-name', what: 'task', name: 'tol', near: 'tool' },
  );
});

test('a host that has no task can be named', () => {
  const idle = expanded({
    hosts: [host('a', 'x'), host('b')],
    plugins: [steps('p', bare('s', { where: { role: 'x' } }))],
  });
  const { wanted, whole } = selected(idle, { names: ['b'] });
  assert.deepEqual([wanted, names(whole)], [[], ['b']]);
});

test('one host is meant by its name or address, and no role is', () => {
  const left = { ...host('gone', 'worker'), connection: { kind: 'ssh', address: 'gone.example' } } as const;
  const hosts = [...all.hosts, left];
  assert.equal(hostMeant('w-2', hosts).name, 'w-2');
  for (const word of ['gone', 'gone.example']) assert.equal(hostMeant(word, hosts), left);
  const at = (name: string, port: number) =>
    ({ ...host(name, 'worker'), connection: { kind: 'ssh', address: '192.0.2.2', port } }) as const;
  const told = (...two: Parameters<typeof hostMeant>[1]) => {
    const failure = failureIn(() => hostMeant('192.0.2.2', two));
    return failure?.kind === 'usage' && failure.message.split('; ').at(-1);
  };
  assert.equal(told(at('a', 1), at('b', 2)), 'name a host');
  assert.equal(told(at('a', 1), at('a', 2)), 'name an address');
  assert.deepEqual(
    failureIn(() => hostMeant('worker', hosts)),
    { kind: 'unknown-name', what: 'a host', name: 'worker' },
  );
});
