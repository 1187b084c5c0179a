/** The table of decisions, and the differences that a "why" is made of. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Change } from '../../core/model/change.ts';
import { taskId } from '../../core/model/task.ts';
import { compare, type Decision, decide, lastOf } from '../../core/run/decide.ts';
import { FORMAT, type Manifest, type Stamp } from '../../core/store/stamp.ts';

const FACTS = { seen: true };
const NOW: Manifest = { inputs: { version: '1.2' } };
const BEFORE: Manifest = { inputs: { version: '1.1' } };
const CHANGES: readonly Change[] = [
  { kind: 'remove', path: '/a', why: 'a is there' },
  { kind: 'remove', path: '/b', why: 'b is there' },
  { kind: 'remove', path: '/c', why: 'a is there' },
];
const FOUND = ['a is there', 'b is there'];

const stamp = (state: Stamp['state'], manifest: Manifest): Stamp => ({
  format: FORMAT,
  task: taskId('n', 'p', 's'),
  state,
  run: 'r1',
  ours: true,
  manifest,
  facts: FACTS,
  result: '',
  at: '',
});

const run = (kind: 'new' | 'drifted' | 'changed' | 'interrupted' | 'failed-before', ...details: string[]) =>
  ({ kind: 'run', reason: { kind, details } }) as const;

const TABLE: readonly (readonly [string, readonly Change[], Stamp | undefined, Decision])[] = [
  ['nothing to do, applied with the same manifest', [], stamp('applied', NOW), { kind: 'verified' }],
  ['nothing to do, applied with another manifest', [], stamp('applied', BEFORE), { kind: 'adopted' }],
  ['nothing to do, no stamp', [], undefined, { kind: 'adopted' }],
  ['nothing to do, applying', [], stamp('applying', NOW), { kind: 'adopted' }],
  ['nothing to do, failed', [], stamp('failed', NOW), { kind: 'adopted' }],
  ['changes, no stamp', CHANGES, undefined, run('new', ...FOUND)],
  ['changes, applied with the same manifest', CHANGES, stamp('applied', NOW), run('drifted', ...FOUND)],
  [
    'changes, applied with another manifest',
    CHANGES,
    stamp('applied', BEFORE),
    run('changed', 'inputs.version: 1.1 → 1.2', ...FOUND),
  ],
  [
    'changes, applying, same manifest',
    CHANGES,
    stamp('applying', NOW),
    run('interrupted', 'interrupted in run r1', ...FOUND),
  ],
  [
    'changes, applying, another manifest',
    CHANGES,
    stamp('applying', BEFORE),
    run('interrupted', 'interrupted in run r1', ...FOUND),
  ],
  ['changes, failed, same manifest', CHANGES, stamp('failed', NOW), run('failed-before', ...FOUND)],
  ['changes, failed, another manifest', CHANGES, stamp('failed', BEFORE), run('failed-before', ...FOUND)],
];

for (const [title, changes, before, decision] of TABLE) {
  test(`decision with ${title} is ${decision.kind === 'run' ? decision.reason.kind : decision.kind}`, () => {
    assert.deepEqual(
      decide(
        changes,
        before,
        lastOf(before, () => NOW, FACTS),
      ),
      decision,
    );
  });
}

test('last application without a stamp is none', () => {
  assert.deepEqual(
    lastOf(undefined, () => NOW, FACTS),
    {
      current: false,
      unfinished: false,
      why: 'never applied',
      facts: undefined,
    },
  );
});

test('last application answers its facts only when it was applied', () => {
  assert.deepEqual(
    lastOf(stamp('applied', NOW), () => NOW, { seen: false }),
    {
      current: true,
      unfinished: false,
      why: '',
      facts: FACTS,
    },
  );
  assert.deepEqual(
    lastOf(stamp('applied', BEFORE), () => NOW, { seen: false }),
    {
      current: false,
      unfinished: false,
      why: 'inputs.version: 1.1 → 1.2',
      facts: FACTS,
    },
  );
  assert.deepEqual(
    lastOf(stamp('applying', NOW), () => NOW, { seen: false }),
    {
      current: false,
      unfinished: true,
      why: 'interrupted in run r1',
      facts: undefined,
    },
  );
  assert.deepEqual(
    lastOf(stamp('failed', NOW), () => NOW, { seen: false }),
    {
      current: false,
      unfinished: true,
      why: 'failed in run r1',
      facts: undefined,
    },
  );
});

test('compare names each leaf that differs, by path and in order', () => {
  const before = { b: { y: 1, x: 'one' }, a: [1, 2], same: { z: null }, gone: true };
  const after = { a: [1, 3], b: { x: 'two', y: 1 }, same: { z: null }, come: { deep: 'in' } };
  assert.deepEqual(compare(before, after), [
    'a: [1,2] → [1,3]',
    'b.x: one → two',
    'come: nothing → {"deep":"in"}',
    'gone: true → nothing',
  ]);
});

test('compare of the same data in another order finds nothing', () => {
  assert.deepEqual(compare({ a: 1, b: { c: 2, d: undefined } }, { b: { c: 2 }, a: 1 }), []);
});

test('compare shortens long values', () => {
  assert.deepEqual(compare({ a: 'x'.repeat(61) }, { a: 'y'.repeat(60) }), [
    `a: ${'x'.repeat(60)}… → ${'y'.repeat(60)}`,
  ]);
});

test('compare finds a null that was not there', () => {
  assert.deepEqual(compare({ inputs: { bin: null } }, { inputs: {} }), ['inputs.bin: null → nothing']);
});

test('compare tells two long values apart that begin alike', () => {
  const [line = ''] = compare({ a: `${'x'.repeat(60)}1` }, { a: `${'x'.repeat(60)}2` });
  const [left, right] = line.slice('a: '.length).split(' → ');
  assert.notEqual(left, right);
});

test('compare depends on every part of a manifest and on no order', () => {
  const manifest = { inputs: { a: ['ab', 'c'], b: 1 }, platform: { arch: 'amd64' } };
  assert.deepEqual(compare(manifest, { platform: { arch: 'amd64' }, inputs: { b: 1, a: ['ab', 'c'] } }), []);
  const others: readonly Manifest[] = [
    { ...manifest, inputs: { a: ['a', 'bc'], b: 1 } },
    { ...manifest, inputs: { a: ['ab', 'c'], b: '1' } },
    { ...manifest, inputs: { a: ['c', 'ab'], b: 1 } },
    { ...manifest, platform: { arch: 'arm64' } },
    { ...manifest, more: null },
  ];
  for (const other of others) assert.equal(compare(manifest, other).length, 1);
});

test('last application whose facts have another shape cannot be read', () => {
  for (const facts of [{ seen: true, more: 1 }, {}, { other: true }, null, 'seen']) {
    assert.deepEqual(
      lastOf(stamp('applied', NOW), () => NOW, facts),
      {
        current: false,
        unfinished: false,
        why: 'recorded by another version of this step',
        facts: undefined,
      },
    );
  }
});
