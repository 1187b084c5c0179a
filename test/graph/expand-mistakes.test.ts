/** What a recipe can get wrong, and that all of it is reported at once. */
import assert from 'node:assert/strict';
import test from 'node:test';
import type { Artifact } from '../../core/model/artifact.ts';
import type { Problem } from '../../core/model/failure.ts';
import { capability, type PluginUse, plugin } from '../../core/model/plugin.ts';
import type { Recipe } from '../../core/model/recipe.ts';
import * as v from '../../core/model/vocabulary.ts';
import { bare, expanded, failureIn, host, part, steps } from './recipes.ts';

const FILE = '/site/cc.config.ts';
const misnamed = (name: string) =>
  `expected at most 64 letters, digits, ".", "_" and "-", with a letter or a digit first and last, found "${name}"`;

/** Fails with exactly these problems. */
function refused(recipe: Recipe, ...problems: readonly Problem[]): void {
  const failure = failureIn(() => expanded({ hosts: [host('a'), host('b')], ...recipe }));
  assert.deepEqual(failure, { kind: 'config-invalid', file: FILE, problems });
}

const runc = plugin({
  name: 'runc',
  help: '',
  options: v.strictObject({ version: v.string(), bin: v.optional(v.string()), port: v.optional(v.number()) }),
  build: () => ({ steps: [bare('bin')] }),
}) as unknown as (given: Readonly<Record<string, unknown>>) => PluginUse; // what types would refuse

test('every mistake in every option is reported, and names that are not there', () => {
  refused(
    {
      plugins: [runc({ versoin: '1', port: 'x' })],
      without: ['zzzzzzzz'],
      options: { rucn: {} },
    },
    { path: 'without.zzzzzzzz', message: 'the recipe has no such plugin' },
    { path: 'options.rucn', message: 'the recipe has no such plugin', near: 'runc' },
    { path: 'runc.versoin', message: 'is not known', near: 'version', known: ['version', 'bin', 'port'] },
    { path: 'runc.version', message: 'expected "version", it is missing' },
    { path: 'runc.port', message: 'expected number, found "x"' },
  );
});

test('an option that is like no other gets no suggestion', () => {
  refused(
    { plugins: [runc({ version: '1', zzzzzzzz: 1 })] },
    { path: 'runc.zzzzzzzz', message: 'is not known', known: ['version', 'bin', 'port'] },
  );
});

test('options from a layer above are checked like those given first', () => {
  refused(
    { plugins: [runc({ version: '1' })], options: { runc: { version: 2 } } },
    { path: 'runc.version', message: 'expected string, found 2' },
  );
});

test('two hosts at one address are one machine under two names', () => {
  const at = (name: string, address: string, port?: number) => ({
    ...{ name, roles: [] },
    connection: { kind: 'ssh', address, ...(port === undefined ? {} : { port }) } as const,
  });
  const hosts = [
    at('a', '192.0.2.1'),
    at('b', '192.0.2.2'),
    at('c', '192.0.2.1', 22),
    at('d', '192.0.2.1', 2222),
    at('e', 'E.example'),
    at('f', 'e.example'),
    { ...at('g', 'g.example'), address: '10.0.0.1' },
    { ...at('h', 'h.example'), address: '10.0.0.1' },
  ];
  refused(
    { hosts, plugins: [steps('p', bare('x'))] },
    { path: 'hosts.c', message: 'has the address of a already' },
    { path: 'hosts.f', message: 'has the address of e already' },
    { path: 'hosts.h', message: 'has the address of g already' },
  );
});

test('what a plugin says of the hosts is a mistake of the recipe, made hosts included, the controller not', () => {
  const maker = part('maker', () => ({
    steps: [bare('make', { where: 'controller' })],
    hosts: [host('made')],
  }));
  const judge = part('judge', () => ({
    steps: [bare('x')],
    unfit: (hosts) => [{ path: 'hosts', message: hosts.map(({ name }) => name).join(' ') }],
  }));
  refused({ hosts: [host('a')], plugins: [judge, maker] }, { path: 'hosts', message: 'a made' });
});

test('every mistake in every step is reported', () => {
  refused(
    {
      plugins: [
        steps('p', bare('x'), bare('x'), bare('a b'), bare('__proto__')),
        steps('q', bare('s', { needs: ['zzzzzzzz'] })),
      ],
    },
    { path: 'p/x', message: 'is the name of another step already' },
    { path: 'p/a b', message: misnamed('a b') },
    { path: 'p/__proto__', message: misnamed('__proto__') },
    { path: 'q/s', message: 'needs "zzzzzzzz", which the recipe does not have' },
  );
});

test('a recipe without hosts is one mistake, with what to write', () => {
  const [p, q] = [steps('p', bare('s'), bare('t')), steps('q', bare('u', { where: { role: 'plane' } }))];
  refused(
    { hosts: [], plugins: [p, q] },
    {
      path: 'hosts',
      message: 'the recipe has none, and 3 steps are for hosts',
      hint: "hosts: [{ name: 'node-1', roles: ['plane'], connection: { kind: 'ssh', address: '192.0.2.11' } }]",
    },
  );
  expanded({ hosts: [], plugins: [steps('r', bare('s', { where: 'controller' }))] });
});

const plane = steps(
  'p',
  ...['a', 'b', 'c'].map((name) => bare(name, { where: { role: 'control-plane' } })),
  bare('d', { where: { firstOf: 'control-plane' } }),
);

test('a role that no host has is one mistake, with what the hosts have instead', () => {
  refused(
    { hosts: [host('a', 'gpu'), host('b', 'gpu', 'disk')], plugins: [plane] },
    {
      path: 'hosts',
      message:
        'none has the role "control-plane", and 4 steps are for it (p/a, p/b, p/c, …); its hosts have "gpu", "disk"',
      hint: "roles: ['control-plane'] at the host that is meant",
    },
  );
});

test('a step for a role that no host has is a mistake where no host has any', () => {
  refused(
    { plugins: [steps('q', bare('s', { where: { firstOf: 'gpu' } }))] },
    {
      path: 'hosts',
      message: 'none has the role "gpu", and 1 step is for it (q/s); its hosts have no roles',
      hint: "roles: ['gpu'] at the host that is meant",
    },
  );
});

test('a mistyped role is one mistake with the role that was meant, beside one that is right, too', () => {
  const mistake = {
    path: 'hosts.a',
    message: 'has the role "contol-plane", which no step is for',
    near: 'control-plane',
  };
  refused({ hosts: [host('a', 'contol-plane')], plugins: [plane] }, mistake);
  refused({ hosts: [host('a', 'contol-plane'), host('b', 'control-plane')], plugins: [plane] }, mistake);
});

test('a role that no step is for may be for another recipe', () => {
  const two = expanded({ hosts: [host('a', 'control-plane', 'gpu'), host('b', 'worker')], plugins: [plane] });
  const one = expanded({ hosts: [host('a', 'control-plane')], plugins: [plane] });
  assert.deepEqual(
    two.tasks.map(({ id }) => id),
    one.tasks.map(({ id }) => id),
  );
});

test('a recipe without plugins is refused, for there is nothing to do', () => {
  const message = 'the recipe has none: nothing to do';
  const hint = "plugins: [...], or extends: 'lab'";
  refused({}, { path: 'plugins', message, hint });
  refused({ plugins: [plane], without: ['p'] }, { path: 'plugins', message, hint });
});

test('what one layer says twice is refused, and what an upper one says anew is not', () => {
  const q = steps('q', bare('s'));
  refused(
    { hosts: [host('a'), host('a'), host('b'), host('a')], plugins: [q, q] },
    { path: 'hosts.a', message: 'is the name of another host already' },
    { path: 'q', message: 'is used twice in one recipe; give it all its options at once' },
  );
  expanded({ hosts: [host('a')], plugins: [q] }, { hosts: [host('a')], plugins: [q] });
});

test('a need that is not there is reported with the nearest name', () => {
  const controller = { where: 'controller' } as const;
  refused(
    {
      plugins: [
        steps('runc', bare('bin', controller)),
        steps('p', bare('s', { ...controller, needs: ['rucn', 'runc/bni', 'zzzzzzzz'] })),
      ],
    },
    { path: 'p/s', message: 'needs "rucn", which the recipe does not have', near: 'runc' },
    { path: 'p/s', message: 'needs "runc/bni", which the recipe does not have', near: 'runc/bin' },
    { path: 'p/s', message: 'needs "zzzzzzzz", which the recipe does not have' },
  );
});

test('a need that is not there is one mistake, on however many hosts', () => {
  refused(
    { plugins: [steps('p', bare('s', { needs: ['zzzzzzzz'] }))] },
    { path: 'p/s', message: 'needs "zzzzzzzz", which the recipe does not have' },
  );
});

test('names of Object.prototype are no needs', () => {
  const p = steps('p', bare('s', { where: 'controller', needs: ['constructor', '__proto__'] }));
  refused(
    { plugins: [p] },
    { path: 'p/s', message: 'needs "constructor", which the recipe does not have' },
    { path: 'p/s', message: 'needs "__proto__", which the recipe does not have' },
  );
});

test('a maker of an artifact that is not there is reported', () => {
  const artifact: Artifact = { name: 'x', source: { kind: 'built', by: 'go/mkae', path: '/x' } };
  refused(
    {
      plugins: [
        steps('go', bare('make', { where: 'controller' })),
        steps('p', bare('s', { where: 'controller', artifacts: [artifact] })),
      ],
    },
    { path: 'p/s', message: 'needs "go/mkae", which the recipe does not have', near: 'go/make' },
  );
});

const ball = (url: string): Artifact => ({ name: 'ball', source: { kind: 'url', url } });
const conflict = {
  path: 'fetch/ball',
  message: 'two artifacts of this name come from different places',
};

test('two artifacts of one name from different places are refused', () => {
  const artifacts = [ball('https://a'), ball('https://a'), ball('https://b')];
  refused({ plugins: [steps('p', bare('s', { where: 'controller', artifacts }))] }, conflict);
});

test('two artifacts of one name are one mistake, on however many hosts', () => {
  const artifacts = [ball('https://a'), ball('https://b')];
  refused({ plugins: [steps('p', bare('s', { artifacts }))] }, conflict);
});

test('an address with a user name or password in it is refused, but for the user name of ssh', () => {
  const artifacts: readonly Artifact[] = [
    { name: 'a', source: { kind: 'url', url: 'https://me:pw@a', sums: 'https://me@a' } },
    {
      name: 'signed',
      source: {
        ...{ kind: 'url', url: 'https://a', sums: { url: 'https://a', signature: 'https://me@a' } },
        sigstore: { identity: 'i', issuer: 'i', files: { bundle: 'https://me@a' } },
      },
    },
    { name: 'b', source: { kind: 'git', repository: 'ssh://git:pw@b', commit: 'c' } },
    { name: 'c', source: { kind: 'git', repository: 'ssh://git@c', commit: 'c' } },
    { name: 'd', source: { kind: 'git', repository: 'git@d:e', commit: 'c' } },
  ];
  const of = (name: string, field: string) => ({
    path: `fetch/${name}`,
    message: `its ${field} has a user name or password in it, which only mirrors and proxies may have`,
  });
  refused(
    { plugins: [steps('p', bare('s', { artifacts }))] },
    of('a', 'url'),
    of('a', 'sums'),
    of('signed', 'sums'),
    of('signed', 'sigstore'),
    of('b', 'repository'),
  );
});

test('an option that a plugin refuses is a mistake of the recipe', () => {
  refused(
    { plugins: [part('crio', ({ refuse }) => refuse('settings.x', 'is not known to version 1.9'))] },
    { path: 'crio.settings.x', message: 'is not known to version 1.9' },
  );
});

test('a capability that no plugin provides is refused', () => {
  refused(
    { plugins: [part('kubeadm', ({ use }) => ({ steps: [bare(use(capability<string>('cri')))] }))] },
    { path: 'kubeadm', message: 'needs a plugin that provides "cri", and the recipe has none' },
  );
});

test('plugins that build on each other are refused with the path', () => {
  const [a, b] = [capability<string>('a'), capability<string>('b')];
  const one = part('one', ({ use }) => ({ steps: [], provides: [a.of(use(b))] }), { provides: [a] });
  const two = part('two', ({ use }) => ({ steps: [], provides: [b.of(use(a))] }), { provides: [b] });
  const before = part('before', ({ use }) => ({ steps: [bare(use(a))] }));
  assert.deepEqual(
    failureIn(() => expanded({ plugins: [before, one, two] })),
    {
      kind: 'cycle',
      path: ['one', 'two', 'one'],
    },
  );
});

const s = steps('p', bare('s', { where: 'controller' }));
const odd: Artifact = { name: 'a/b', source: { kind: 'url', url: 'https://a' } };

const NAMES: readonly (readonly [string, Recipe, Problem])[] = [
  ['a host', { hosts: [host('a b')], plugins: [s] }, { path: 'hosts.a b', message: misnamed('a b') }],
  ['a plugin', { plugins: [steps('a b', bare('s'))] }, { path: 'a b', message: misnamed('a b') }],
];

for (const [what, recipe, problem] of NAMES) {
  test(`${what} with a name that is none is refused`, () => refused(recipe, problem));
}

test('an artifact with a name that is none is refused', () => {
  refused(
    { plugins: [steps('p', bare('s', { where: 'controller', artifacts: [odd] }))] },
    { path: 'fetch/a/b', message: misnamed('a/b') },
  );
});

test('two hosts of one name are refused, and the controller has its name already', () => {
  const message = 'is the name of another host already';
  refused({ hosts: [host('controller')], plugins: [s] }, { path: 'hosts.controller', message });
  const machine = part('machine', () => ({ steps: [], hosts: [host('a')] }));
  refused({ plugins: [machine, s] }, { path: 'hosts.a', message });
});

test('words that commands and tasks use are no names of plugins', () => {
  const message = 'is a word of cc itself';
  refused({ plugins: [steps('all'), steps('fetch')] }, { path: 'all', message }, { path: 'fetch', message });
});

test('two plugins that provide the same are refused', () => {
  const cri = capability<string>('cri');
  const provider = (name: string) =>
    part(name, () => ({ steps: [], provides: [cri.of(name)] }), { provides: [cri] });
  refused(
    { plugins: [provider('crio'), provider('containerd')] },
    { path: 'containerd', message: 'provides "cri", which crio provides already' },
  );
});

test('tasks that need each other are refused with the path', () => {
  const p = steps(
    'p',
    bare('a', { where: 'controller', needs: ['p/b'] }),
    bare('b', { where: 'controller' }),
  );
  assert.deepEqual(
    failureIn(() => expanded({ plugins: [p] })),
    {
      kind: 'cycle',
      path: ['controller/p/a', 'controller/p/b', 'controller/p/a'],
    },
  );
});
