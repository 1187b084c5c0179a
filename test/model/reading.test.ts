/** Text is read as what the schema wants: nothing becomes a number that is wanted as text. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { lazy, looseObject, nullable } from 'valibot';
import { namesAt, readAs } from '../../core/model/reading.ts';
import type { GenericSchema } from '../../core/model/schema.ts';
import * as v from '../../core/model/vocabulary.ts';

const version = v.pipe(v.string(), v.regex(/^\d/, 'expected a digit'));
const list = v.array(v.string());
const record = v.record(v.string(), v.number());

const READ: readonly (readonly [
  what: string,
  schema: GenericSchema,
  ...pairs: (readonly [string, unknown])[],
])[] = [
  [
    'text',
    version,
    ['1.15', '1.15'],
    ['1.20', '1.20'],
    ['true', 'true'],
    ['null', 'null'],
    ['', ''],
    ['"a"', '"a"'],
    ['[1]', '[1]'],
  ],
  ['text that may be missing', v.optional(version, '1'), ['1.20', '1.20']],
  [
    'a number',
    v.pipe(v.number(), v.integer()),
    ['1.20', 1.2],
    ['7', 7],
    ['-1', -1],
    ['x', 'x'],
    ['', ''],
    [' 7', ' 7'],
    ['Infinity', 'Infinity'],
    ['0e7', 0],
    ['9007199254740991', 9007199254740991],
    ['9007199254740993', '9007199254740993'],
    ['-9007199254740993', '-9007199254740993'],
    ['1e400', '1e400'],
    ['1e-400', '1e-400'],
    ['true', 'true'],
  ],
  ['yes or no', v.optional(v.boolean()), ['true', true], ['false', false], ['1', '1'], ['yes', 'yes']],
  ['one of some', v.picklist(['release', 'debian']), ['debian', 'debian'], ['7', '7']],
  ['a constant', v.literal(2), ['2', 2], ['3', '3']],
  ['a list', list, ['["a","b"]', ['a', 'b']], ['a,b', 'a,b'], ['{"a":1}', '{"a":1}'], ['7', '7']],
  ['an object', v.strictObject({ a: v.string() }), ['{"a":"1"}', { a: '1' }], ['[]', '[]']],
  ['a record', record, ['{"a":1}', { a: 1 }], ['{"a":[9007199254740993]}', { a: ['9007199254740993'] }]],
  [
    'text or a number',
    v.union([v.number(), v.string()]),
    ['7', 7],
    ['1e400', '1e400'],
    ['1.20', '1.20'],
    ['x', 'x'],
  ],
  ['text or no', v.union([v.string(), v.literal(false)]), ['false', false], ['true', 'true']],
  ['text or a list', v.union([v.string(), list]), ['["a"]', ['a']], ['[1', '[1'], ['a', 'a']],
  ['text or nothing', nullable(v.string()), ['null', 'null']],
  ['a number or nothing', nullable(v.number()), ['null', null], ['1', 1]],
  [
    'anything',
    v.unknown(),
    ['7', 7],
    ['9007199254740993', '9007199254740993'],
    ['1.2.3', '1.2.3'],
    ['{"a":1}', { a: 1 }],
  ],
  ['what only a function knows', lazy(() => v.number()), ['7', 7]],
];

for (const [what, schema, ...pairs] of READ)
  test(`text is read where the schema wants ${what}`, () => {
    for (const [text, value] of pairs) assert.deepEqual(readAs(schema, [], text), value, text);
  });

const SCHEMA = v.strictObject({
  nodes: v.optional(
    v.record(v.string(), v.strictObject({ address: v.string(), port: v.optional(v.number()) })),
  ),
  list: v.array(v.strictObject({ size: v.number() })),
  pair: v.tuple([v.string(), v.number()]),
  source: v.variant('kind', [
    v.strictObject({ kind: v.literal('url'), url: v.string() }),
    v.strictObject({ kind: v.literal('count'), count: v.number() }),
  ]),
  loose: looseObject({ a: v.number() }),
});

test('text is read as what is wanted at its path', () => {
  const at = (path: string, text: string) => readAs(SCHEMA, path.split('.'), text);
  assert.equal(at('nodes.a.address', '1'), '1');
  assert.equal(at('nodes.a.port', '1'), 1);
  assert.equal(at('list.0.size', '1'), 1);
  assert.deepEqual([at('pair.0', '1'), at('pair.1', '1')], ['1', 1]);
  assert.deepEqual(
    [at('source.url', '1'), at('source.count', '1'), at('source.kind', 'url')],
    ['1', 1, 'url'],
  );
});

test('names are known at each path of a schema', () => {
  assert.deepEqual(namesAt(SCHEMA, []), ['nodes', 'list', 'pair', 'source', 'loose']);
  assert.deepEqual(namesAt(SCHEMA, ['nodes', 'a']), ['address', 'port']);
  assert.deepEqual(namesAt(SCHEMA, ['source']), ['kind', 'url', 'count']);
  assert.deepEqual(namesAt(SCHEMA, ['nodes', 'a', 'port', 'b']), []);
});

test('text stays as it is where the schema knows nothing of its path', () => {
  for (const path of ['nowhere', 'nodes.a.nowhere', 'nodes.a.address.deeper', 'constructor', 'loose.b'])
    assert.equal(readAs(SCHEMA, path.split('.'), '7'), '7', path);
});
