/** Recipes laid over each other: what the upper one changes, and what it cannot. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { type Flat, flattened } from '../../core/graph/flatten.ts';
import type { Problem } from '../../core/model/failure.ts';
import type { PluginUse } from '../../core/model/plugin.ts';
import type { Recipe } from '../../core/model/recipe.ts';
import { host, steps } from './recipes.ts';

const [runc, crio] = [steps('runc'), steps('crio')];

function laid(...layers: readonly Recipe[]): { readonly flat: Flat; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  return { flat: flattened(layers, problems), problems };
}

function given(use: PluginUse, options: Readonly<Record<string, unknown>>): PluginUse {
  return { ...use, given: options };
}

test('an empty recipe has defaults', () => {
  assert.deepEqual(laid({}), {
    flat: {
      name: 'recipe',
      isolation: 'none',
      concurrency: 8,
      roleOptions: {},
      mirrors: [],
      proxy: {},
      trustedSources: [],
      hosts: [],
      uses: [],
    },
    problems: [],
  });
});

test('the upper layer decides what it names, and leaves the rest', () => {
  const base: Recipe = { name: 'base', isolation: 'vm', concurrency: 2, hosts: [host('a')], plugins: [runc] };
  assert.deepEqual(laid(base, { name: 'site' }).flat, {
    name: 'site',
    isolation: 'vm',
    concurrency: 2,
    roleOptions: {},
    mirrors: [],
    proxy: {},
    trustedSources: [],
    hosts: [host('a')],
    uses: [runc],
  });
});

test('a plugin or host of the same name takes the place of the lower one, where that stood', () => {
  const upper = given(runc, { version: '2' });
  const { flat } = laid(
    { plugins: [given(runc, { version: '1', bin: '/b' }), crio], hosts: [host('a', 'x'), host('b')] },
    { plugins: [upper], hosts: [host('a', 'y')] },
  );
  assert.deepEqual(flat.uses, [upper, crio]);
  assert.deepEqual(flat.hosts, [host('a', 'y'), host('b')]);
});

test('options are laid over those of the plugin, one by one', () => {
  const { flat, problems } = laid(
    { plugins: [given(runc, { version: '1', bin: '/b' })] },
    { options: { runc: { version: '2' } } },
    { options: { runc: { extra: true } } },
  );
  assert.deepEqual(flat.uses, [given(runc, { version: '2', bin: '/b', extra: true })]);
  assert.deepEqual(problems, []);
});

test('without leaves a plugin out', () => {
  assert.deepEqual(laid({ plugins: [runc, crio] }, { without: ['runc'] }).flat.uses, [crio]);
});

test('names that no plugin has are all reported, each with the nearest', () => {
  const { problems } = laid(
    { plugins: [runc, crio] },
    { without: ['cri-o', 'zzzzzzzz'], options: { rucn: { a: 1 }, constructor: {} } },
  );
  const message = 'the recipe has no such plugin';
  assert.deepEqual(problems, [
    { path: 'without.cri-o', message, near: 'crio' },
    { path: 'without.zzzzzzzz', message },
    { path: 'options.rucn', message, near: 'runc' },
    { path: 'options.constructor', message },
  ]);
});

test('laying recipes over each other changes none of them', () => {
  const base: Recipe = { plugins: [given(runc, { version: '1' })] };
  laid(base, { options: { runc: { version: '2' } } });
  assert.deepEqual(base.plugins, [given(runc, { version: '1' })]);
});

test('sources that one layer trusts are trusted with those of the other', () => {
  const { flat } = laid({ trustedSources: ['/a'] }, { trustedSources: ['/b'] });
  assert.deepEqual(flat.trustedSources, ['/a', '/b']);
});

test('mirrors of the upper layer come first, and its proxies win, each for itself', () => {
  const [lower, upper] = [
    { from: 'https://a/', to: '/1' },
    { from: 'https://a/', to: '/2' },
  ];
  const base: Recipe = { mirrors: [lower], proxy: { http: 'http://a', no: 'b' } };
  const { mirrors, proxy } = laid(base, { mirrors: [upper], proxy: { http: 'http://c' } }).flat;
  assert.deepEqual([mirrors, proxy], [[upper, lower], { http: 'http://c', no: 'b' }]);
});
