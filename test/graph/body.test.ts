/** What a plugin's own code may do wrong while a recipe is expanded: a mistake of the configuration, with its place. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { bodyFault } from '../../core/graph/body.ts';
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

const BODIES: readonly (readonly [unknown, string])[] = [
  [undefined, 'its build answered no list of steps'],
  [{ steps: 'x' }, 'its build answered no list of steps'],
  [(async () => ({ steps: [] }))(), 'its build answered a promise: it must not be async'],
  [{ steps: [undefined] }, 'its step [0] has no name'],
  [{ steps: [{ name: 'a', plan: () => [] }] }, 'its step "a" has no probe'],
  [{ steps: [], hosts: 5 }, 'its build answered no list of hosts'],
  [
    { steps: [], hosts: [{ ...host('a'), connection: { kind: 'sh' } }] },
    'its build answered a host that is none: host.connection.kind: expected ("local" | "ssh"), found "sh"',
  ],
  [{ steps: [], needs: 5 }, 'its build answered needs that are no list of names'],
  [{ steps: [], provides: [5] }, 'its build answered what it provides in no list of capabilities'],
  ...(['zzz', 5, {}, { role: 5 }] as readonly unknown[]).map(
    (where) =>
      [
        { steps: [{ ...bare('a'), where }] },
        'its step "a" has a place that is none: expected hosts, controller, { role } or { firstOf }',
      ] as const,
  ),
  [{ steps: [{ ...bare('a'), needs: [5] }] }, 'its step "a" has needs that are no list of names'],
  [{ steps: [{ ...bare('a'), artifacts: [{}] }] }, 'its step "a" has artifacts that are no list of such'],
  [{ steps: [{ name: 'a', probe: async () => null }] }, 'its step "a" has no plan'],
  [{ steps: [bare('a', { inputs: Number.NaN })] }, 'its step "a" has inputs that are no JSON: inputs is NaN'],
];

for (const [body, fault] of BODIES) {
  test(`no body: ${fault}`, () => {
    assert.equal(bodyFault(body), fault);
    assert.deepEqual(problemOf(part('bad', () => body as Body)), [{ path: 'bad', message: fault }]);
  });
}

test('body of steps with inputs that are JSON, or without any, is one', () => {
  assert.equal(bodyFault({ steps: [bare('a'), bare('b', { inputs: { x: undefined, y: [1] } })] }), undefined);
});
