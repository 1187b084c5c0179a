/** Options that are set from outside: read by their schema, laid over what the recipe gives, one after the other. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { flattened } from '../../core/graph/flatten.ts';
import { type Setting, withSettings } from '../../core/graph/settings.ts';
import type { Problem } from '../../core/model/failure.ts';
import { plugin } from '../../core/model/plugin.ts';
import * as v from '../../core/model/vocabulary.ts';

const p = plugin({
  name: 'p',
  help: '',
  options: v.strictObject({
    version: v.optional(v.string()),
    size: v.optional(v.number()),
    nodes: v.optional(
      v.record(v.string(), v.strictObject({ address: v.string(), size: v.optional(v.number()) })),
    ),
    list: v.optional(v.array(v.string())),
  }),
  build: () => ({ steps: [] }),
});

type Given = NonNullable<Parameters<typeof p>[0]>;

/** What the plugin is given in the end. */
function given(before: Given, ...settings: readonly (readonly [path: string, text: string])[]): object {
  const problems: Problem[] = [];
  const all = settings.map(([path, text]): Setting => ({ plugin: 'p', path: path.split('.'), text }));
  const flat = withSettings(flattened([{ plugins: [p(before)] }], problems), all, problems);
  assert.deepEqual(problems, []);
  return flat.uses[0]?.given ?? {};
}

test('a version stays text, and a number is one', () => {
  assert.deepEqual(given({}, ['version', '1.20'], ['size', '2']), { version: '1.20', size: 2 });
});

test('the last one counts, and the rest of what is given stays', () => {
  assert.deepEqual(given({ size: 1, version: '1' }, ['size', '2'], ['size', '3']), { version: '1', size: 3 });
});

test('one deeper down leaves what is beside it, and what the recipe holds', () => {
  const before = { nodes: { a: { address: '1', size: 1 }, b: { address: '2' } } };
  assert.deepEqual(given(before, ['nodes.a.size', '5'], ['nodes.c.address', '3']), {
    nodes: { a: { address: '1', size: 5 }, b: { address: '2' }, c: { address: '3' } },
  });
  assert.deepEqual(before, { nodes: { a: { address: '1', size: 1 }, b: { address: '2' } } });
  assert.deepEqual(given({ list: ['a', 'b'] }, ['list.1', 'c']), { list: ['a', 'c'] });
});

test('keys of Object.prototype are no options that are there', () => {
  assert.deepEqual(given({}, ['constructor.name', 'x']), { constructor: { name: 'x' } });
});

test('an element of a list is one that is there, or the next', () => {
  assert.deepEqual(given({ list: [] }, ['list.0', 'a'], ['list.1', 'b']), { list: ['a', 'b'] });
  const problems: Problem[] = [];
  for (const key of ['2', 'x', '-1', 'length', '']) {
    const setting = { plugin: 'p', path: ['list', key], text: 'c' };
    const flat = withSettings(flattened([{ plugins: [p({ list: ['a'] })] }], problems), [setting], problems);
    assert.deepEqual(flat.uses[0]?.given, { list: ['a'] });
  }
  const message = (key: string) => `expected a place from 0 to 1 in the list, found "${key}"`;
  assert.deepEqual(
    problems,
    ['2', 'x', '-1', 'length', ''].map((key) => ({ path: `p.list.${key}`, message: message(key) })),
  );
});

test('a plugin that the recipe does not have is refused, with the nearest', () => {
  const problems: Problem[] = [];
  const setting = { plugin: 'q', path: ['a', 'b'], text: '1' };
  withSettings(flattened([{ plugins: [p()] }], problems), [setting], problems);
  assert.deepEqual(problems, [{ path: 'q.a.b', message: 'the recipe has no such plugin', near: 'p' }]);
});
