/** Where a configuration is found, in every form it can have, and what it extends. */
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadConfig } from '../../core/cli/config.ts';
import { shippedRecipes } from '../../core/cli/shipped.ts';
import type { Recipe } from '../../core/model/recipe.ts';
import { folder } from '../rig/cc.ts';

type Files = Readonly<Record<string, string>>;

const NAMED: readonly (readonly [file: string, text: string])[] = [
  ['cc.config.ts', 'const name: string = "a"; export default { name };'],
  ['cc.config.mjs', 'export default { name: "a" };'],
  ['cc.config.js', 'export default { name: "a" };'],
  ['cc.config.json', '{ "name": "a" }'],
  ['cc.config.yaml', 'name: a\n'],
  ['package.json', '{ "cc": { "name": "a" } }'],
];

for (const [name, text] of NAMED) {
  test(`${name} is found, here and from a folder below, and nothing is written beside it`, async (t) => {
    const cwd = await folder(t, { 'package.json': '{ "type": "module" }', [name]: text, 'a/b/x': '' });
    const before = await readdir(cwd, { recursive: true });
    for (const from of [cwd, join(cwd, 'a/b')])
      assert.deepEqual(await loadConfig({}, from), {
        file: join(cwd, name),
        layers: [{ name: 'a' }],
        origins: [{ file: join(cwd, name), path: [] }],
        settings: [],
        locks: [join(cwd, 'cc.lock')],
      });
    assert.deepEqual(await readdir(cwd, { recursive: true }), before);
  });
}

const PLACES: readonly (readonly [what: string, files: Files, from: string, found: string])[] = [
  [
    'TypeScript goes before JSON',
    { 'cc.config.json': '{}', 'cc.config.ts': 'export default {}' },
    '.',
    'cc.config.ts',
  ],
  [
    'the nearest goes before one above',
    { 'cc.config.ts': 'export default {}', 'a/cc.config.json': '{"name":"a"}' },
    'a',
    'a/cc.config.json',
  ],
  [
    'a configuration goes before package.json',
    { 'package.json': '{"cc":{}}', 'cc.config.yaml': 'name: a' },
    '.',
    'cc.config.yaml',
  ],
];

for (const [what, files, from, found] of PLACES) {
  test(`of two configurations ${what}`, async (t) => {
    const cwd = await folder(t, files);
    assert.equal((await loadConfig({}, join(cwd, from))).file, join(cwd, found));
  });
}

/** The names of the layers, the base first. */
async function layered(cwd: string, options: Parameters<typeof loadConfig>[0] = {}) {
  return (await loadConfig(options, cwd)).layers.map(({ name }: Recipe) => name);
}

test('a configuration may import a TypeScript file beside it', async (t) => {
  const cwd = await folder(t, {
    'cc.config.ts': 'import { name } from "./name.ts"; export default { name };',
    'name.ts': 'export const name: string = "beside";',
  });
  assert.deepEqual(await layered(cwd), ['beside']);
});

test('--config names a file, from here', async (t) => {
  const cwd = await folder(t, {
    'cc.config.ts': 'export default {}',
    'a/site.ts': 'export default { name: "site" };',
  });
  assert.deepEqual(await loadConfig({ config: 'a/site.ts' }, cwd), {
    file: join(cwd, 'a/site.ts'),
    layers: [{ name: 'site' }],
    origins: [{ file: join(cwd, 'a/site.ts'), path: [] }],
    settings: [],
    locks: [join(cwd, 'a/cc.lock')],
  });
  assert.deepEqual(await layered('/', { config: join(cwd, 'a/site.ts') }), ['site']);
});

test('--recipe names a file, or a shipped recipe', async (t) => {
  const cwd = await folder(t, { 'a/site.yml': 'name: site' });
  assert.deepEqual(await layered(cwd, { recipe: './a/site.yml' }), ['site']);
  assert.deepEqual(await layered(cwd, { recipe: 'a/site.yml' }), ['site']);
  const { file, layers } = await loadConfig({ recipe: 'lab' }, cwd);
  assert.equal(file, fileURLToPath(new URL('../../recipes/lab.ts', import.meta.url)));
  assert.deepEqual(
    layers.map(({ name }) => name),
    ['lab'],
  );
});

test('every shipped recipe loads, under the name of its file', async () => {
  const names = await shippedRecipes();
  assert.equal(names.includes('lab'), true);
  for (const name of names) assert.equal((await layered('/', { recipe: name })).at(-1), name);
});

test('extends is followed to the base: by path from the file that says so, by value, by name', async (t) => {
  const cwd = await folder(t, {
    'cc.config.ts': 'export default { name: "site", extends: "./base/mid.ts" };',
    'base/mid.ts': 'export default { name: "mid", extends: "./low.json" };',
    'base/low.json': '{ "name": "low" }',
    'value.ts': 'export default { name: "site", extends: { name: "value", extends: "./base/mid.ts" } };',
    'named.ts': 'export default { name: "site", extends: "lab" };',
  });
  assert.deepEqual(await layered(cwd), ['low', 'mid', 'site']);
  assert.deepEqual(await layered(cwd, { config: 'value.ts' }), ['low', 'mid', 'value', 'site']);
  assert.deepEqual(await layered(cwd, { config: 'named.ts' }), ['lab', 'site']);
});

test('locks stand beside recipes: cc.lock beside the configuration, under its name beside any other', async (t) => {
  const cwd = await folder(t, {
    'cc.config.ts': 'export default { extends: "./base/mid.ts" };',
    'base/mid.ts': 'export default { extends: { extends: "lab" } };',
  });
  const lab = fileURLToPath(new URL('../../recipes/lab.lock', import.meta.url));
  assert.deepEqual((await loadConfig({}, cwd)).locks, [
    lab,
    join(cwd, 'base/mid.lock'),
    join(cwd, 'cc.lock'),
  ]);
  const { locks } = await loadConfig({ recipe: './base/mid.ts' }, cwd);
  assert.deepEqual(locks, [lab, join(cwd, 'base/mid.lock')]);
});

test('--set names a plugin, an option or one deeper down, and what is left is the value as it was typed', async (t) => {
  const cwd = await folder(t, { 'cc.config.json': '{ "name": "a" }' });
  const set = ['p.a=1', 'p.b=x y', 'p.d=', 'p.f=a=b', 'q.h.i=["true"]'];
  assert.deepEqual((await loadConfig({ set }, cwd)).settings, [
    { plugin: 'p', path: ['a'], text: '1' },
    { plugin: 'p', path: ['b'], text: 'x y' },
    { plugin: 'p', path: ['d'], text: '' },
    { plugin: 'p', path: ['f'], text: 'a=b' },
    { plugin: 'q', path: ['h', 'i'], text: '["true"]' },
  ]);
});
