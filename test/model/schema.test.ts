/** Options against a schema: every complaint, with its place and in cc's own words. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { checked, checkedWhole, type GenericSchema, optionNames } from '../../core/model/schema.ts';
import * as v from '../../core/model/vocabulary.ts';

const SCHEMA = v.strictObject({
  version: v.pipe(v.string(), v.regex(/^\d+\.\d+$/, 'expected a version such as 1.2')),
  from: v.optional(v.picklist(['release', 'debian']), 'release'),
  nodes: v.optional(v.array(v.strictObject({ name: v.string() })), []),
  port: v.optional(v.pipe(v.number(), v.maxValue(65535))),
});

test('checked answers the options with their defaults', () => {
  assert.deepEqual(checked(SCHEMA, { version: '1.2' }, 'p'), {
    ok: true,
    value: { version: '1.2', from: 'release', nodes: [] },
  });
});

test('checked answers every complaint at once, each with its path', () => {
  const given = { version: 'new', from: 'ppa', nodes: [{ name: 'a' }, { name: 1 }], prot: 1, port: 'x' };
  assert.deepEqual(checked(SCHEMA, given, 'p'), {
    ok: false,
    problems: [
      { path: 'p.prot', message: 'is not known' },
      { path: 'p.version', message: 'expected a version such as 1.2, found "new"' },
      { path: 'p.from', message: 'expected ("release" | "debian"), found "ppa"' },
      { path: 'p.nodes.1.name', message: 'expected string, found 1' },
      { path: 'p.port', message: 'expected number, found "x"' },
    ],
  });
});

test('checked answers every option that is none', () => {
  assert.deepEqual(checked(SCHEMA, { version: '1.2', a: 1, b: 2 }, 'p'), {
    ok: false,
    problems: [
      { path: 'p.a', message: 'is not known' },
      { path: 'p.b', message: 'is not known' },
    ],
  });
});

test('checked says that a value is out of range', () => {
  assert.deepEqual(checked(SCHEMA, { version: '1.2', port: 70000 }, 'p'), {
    ok: false,
    problems: [{ path: 'p.port', message: 'expected <=65535, found 70000' }],
  });
});

test('checked says that an option is missing', () => {
  assert.deepEqual(checked(SCHEMA, {}, 'p'), {
    ok: false,
    problems: [{ path: 'p.version', message: 'expected "version", it is missing' }],
  });
});

test('checked answers a key deeper down that is not known, with its path', () => {
  const given = { version: '1.2', nodes: [{ name: 'a', nmae: 'b' }], prot: 1 };
  assert.deepEqual(checked(SCHEMA, given, 'p'), {
    ok: false,
    problems: [
      { path: 'p.prot', message: 'is not known' },
      { path: 'p.nodes.0.nmae', message: 'is not known' },
    ],
  });
});

test('checked says in the words of a check what is wrong', () => {
  const schema = v.pipe(
    v.record(v.string(), v.unknown()),
    v.check(() => false, 'has no luck'),
  );
  assert.deepEqual(checked(schema, {}, 'p'), {
    ok: false,
    problems: [{ path: 'p', message: 'has no luck' }],
  });
});

test('checked says what a pattern is for, in words', () => {
  const said = (schema: GenericSchema, value: unknown) => {
    const result = checked(v.strictObject({ a: schema }), { a: value }, 'p');
    return result.ok ? [] : result.problems.map(({ path, message }) => `${path}: ${message}`);
  };
  const version = v.pipe(
    v.string(),
    v.regex(/^\d/, 'expected a digit'),
    v.regex(/\d$/, 'expected one at the end'),
  );
  assert.deepEqual(said(version, 'x\ny'), ['p.a: expected a digit, found "x\ny"']);
  assert.deepEqual(said(version, '1x'), ['p.a: expected one at the end, found "1x"']);
  assert.deepEqual(said(v.pipe(v.string(), v.regex(/^\//, 'is odd')), 'x'), ['p.a: is odd']);
  assert.deepEqual(said(v.pipe(v.number(), v.integer(), v.minValue(1)), 0.5), [
    'p.a: expected a whole number, found 0.5',
  ]);
  assert.deepEqual(said(v.pipe(v.string(), v.url()), 'x'), [
    'p.a: expected a URL such as https://example.org/, found "x"',
  ]);
});

test('checked tells a mistake of a name beside one of its value, and all mistakes of an object', () => {
  const no = (what: string) => v.check<string, string>(() => false, what);
  const schema = v.strictObject({
    map: v.record(v.pipe(v.string(), no('no key')), v.pipe(v.string(), no('no value'), no('nor this'))),
    all: v.pipe(
      v.array(v.string()),
      v.check(() => false, 'one'),
      v.check(() => false, 'two'),
    ),
  });
  assert.deepEqual(checked(schema, { map: { a: 'b' }, all: [] }, 'p'), {
    ok: false,
    problems: [
      { path: 'p.map.a', message: 'no key' },
      { path: 'p.map.a', message: 'no value' },
      { path: 'p.all', message: 'one' },
      { path: 'p.all', message: 'two' },
    ],
  });
});

test('checked leaves keys alone that the schema does not name, where it is not strict', () => {
  assert.deepEqual(checked(v.object({ a: v.number() }), { a: 1, b: 2 }, ''), { ok: true, value: { a: 1 } });
});

test('optionNames are the keys of an object schema, and none of any other', () => {
  assert.deepEqual(optionNames(SCHEMA), ['version', 'from', 'nodes', 'port']);
  assert.deepEqual(optionNames(v.string()), []);
});

test('checkedWhole refuses names that would be lost, wherever the answer has no room for them', () => {
  const schema = v.strictObject({
    labels: v.record(v.string(), v.string()),
    list: v.array(v.record(v.string(), v.number())),
    any: v.unknown(),
  });
  const given = JSON.parse(
    '{"labels":{"a":"b","__proto__":"c"},"list":[{},{"constructor":1}],"any":{"__proto__":1,"prototype":2}}',
  ) as { any: Record<string, unknown> };
  given.any['itself'] = given.any;
  assert.deepEqual(checkedWhole(schema, given, 'p'), {
    ok: false,
    problems: [
      { path: 'p.labels.__proto__', message: 'cannot be used as a name' },
      { path: 'p.list.1.constructor', message: 'cannot be used as a name' },
    ],
  });
});
