/** What differs, as data, and how it is told. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { compare, type Difference, differenceLine } from '../../core/model/difference.ts';
import type { Json } from '../../core/model/json.ts';

test('compare names each leaf that differs, by path and in order', () => {
  const before = { b: { y: 1, x: 'one' }, a: [1, 2], same: { z: null }, gone: true };
  const after = { a: [1, 3], b: { x: 'two', y: 1 }, same: { z: null }, come: { deep: 'in' } };
  assert.deepEqual(compare(before, after), [
    { path: ['a'], before: [1, 2], after: [1, 3] },
    { path: ['b', 'x'], before: 'one', after: 'two' },
    { path: ['come'], after: { deep: 'in' } },
    { path: ['gone'], before: true },
  ]);
});

test('compare of the same data in another order finds nothing', () => {
  assert.deepEqual(compare({ a: 1, b: { c: 2, d: undefined } }, { b: { c: 2 }, a: 1 }), []);
});

test('compare looks into lists of records that are as long as each other', () => {
  const objects = (image: string) => ({ objects: [{ kind: 'a' }, { kind: 'b', image }] });
  assert.deepEqual(compare(objects('1'), objects('2')), [
    { path: ['objects', '1', 'image'], before: '1', after: '2' },
  ]);
  const longer = { objects: [{ kind: 'a' }] };
  assert.deepEqual(
    compare(longer, objects('1')).map(({ path }) => path),
    [['objects']],
  );
});

test('compare depends on every part and on no order', () => {
  const manifest = { inputs: { a: ['ab', 'c'], b: 1 }, platform: { arch: 'amd64' } };
  assert.deepEqual(compare(manifest, { platform: { arch: 'amd64' }, inputs: { b: 1, a: ['ab', 'c'] } }), []);
  const others: readonly Json[] = [
    { ...manifest, inputs: { a: ['a', 'bc'], b: 1 } },
    { ...manifest, inputs: { a: ['ab', 'c'], b: '1' } },
    { ...manifest, inputs: { a: ['c', 'ab'], b: 1 } },
    { ...manifest, platform: { arch: 'arm64' } },
    { ...manifest, more: null },
  ];
  for (const other of others) assert.equal(compare(manifest, other).length, 1);
});

const DIGEST = `${'ab'.repeat(6)}${'c'.repeat(52)}`;
const OTHER = `${'cd'.repeat(6)}${'c'.repeat(52)}`;
const LATE = `${'ab'.repeat(6)}${'c'.repeat(51)}d`;
const long = (part: string) => `${'x'.repeat(200)}${part}${'y'.repeat(200)}`;

const LINES: readonly (readonly [Omit<Difference, 'path'>, string])[] = [
  [{ before: '1.1', after: '1.2' }, '1.1 → 1.2'],
  [{ before: null }, 'null → nothing'],
  [{ after: { deep: 'in' } }, 'nothing → {"deep":"in"}'],
  [{ before: '1', after: 1 }, '"1" → 1'],
  [{ before: 'a; b', after: 'a; c' }, 'a; b → a; c'],
  [{ before: 'two\nlines', after: 'one' }, '"two\\nlines" → one'],
  [{ before: DIGEST, after: OTHER }, 'abababababab → cdcdcdcdcdcd'],
  [{ before: null, after: OTHER }, 'null → cdcdcdcdcdcd'],
  [{ before: DIGEST, after: LATE }, `…${'c'.repeat(13)} → …${'c'.repeat(12)}d`],
  [{ before: 'x'.repeat(61), after: 'y'.repeat(60) }, `${'x'.repeat(60)}… → ${'y'.repeat(60)}`],
  [
    { before: long('one'), after: long('two') },
    `…${'x'.repeat(12)}one${'y'.repeat(12)}… → …${'x'.repeat(12)}two${'y'.repeat(12)}…`,
  ],
];

for (const [difference, line] of LINES) {
  test(`a difference is written ${line}`, () => {
    assert.equal(differenceLine({ path: ['inputs', 'a.b'], ...difference }), `inputs.a.b: ${line}`);
  });
}

test('a difference of the whole has no path', () => {
  assert.equal(differenceLine({ path: [], before: 1, after: 2 }), '1 → 2');
});

test('two texts that differ anywhere are told apart, and their line is short', () => {
  const before = 'the quick brown fox jumps over the lazy dog; '.repeat(8);
  for (let at = 0; at < before.length; at++) {
    const after = `${before.slice(0, at)}#${before.slice(at + 1)}`;
    const line = differenceLine({ path: [], before, after });
    const [left, right] = line.split(' → ');
    assert.notEqual(left, right);
    assert.ok(line.length < 130, line);
  }
});
