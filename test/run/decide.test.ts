/** The table of decisions, and the differences that a "why" is made of. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Change } from '../../core/model/change.ts';
import type { Detail } from '../../core/model/event.ts';
import { taskId } from '../../core/model/task.ts';
import { type Decision, decide, lastOf } from '../../core/run/decide.ts';
import { FORMAT, type Manifest, type Stamp } from '../../core/store/stamp.ts';

const FACTS = { seen: true };
const NOW: Manifest = { inputs: { version: '1.2' } };
const BEFORE: Manifest = { inputs: { version: '1.1' } };
const CHANGES: readonly Change[] = [
  { kind: 'remove', path: '/a', why: 'a is there' },
  { kind: 'remove', path: '/b', why: 'b is there' },
  { kind: 'remove', path: '/c', why: 'a is there' },
];
const VERSION = { path: ['inputs', 'version'], before: '1.1', after: '1.2' };
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

const run = (kind: 'new' | 'drifted' | 'changed' | 'interrupted' | 'failed-before', ...details: Detail[]) =>
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
    run('changed', VERSION, ...FOUND),
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
      differences: [VERSION],
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

test('reason that holds what separates reasons stays one, and is data', () => {
  const before = { inputs: { text: 'a; b' } };
  const why = 'inputs.text: a; b → a; c';
  const last = lastOf(stamp('applied', before), () => ({ inputs: { text: 'a; c' } }), FACTS);
  assert.equal(last.why, why);
  const changes: readonly Change[] = [{ kind: 'remove', path: '/a', why }];
  assert.deepEqual(
    decide(changes, stamp('applied', before), last),
    run('changed', { path: ['inputs', 'text'], before: 'a; b', after: 'a; c' }),
  );
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
