/** Digests of data: equal exactly when the data is. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import test from 'node:test';
import { asDigest, canonical, digestOf, digestOfData, finish, sameData } from '../../core/model/digest.ts';
import type { Json } from '../../core/model/json.ts';

const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

test('digestOf is the SHA-256 of the bytes, in hexadecimal', () => {
  assert.equal(digestOf(''), EMPTY);
  assert.equal(digestOf('é'), digestOf(new Uint8Array([0xc3, 0xa9])));
});

test('a running digest is that of all its pieces', () => {
  assert.equal(finish(createHash('sha256').update('ab').update('c')), digestOf('abc'));
});

test('asDigest reads what people write, and nothing else', () => {
  assert.equal(asDigest(`  sha256:${EMPTY.toUpperCase()}\n`), EMPTY);
  assert.equal(asDigest(EMPTY), EMPTY);
  for (const text of ['', EMPTY.slice(1), `${EMPTY}0`, `md5:${EMPTY}`, EMPTY.replace('e', 'g')])
    assert.equal(asDigest(text), undefined);
});

/** No two of these are equal. */
const DIFFERENT: readonly Json[] = [
  null,
  true,
  false,
  0,
  1,
  -1,
  1.5,
  '',
  '0',
  '1',
  'null',
  'true',
  'z',
  's0:',
  [],
  [[]],
  [null],
  ['ab', 'c'],
  ['a', 'bc'],
  ['abc'],
  ['a', 'b', 'c'],
  [['a'], 'b'],
  ['a', ['b']],
  [1, 2],
  [2, 1],
  [12],
  {},
  [{}],
  { a: null },
  { a: '' },
  { a: {} },
  { a: [] },
  { b: null },
  { a: 1, b: 2 },
  { a: 2, b: 1 },
  { a: { b: 1 } },
  { 'a.b': 1 },
  { ab: 'c' },
  { a: 'bc' },
  { '0': 'a' },
  ['a'],
  { ['__proto__']: 'x' },
  { constructor: 'x' },
];

test('canonical tells all these values apart', () => {
  const texts = new Map<string, Json>();
  for (const value of DIFFERENT) {
    const text = canonical(value);
    assert.deepEqual(texts.get(text), undefined, `${JSON.stringify(value)} has the text of another value`);
    texts.set(text, value);
  }
});

const SAME: readonly (readonly [string, Json, Json])[] = [
  ['the order of keys', { a: 1, b: { c: 2, d: 3 } }, { b: { d: 3, c: 2 }, a: 1 }],
  ['a key without a value', { a: 1, b: undefined }, { a: 1 }],
  ['how a character is composed', 'caf\u00e9', 'cafe\u0301'],
  ['how a number was written', 1.0, 1],
  ['the sign of zero', -0, 0],
];

for (const [what, a, b] of SAME) {
  test(`digestOfData does not depend on ${what}`, () => {
    assert.equal(digestOfData(a), digestOfData(b));
    assert.equal(sameData(a, b), true);
  });
}

test('sameData tells values apart', () => {
  assert.equal(sameData({ a: 1 }, { a: '1' }), false);
  assert.equal(sameData({ a: undefined }, { a: null }), false);
});

test('digestOfData stays what it was, because stamps on hosts hold it', () => {
  assert.equal(canonical({ b: ['x', 1, true], a: null }), 'o21:k1:azk1:bl9:s1:xn1:1t');
  assert.equal(digestOfData({ b: ['x', 1, true], a: null }), digestOf('o21:k1:azk1:bl9:s1:xn1:1t'));
});
