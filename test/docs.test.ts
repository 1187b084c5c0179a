/** What the documentation shows is what runs: its TypeScript is loaded, its recipes are expanded, its JSON is read. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { loadConfig } from '../core/cli/config.ts';
import { markdown } from '../core/cli/help.ts';
import { expand } from '../core/graph/expand.ts';
import { flattened } from '../core/graph/flatten.ts';
import type { PluginUse } from '../core/model/plugin.ts';
import type { Recipe } from '../core/model/recipe.ts';
import { readEntries } from '../core/store/lock.ts';
import { MOD } from './rig/cc.ts';
import { tempFolder } from './rig/temp.ts';

const ROOT = new URL('..', import.meta.url);

/** The code blocks of a page, in one language. */
function blocks(page: string, language: string): readonly string[] {
  const text = readFileSync(new URL(page, ROOT), 'utf8');
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(
    ([, code = '']) => code,
  );
}

/** A block for a folder beside which nothing is installed. */
function imported(code: string): string {
  return code.replaceAll("'cc-kubernetes'", `'${MOD}'`);
}

async function filed(folder: string, code: string, index: number): Promise<string> {
  const file = join(folder, `block-${index}.ts`);
  await writeFile(file, imported(code));
  return file;
}

function tasksOf(layers: readonly Recipe[]): readonly string[] {
  const context = { arch: 'amd64', cache: '/cache', state: '/state', file: 'README.md' } as const;
  const problems: [] = [];
  return expand(flattened(layers, problems), context, problems).tasks.map(({ id }) => id);
}

/** Plugins of plugins/README, by what they export, as files that recipes import from beside them. */
const BESIDE = { motd: 0 };

const RECIPES = blocks('README.md', 'ts');

test('README shows recipes', () => assert.equal(RECIPES.length, 3));

for (const [index, code] of RECIPES.entries()) {
  test(`recipe ${index + 1} of the README is one that can be run`, async (t) => {
    const folder = await tempFolder(t);
    for (const [name, plugin] of Object.entries(BESIDE))
      await writeFile(join(folder, `${name}.ts`), imported(blocks('plugins/README.md', 'ts')[plugin] ?? ''));
    const config = await filed(folder, code, index);
    const { layers } = await loadConfig({ config }, fileURLToPath(ROOT));
    const tasks = tasksOf(layers);
    assert.ok(
      tasks.some((id) => id.endsWith('/nginx-smoke/page')),
      tasks.join(' '),
    );
  });
}

const PLUGINS = blocks('plugins/README.md', 'ts');
/** The options that the page gives its plugins where it uses them. */
const GIVEN: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  motd: { text: 'managed by cc' },
  timezone: {},
};

test('plugins/README shows plugins', () => assert.equal(PLUGINS.length, Object.keys(GIVEN).length));

for (const [index, code] of PLUGINS.entries()) {
  test(`plugin ${index + 1} of plugins/README is one that a recipe can use`, async (t) => {
    const file = await filed(await tempFolder(t), code, index);
    const module = (await import(pathToFileURL(file).href)) as Record<string, (given: object) => PluginUse>;
    const [[name, use]] = Object.entries(module) as [[string, (given: object) => PluginUse]]; // each exports one
    const host = { name: 'node-1', roles: [], connection: { kind: 'local' } } as const;
    const [task] = tasksOf([{ hosts: [host], plugins: [use(GIVEN[name] ?? {})] }]);
    assert.match(task ?? '', new RegExp(`^node-1/${name}/`));
  });
}

test('docs/commands.md is what npm run docs writes', () => {
  assert.equal(readFileSync(new URL('docs/commands.md', ROOT), 'utf8'), markdown());
});

test('the lock that the README shows can be read', async (t) => {
  const [text = ''] = blocks('README.md', 'json');
  const file = join(await tempFolder(t), 'cc.lock');
  await writeFile(file, text);
  assert.deepEqual([...readEntries(file).keys()], ['hello']);
});
