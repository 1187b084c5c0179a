/** Durations, reasons and counts, as reports print them. */
import assert from 'node:assert/strict';
import test from 'node:test';
import type { Counts, Reason } from '../../core/model/event.ts';
import { amount, changed, countsLine, duration, reasonLine } from '../../core/report/words.ts';

const DURATIONS: readonly (readonly [number, string])[] = [
  [0, '0 ms'],
  [0.4, '0 ms'],
  [340.4, '340 ms'],
  [999, '999 ms'],
  [999.6, '1.0 s'],
  [1000, '1.0 s'],
  [12_345, '12.3 s'],
  [59_900, '59.9 s'],
  [59_949, '59.9 s'],
  [59_960, '1 min 00 s'],
  [60_000, '1 min 00 s'],
  [242_400, '4 min 02 s'],
  [119_600, '2 min 00 s'],
  [7_200_000, '120 min 00 s'],
];

for (const [ms, text] of DURATIONS)
  test(`${ms} ms is written ${text}`, () => assert.equal(duration(ms), text));

test('amounts are written in megabytes', () => {
  assert.equal(amount({ done: 12_340_000, total: 1_000_000_000 }), '12.3 of 1000.0 MB');
  assert.equal(amount({ done: 0 }), '0.0 MB');
});

const REASONS: { readonly [K in Reason['kind']]: string } = {
  new: 'new: a; b',
  drifted: 'drifted: a; b',
  changed: 'changed: a; b',
  interrupted: 'interrupted before: a; b',
  'failed-before': 'failed before: a; b',
  turn: 'for others in its turn: a; b',
  undeclared: 'no longer declared: a; b',
  undo: 'undo: a; b',
};

for (const [kind, line] of Object.entries(REASONS) as [Reason['kind'], string][]) {
  test(`a reason is written ${line}`, () => assert.equal(reasonLine({ kind, details: ['a', 'b'] }), line));
}

test('a reason shows two details and counts the others', () => {
  assert.equal(reasonLine({ kind: 'new', details: ['a'] }), 'new: a');
  assert.equal(reasonLine({ kind: 'new', details: ['a', 'b', 'c', 'd'] }), 'new: a; b; and 2 more');
});

test('a reason that is data is put into words', () => {
  const details = [{ path: ['inputs', 'version'], before: '1; 1', after: '1; 2' }, 'it is old'];
  assert.equal(reasonLine({ kind: 'changed', details }), 'changed: inputs.version: 1; 1 → 1; 2; it is old');
});

const COUNTS: readonly (readonly [Counts, string, number])[] = [
  [{}, 'nothing to do', 0],
  [{ verified: 31, applied: 2 }, '2 applied, 31 verified', 2],
  [{ applied: 0, adopted: 1 }, '1 adopted', 0],
  [
    {
      cancelled: 1,
      skipped: 2,
      interrupted: 3,
      'timed-out': 4,
      failed: 5,
      verified: 6,
      adopted: 7,
      applied: 8,
    },
    '8 applied, 7 adopted, 6 verified, 5 failed, 4 timed-out, 3 interrupted, 2 skipped, 1 cancelled',
    8,
  ],
];

for (const [counts, line, altered] of COUNTS) {
  test(`counts are written ${line}`, () => {
    assert.equal(countsLine(counts), line);
    assert.equal(changed(counts), altered);
  });
}
