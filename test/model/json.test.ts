/** Which values are JSON, and what is said of those that are not. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { jsonFault } from '../../core/model/json.ts';

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
  test(`${JSON.stringify(value)} is JSON`, () => assert.equal(jsonFault(value, 'it'), undefined));

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
];

for (const [value, fault] of FAULTS)
  test(`no JSON: ${fault}`, () => assert.equal(jsonFault(value, 'it'), fault));
