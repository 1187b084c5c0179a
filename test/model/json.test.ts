/** Which values are JSON, and what is said of those that are not. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { jsonOf } from '../../core/model/json.ts';

const shared = { a: 1 };
const circle: { self?: unknown } = {};
circle.self = [circle];

for (const value of [
  null,
  true,
  0,
  -1.5,
  '',
  [],
  {},
  [[1], { a: [null] }],
  { gone: undefined },
  [shared, shared],
])
  test(`${JSON.stringify(value)} is JSON`, () => assert.deepEqual(jsonOf(value, 'it'), value));

function nested(depth: number): unknown {
  return depth === 0 ? 1 : [nested(depth - 1)];
}

test('a copy is read once, and does not change with what it is of', () => {
  let reads = 0;
  const moody = {
    get a() {
      reads += 1;
      return reads;
    },
  };
  const copy = jsonOf(moody, 'it');
  assert.deepEqual([copy, copy, reads], [{ a: 1 }, { a: 1 }, 1]);
});

const FAULTS: readonly (readonly [unknown, string])[] = [
  [undefined, 'it is undefined'],
  [[undefined], 'it[0] is undefined'],
  [Number.NaN, 'it is NaN'],
  [{ a: { b: -Infinity } }, 'it.a.b is -Infinity'],
  [{ a: 1n }, 'it.a is a bigint'],
  [() => 1, 'it is a function'],
  [{ a: Symbol('x') }, 'it.a is a symbol'],
  [circle, 'it.self[0] holds itself'],
  [new Map(), 'it is a Map, and no plain data'],
  [{ at: new Date(0) }, 'it.at is a Date, and no plain data'],
  [Promise.resolve(1), 'it is a Promise, and no plain data'],
  [new Array(1), 'it[0] is undefined'],
  [new Array(2 ** 32 - 1), 'it is too large: it has more than 1000000 entries'],
  [['x'.repeat(2 ** 26), 'x'], 'it is too large: it has more than 67108864 characters'],
  [nested(101), `it${'[0]'.repeat(100)} is nested more than 100 deep`],
];

for (const [value, fault] of FAULTS)
  test(`no JSON: ${fault}`, () => assert.throws(() => jsonOf(value, 'it'), { message: fault }));
