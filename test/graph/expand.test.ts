/** From a recipe to its tasks: on which hosts steps stand, and what they wait for. */
import assert from 'node:assert/strict';
import test from 'node:test';
import type { Artifact } from '../../core/model/artifact.ts';
import { type Context, capability, plugin } from '../../core/model/plugin.ts';
import type { Where } from '../../core/model/step.ts';
import * as v from '../../core/model/vocabulary.ts';
import { bare, EXPAND_CONTEXT, expanded, host, needsOf, part, steps } from './recipes.ts';

const HOSTS = [host('n1', 'worker', 'gpu'), host('n2', 'worker'), host('n3', 'control')];
const url = (name: string): Artifact => ({ name, source: { kind: 'url', url: `https://x.org/${name}` } });

const PLACES: readonly (readonly [string, Where, readonly string[]])[] = [
  ['every host but the controller', 'hosts', ['n1/p/s', 'n2/p/s', 'n3/p/s']],
  ['the controller', 'controller', ['controller/p/s']],
  ['every host of a role', { role: 'worker' }, ['n1/p/s', 'n2/p/s']],
  ['the first host of a role', { firstOf: 'worker' }, ['n1/p/s']],
  ['every host but the first of a role', { butFirstOf: 'worker' }, ['n2/p/s', 'n3/p/s']],
];

for (const [what, where, ids] of PLACES) {
  test(`a step stands on ${what}`, () => {
    const { tasks } = expanded({ hosts: HOSTS, plugins: [steps('p', bare('s', { where }))] });
    assert.deepEqual(
      tasks.map(({ id }) => id),
      ids,
    );
  });
}

test('a step for all but the first host of a role may have no host, and nothing waits for it', () => {
  const all = [bare('rest', { where: { butFirstOf: 'worker' } }), bare('last')];
  assert.deepEqual(needsOf(expanded({ hosts: [host('n1', 'worker')], plugins: [steps('p', ...all)] })), {
    'n1/p/last': [],
  });
});

test('a step stands on every host when it does not say where', () => {
  const { tasks } = expanded({ hosts: HOSTS, plugins: [steps('p', bare('s'))] });
  assert.deepEqual(
    tasks.map((task) => task.host.name),
    HOSTS.map(({ name }) => name),
  );
});

test('the controller is a host of its own, with the processor cc runs on', () => {
  const { hosts } = expanded({ hosts: [host('n1')], plugins: [steps('p', bare('s'))] });
  assert.deepEqual(hosts, [
    { name: 'controller', roles: [], connection: { kind: 'local' }, arch: 'amd64' },
    { ...host('n1'), arch: 'amd64' },
  ]);
});

test('a step waits for the one before it, on its own host', () => {
  const recipe = { hosts: [host('a'), host('b')], plugins: [steps('p', bare('one'), bare('two'))] };
  assert.deepEqual(needsOf(expanded(recipe)), {
    'a/p/one': [],
    'b/p/one': [],
    'a/p/two': ['a/p/one'],
    'b/p/two': ['b/p/one'],
  });
});

test('needs replace the step before, and no need at all is one way', () => {
  const all = [bare('one'), bare('two'), bare('three', { needs: ['p/one'] }), bare('four', { needs: [] })];
  assert.deepEqual(needsOf(expanded({ hosts: [host('a')], plugins: [steps('p', ...all)] })), {
    'a/p/one': [],
    'a/p/two': ['a/p/one'],
    'a/p/three': ['a/p/one'],
    'a/p/four': [],
  });
});

test('what a plugin needs, its first step waits for', () => {
  const upper = part('upper', () => ({ needs: ['lower'], steps: [bare('one'), bare('two')] }));
  assert.deepEqual(
    needsOf(expanded({ hosts: [host('a')], plugins: [upper, steps('lower', bare('x'), bare('y'))] })),
    {
      'a/upper/one': ['a/lower/x', 'a/lower/y'],
      'a/upper/two': ['a/upper/one'],
      'a/lower/x': [],
      'a/lower/y': ['a/lower/x'],
    },
  );
});

test('a need is met on the same host where it stands there, else wherever it stands', () => {
  const lower = steps('lower', bare('base'), bare('gpu', { where: { role: 'gpu' }, needs: [] }));
  const upper = steps('upper', bare('s', { needs: ['lower/base', 'lower/gpu'] }));
  const above = steps('above', bare('s', { where: 'controller', needs: ['lower'] }));
  const {
    'n1/upper/s': one,
    'n2/upper/s': two,
    'controller/above/s': all,
  } = needsOf(expanded({ hosts: HOSTS, plugins: [lower, upper, above] }));
  assert.deepEqual(one, ['n1/lower/base', 'n1/lower/gpu']);
  assert.deepEqual(two, ['n2/lower/base', 'n1/lower/gpu']);
  assert.deepEqual(all, ['n1/lower/base', 'n2/lower/base', 'n3/lower/base', 'n1/lower/gpu']);
});

test('a need that is named twice is one need', () => {
  const recipe = {
    hosts: [host('a')],
    plugins: [steps('p', bare('x'), bare('y', { needs: ['p/x', 'p/x'] }))],
  };
  assert.deepEqual(needsOf(expanded(recipe))['a/p/y'], ['a/p/x']);
});

const cri = capability<{ readonly socket: string }>('cri');

test('a first step is waited for by all else on its host, whatever else that needs', () => {
  const first = steps('guard', bare('look', { first: true }), bare('after'));
  const all = [bare('one', { needs: [] }), bare('two', { where: { role: 'worker' } })];
  const recipe = { hosts: [host('a', 'worker'), host('b')], plugins: [steps('p', ...all), first] };
  assert.deepEqual(needsOf(expanded(recipe)), {
    'a/p/one': ['a/guard/look'],
    'b/p/one': ['b/guard/look'],
    'a/p/two': ['a/guard/look', 'a/p/one'],
    'a/guard/look': [],
    'b/guard/look': [],
    'a/guard/after': ['a/guard/look'],
    'b/guard/after': ['b/guard/look'],
  });
});

test('a capability is a value to build with, and a name to wait for', () => {
  const seen: (string | undefined)[] = [];
  const kubeadm = part('kubeadm', ({ use, find }) => {
    seen.push(use(cri).socket, find(cri)?.socket, find(capability<string>('network')));
    return { needs: ['cri'], steps: [bare('init')] };
  });
  const crio = part('crio', () => ({ steps: [bare('unit')], provides: [cri.of({ socket: '/run/crio' })] }), {
    provides: [cri],
  });
  // The one that uses stands before the one that provides.
  const all = expanded({ hosts: [host('a')], plugins: [kubeadm, crio] });
  assert.deepEqual(seen, ['/run/crio', '/run/crio', undefined]);
  assert.deepEqual(needsOf(all), { 'a/kubeadm/init': ['a/crio/unit'], 'a/crio/unit': [] });
});

test('a plugin is built once, however often it is used', () => {
  let count = 0;
  const provider = part(
    'crio',
    () => {
      count += 1;
      return { steps: [], provides: [cri.of({ socket: '/s' })] };
    },
    { provides: [cri] },
  );
  const user = (name: string) => part(name, ({ use }) => ({ steps: [bare(use(cri).socket.slice(1))] }));
  const { tasks } = expanded({ hosts: [host('a')], plugins: [user('x'), provider, user('y')] });
  assert.equal(count, 1);
  assert.deepEqual(
    tasks.map(({ id }) => id),
    ['a/x/s', 'a/y/s'],
  );
});

test('what a plugin declares by its options may be used by those on which it builds', () => {
  const net = capability<string>('net');
  const seen: unknown[] = [];
  const runtime = part(
    'runtime',
    ({ find }) => {
      seen.push(find(net));
      return { steps: [], provides: [cri.of({ socket: '/s' })] };
    },
    { provides: [cri] },
  );
  const upper = plugin({
    name: 'upper',
    help: '',
    options: v.strictObject({ subnet: v.optional(v.string(), '10.96.0.0/12') }),
    provides: [net],
    declares: ({ subnet }) => [net.of(subnet)],
    build: (_, { use }) => {
      seen.push(use(cri).socket);
      return { steps: [] };
    },
  });
  expanded({ plugins: [upper({ subnet: '10.1.0.0/16' }), runtime] });
  assert.deepEqual(seen, ['10.1.0.0/16', '/s']);
});

test('each artifact from elsewhere is fetched once, on the controller, with no needs', () => {
  const p = steps(
    'p',
    bare('s', { artifacts: [url('ball'), url('bat')] }),
    bare('t', { artifacts: [url('ball')] }),
  );
  assert.deepEqual(needsOf(expanded({ hosts: [host('a')], plugins: [p] })), {
    'controller/fetch/ball': [],
    'controller/fetch/bat': [],
    'a/p/s': ['controller/fetch/ball', 'controller/fetch/bat'],
    'a/p/t': ['a/p/s', 'controller/fetch/ball'],
  });
});

test('a fetch waits for what its artifact needs', () => {
  const p = steps('p', bare('s', { artifacts: [{ ...url('ball'), needs: ['net/up'] }] }));
  const net = steps('net', bare('up', { where: 'controller' }));
  const all = needsOf(expanded({ hosts: [host('a')], plugins: [p, net] }));
  assert.deepEqual(all['controller/fetch/ball'], ['controller/net/up']);
});

test('a built artifact needs its maker and is not fetched', () => {
  const made: Artifact = { name: 'kubelet', source: { kind: 'built', by: 'go/make', path: '/o/kubelet' } };
  const go = steps('go', bare('make', { where: 'controller' }));
  assert.deepEqual(
    needsOf(expanded({ hosts: [host('a')], plugins: [steps('p', bare('s', { artifacts: [made] })), go] })),
    { 'a/p/s': ['controller/go/make'], 'controller/go/make': [] },
  );
});

test('a host that a plugin makes takes tasks, and each of them needs its maker', () => {
  const machine = part('machine', () => ({
    steps: [bare('boot', { where: 'controller' })],
    hosts: [{ ...host('vm'), madeBy: 'machine/boot' }],
  }));
  const all = expanded({ plugins: [machine, steps('p', bare('s'))] });
  assert.deepEqual(needsOf(all), { 'controller/machine/boot': [], 'vm/p/s': ['controller/machine/boot'] });
  assert.deepEqual(
    all.hosts.map(({ name }) => name),
    ['controller', 'vm'],
  );
});

test('a plugin is given its options with defaults, and what cc knows', () => {
  const seen: unknown[] = [];
  const p = plugin({
    name: 'p',
    help: '',
    options: v.strictObject({ a: v.string(), b: v.optional(v.number(), 7) }),
    build: (options, { arch, controllerArch, hosts, proxy, cache, state, recipe }: Context) => {
      seen.push(options, { arch, controllerArch, hosts, proxy, cache, state, recipe });
      return { steps: [] };
    },
  });
  expanded({
    name: 'site',
    isolation: 'vm',
    hosts: [host('n1')],
    proxy: { http: 'http://p:1' },
    plugins: [p({ a: 'x' })],
  });
  const { arch, cache, state } = EXPAND_CONTEXT;
  assert.deepEqual(seen, [
    { a: 'x', b: 7 },
    {
      arch,
      controllerArch: arch,
      hosts: [host('n1')],
      proxy: { http: 'http://p:1', no: ['localhost', '127.0.0.1', '::1', 'n1'] },
      cache,
      state,
      recipe: { name: 'site', isolation: 'vm', key: 'site', owner: 'site' },
    },
  ]);
});

test('tasks carry the epoch of their plugin, 1 unless it says otherwise', () => {
  const all = expanded({
    hosts: [host('a')],
    plugins: [steps('one', bare('s')), part('two', () => ({ steps: [bare('s')] }), { epoch: 5 })],
  });
  assert.deepEqual(
    all.tasks.map(({ plugin, epoch }) => [plugin, epoch]),
    [
      ['one', 1],
      ['two', 5],
    ],
  );
});

test('plugins that take everything back are named', () => {
  const cleanup = part('cleanup', () => ({ steps: [] }), { isCleanup: true });
  const all = expanded({ name: 'r', concurrency: 3, plugins: [cleanup, steps('p')] });
  assert.deepEqual([all.name, all.concurrency, all.cleanups], ['r', 3, ['cleanup']]);
});

test('equal recipes give equal tasks', () => {
  const make = () =>
    expanded({ hosts: HOSTS, plugins: [steps('p', bare('s', { artifacts: [url('a')] }), bare('t'))] });
  assert.deepEqual(needsOf(make()), needsOf(make()));
});
