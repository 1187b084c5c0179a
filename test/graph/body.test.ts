/** What a plugin's own code may do wrong while a recipe is expanded: a mistake of the configuration, with its place. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { bodyOf } from '../../core/graph/body.ts';
import { type Body, capability, type PluginUse, plugin } from '../../core/model/plugin.ts';
import { noteImported } from '../../core/model/source.ts';
import * as v from '../../core/model/vocabulary.ts';
import { bare, expanded, failureIn, host, part } from './recipes.ts';

const HERE = fileURLToPath(import.meta.url);
noteImported(HERE);

function problemOf(...plugins: readonly PluginUse[]) {
  const failure = failureIn(() => expanded({ plugins }));
  assert.ok(failure.kind === 'config-invalid');
  return failure.problems;
}

test('build that throws is a mistake of the configuration, with file and line', () => {
  const [problem, ...more] = problemOf(
    part('bad', () => {
      throw new RangeError('no'); // thrown here
    }),
  );
  assert.deepEqual([problem?.path, more], ['bad', []]);
  assert.equal(problem?.message, 'its build failed: RangeError: no');
  assert.equal(problem?.at?.file, HERE);
  assert.equal(problem?.at?.source?.trim(), "throw new RangeError('no'); // thrown here");
});

test('check of options that throws is one too', () => {
  const checking = v.pipe(
    v.string(),
    v.check((): boolean => {
      throw 'text';
    }, 'x'),
  );
  const bad = plugin({
    name: 'bad',
    help: 'x',
    options: v.strictObject({ a: checking }),
    build: () => ({ steps: [] }),
  });
  assert.deepEqual(problemOf(bad({ a: '' })), [
    { path: 'bad', message: 'checking its options failed: threw "text"' },
  ]);
});

test('capability that is promised and not there is a mistake of its plugin', () => {
  const power = capability<number>('power');
  const promised = part('promises', () => ({ steps: [] }), { provides: [power] });
  const user = part('user', ({ use }) => ({ steps: [bare(`s${use(power)}`)] }));
  const message = 'says that it provides "power", and does not';
  assert.deepEqual(problemOf(promised, user), [{ path: 'promises', message }]);
});

const PLACES = 'expected hosts, controller, { role }, { firstOf } or { butFirstOf }';
const TIMEOUT = 'timeout: expected a number of seconds above 0, and at most 2147483';
const SETTLES = 'settles: expected a number of seconds, 0 or more, and at most 2147483';

/** Fields of a step, what is none, and what is said of it. */
const FIELDS: readonly (readonly [string, unknown, string])[] = [
  ['where', 'zzz', `where: ${PLACES}, found "zzz"`],
  ['where', {}, `where: ${PLACES}, found an object`],
  ['where', { role: 5 }, `where: ${PLACES}, found an object`],
  ['needs', [5], 'needs[0]: expected a name, found 5'],
  ['locks', 5, 'locks: expected a list of names, found 5'],
  ['locks', new Array(1), 'locks[0]: expected a name, found nothing'],
  ['claims', 'x', 'claims: expected a list of paths and units, found "x"'],
  ['artifacts', [{}], 'artifacts[0].name: expected a name, found nothing'],
  [
    'artifacts',
    [{ name: 'a', source: { kind: 'x' } }],
    'artifacts[0].source.kind: expected url, git, deb, deb-source, debs, built, found "x"',
  ],
  [
    'artifacts',
    [{ name: 'a', source: { kind: 'url' } }],
    'artifacts[0].source.url: expected an address, found nothing',
  ],
  ['timeout', Number.NaN, `${TIMEOUT}, found NaN`],
  ['timeout', 0, `${TIMEOUT}, found 0`],
  ['timeout', 1e9, `${TIMEOUT}, found 1000000000`],
  ['settles', -1, `${SETTLES}, found -1`],
  ['settles', '5', `${SETTLES}, found "5"`],
  ['first', 'no', 'first: expected true or false, found "no"'],
  ['root', Symbol('x'), 'root: expected true or false, found a symbol'],
  ['check', 7n, 'check: expected true or false, found 7n'],
  ['undo', null, 'undo: expected a function, found null'],
  ['leaves', [], 'leaves: expected a function, found a list'],
];

const BODIES: readonly (readonly [unknown, string])[] = [
  [undefined, 'its build answered no body: expected an object with steps, found nothing'],
  [null, 'its build answered no body: expected an object with steps, found null'],
  [{ steps: 'x' }, 'its build answered steps: expected a list of steps, found "x"'],
  [{ steps: new Array(2) }, 'its build answered steps[0]: expected a step, found nothing'],
  [(async () => ({ steps: [] }))(), 'its build answered a promise: it must not be async'],
  [{ steps: [{}] }, 'its build answered steps[0].name: expected a name, found nothing'],
  [{ steps: [{ name: 'a', plan: () => [] }] }, 'its step "a": probe: expected a function, found nothing'],
  [{ steps: [], hosts: 5 }, 'its build answered hosts: expected a list of hosts, found 5'],
  [
    { steps: [], hosts: [{ ...host('a'), connection: { kind: 'sh' } }] },
    'its build answered hosts[0].connection.kind: expected ("local" | "ssh"), found "sh"',
  ],
  [{ steps: [], needs: 5 }, 'its build answered needs: expected a list of names, found 5'],
  [
    { steps: [], provides: [5] },
    'its build answered provides[0]: expected what a capability answers by of(), found 5',
  ],
  [{ steps: [], offers: {} }, 'its build answered offers: expected a list of commands, found an object'],
  [
    { steps: [], offers: [{ name: 'x', does: 'y', on: 5, argv: () => [] }] },
    "its build answered offers[0].on: expected a host's name or { firstOf }, found 5",
  ],
  [
    { steps: [], offers: [{ name: 'x', does: 'y', on: 'n' }] },
    'its build answered offers[0].argv: expected a function, found nothing',
  ],
  ...FIELDS.map(
    ([field, value, fault]) =>
      [{ steps: [{ ...bare('a'), [field]: value }] }, `its step "a": ${fault}`] as const,
  ),
  [
    { steps: [{ name: 'a', probe: async () => null }] },
    'its step "a": plan: expected a function, found nothing',
  ],
  [{ steps: [bare('a', { inputs: Number.NaN })] }, 'its step "a": inputs is NaN'],
];

for (const [body, fault] of BODIES) {
  test(`no body: ${fault}`, () => {
    assert.deepEqual(problemOf(part('bad', () => body as Body)), [{ path: 'bad', message: fault }]);
  });
}

test('body of steps with inputs that are JSON, or without any, is one', () => {
  const { steps } = bodyOf({ steps: [bare('a'), bare('b', { inputs: { x: undefined, y: [1] } })] });
  assert.deepEqual(
    steps.map(({ name, inputs }) => [name, inputs]),
    [
      ['a', undefined],
      ['b', { x: undefined, y: [1] }],
    ],
  );
});

const thrower = () => {
  throw new RangeError('no');
};

for (const [what, body] of [
  [
    'steps',
    {
      get steps() {
        return thrower();
      },
    },
  ],
  [
    'hosts',
    {
      steps: [],
      get hosts() {
        return thrower();
      },
    },
  ],
  ['a step', { steps: [new Proxy({}, { get: thrower })] }],
  ['itself', new Proxy({}, { get: thrower })],
] as const)
  test(`answer of build that throws when ${what} is read is a mistake of its plugin`, () => {
    const [problem] = problemOf(part('bad', () => body as unknown as Body));
    assert.deepEqual([problem?.path, problem?.message], ['bad', 'its build failed: RangeError: no']);
  });

test('build that throws what cannot be looked at is a mistake of its plugin', () => {
  const build = () => {
    throw new Proxy({}, { getPrototypeOf: thrower });
  };
  assert.deepEqual(problemOf(part('bad', build)), [
    { path: 'bad', message: 'its build failed: threw something that cannot be shown' },
  ]);
});

test('methods of a step keep the object that they are of', () => {
  class Own {
    readonly name = 'a';
    readonly #facts = 7;
    async probe() {
      return this.#facts;
    }
    plan() {
      return [];
    }
  }
  const { steps } = bodyOf({ steps: [new Own()] });
  return assert.doesNotReject(steps[0]!.probe(undefined as never));
});

test('unfit and declares that answer no list are mistakes of their plugin', () => {
  const unfit = part('bad', () => ({ steps: [bare('a')], unfit: () => 5 }) as unknown as Body);
  assert.deepEqual(
    failureIn(() => expanded({ plugins: [unfit], hosts: [host('n')] })),
    {
      kind: 'config-invalid',
      file: '/site/cc.config.ts',
      problems: [{ path: 'bad', message: 'what its unfit answered: expected a list of mistakes, found 5' }],
    },
  );
  const power = capability<number>('power');
  const bad = part('bad', () => ({ steps: [] }), { provides: [power] });
  const declaring = { ...bad, spec: { ...bad.spec, declares: (): never => Promise.resolve([]) as never } };
  const user = part('user', ({ use }) => ({ steps: [bare(`s${use(power)}`)] }));
  assert.deepEqual(problemOf(declaring, user), [
    {
      path: 'bad',
      message:
        'what its declares answered: expected a list of what a capability answers by of(), found a promise',
    },
  ]);
});
