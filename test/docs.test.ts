/** What the documentation shows is what runs: its TypeScript is loaded, its recipes are expanded, its JSON is read. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parsed } from '../core/cli/args.ts';
import { COMMANDS } from '../core/cli/commands.ts';
import { loadConfig } from '../core/cli/config.ts';
import { markdown } from '../core/cli/help.ts';
import { expand } from '../core/graph/expand.ts';
import { flattened } from '../core/graph/flatten.ts';
import type { PluginUse } from '../core/model/plugin.ts';
import { HostShape, type Recipe, RecipeShape } from '../core/model/recipe.ts';
import { checked } from '../core/model/schema.ts';
import { secret } from '../core/model/secret.ts';
import { readEntries } from '../core/store/lock.ts';
import { tempFolder } from './rig/temp.ts';

const ROOT = new URL('..', import.meta.url);

/** What users read, as paths from the root. */
const PAGES = [
  'README.md',
  ...readdirSync(new URL('docs', ROOT))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`)
    .toSorted(),
];

function textOf(page: string): string {
  return readFileSync(new URL(page, ROOT), 'utf8');
}

/** The code blocks of a page, in one language. */
function blocks(page: string, language: string): readonly string[] {
  return [...textOf(page).matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(
    ([, code = '']) => code,
  );
}

/** A block for a folder beside which nothing is installed. */
function imported(code: string): string {
  return code
    .replaceAll("'cc-kubernetes'", `'${new URL('core/mod.ts', ROOT)}'`)
    .replaceAll(/'cc-kubernetes\/(plugins\/[\w-]+)'/g, (_, plugin) => `'${new URL(`${plugin}.ts`, ROOT)}'`);
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
const BESIDE = { motd: 0, auth: 2 };

const RECIPES = PAGES.flatMap((page) => blocks(page, 'ts').map((code, index) => ({ page, index, code })));

test('README, clusters, sites, mirrors, restoring and upgrading show recipes', () => {
  const pages = new Set(RECIPES.map(({ page }) => page));
  assert.deepEqual(
    [...pages],
    [
      'README.md',
      'docs/clusters.md',
      'docs/mirrors-and-air-gap.md',
      'docs/restoring.md',
      'docs/sites.md',
      'docs/upgrading.md',
    ],
  );
});

for (const { page, index, code } of RECIPES) {
  test(`recipe ${index + 1} of ${page} is one that can be run`, async (t) => {
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
  auth: { token: secret('registry token', { env: 'REGISTRY_TOKEN' }) },
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

const [HOST = '', LOCK = ''] = blocks('docs/sites.md', 'json');

test('the lock that the page on sites shows can be read', async (t) => {
  const file = join(await tempFolder(t), 'cc.lock');
  await writeFile(file, LOCK);
  assert.deepEqual([...readEntries(file).keys()], ['hello']);
});

test('the host that the page on sites shows has every field that a host may have, and no other', () => {
  const host = JSON.parse(HOST) as Record<string, unknown>;
  assert.deepEqual(checked(RecipeShape, { hosts: [host] }, ''), { ok: true, value: { hosts: [host] } });
  const { madeBy: _, ...fields } = HostShape.entries; // a plugin says what makes a host
  assert.deepEqual(Object.keys(host).toSorted(), Object.keys(fields).toSorted());
});

test('the page on sites tells of every field of a recipe', () => {
  for (const field of Object.keys(RecipeShape.entries))
    assert.match(textOf('docs/sites.md'), new RegExp(`^\\| \`${field}\` `, 'm'), field);
});

/** The command lines of a page: those in blocks without a language, and those in the text. */
function commandLines(page: string): readonly string[] {
  const text = textOf(page).replaceAll(/^```.*?^```$/gms, '');
  const inBlocks = [...text.matchAll(/^ {4}(?:\$ )?(?:.*&& )?(?:npx |deno task )?(cc(?: .*)?)$/gm)];
  const inText = [...text.replaceAll(/\s+/g, ' ').matchAll(/`(?:npx )?(cc(?: [^`]*)?)`/g)];
  return [...inBlocks, ...inText].map(([, line = '']) => line.replace(/\s+#.*$/, '').trim());
}

/** The words of a line, without what may be left out, which stands in brackets; `cc run` alone is the name of a command. */
function wordsOf(line: string): readonly string[] {
  const words = line
    .replaceAll(/ \[[^\]]*\]/g, '')
    .split(/\s+/)
    .slice(1);
  const [first = '', ...others] = words;
  return others.length === 0 && Object.hasOwn(COMMANDS, first) ? ['help', first] : words;
}

for (const page of [...PAGES, 'plugins/README.md', 'CHANGELOG.md'])
  test(`every command line of ${page} is one that cc takes`, () => {
    const lines = commandLines(page);
    if (page === 'README.md') assert.ok(lines.length > 5);
    for (const line of lines) assert.doesNotThrow(() => parsed(wordsOf(line)), line);
  });

/** Headings as a page is linked to: GitHub's way to make an anchor of one. */
function anchorsOf(page: string): readonly string[] {
  const text = textOf(page).replaceAll(/^```.*?^```$/gms, '');
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

for (const page of [...PAGES, 'plugins/README.md', 'core/README.md'])
  test(`every link of ${page} leads to a page and a heading that are there`, () => {
    const links = [...textOf(page).matchAll(/\]\(([^)\s]+)\)|^\[\w+\]: (\S+)$/gm)].map(
      ([, inline, named]) => inline ?? named ?? '',
    );
    for (const link of links.filter((each) => !/^https?:/.test(each))) {
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? page : fileURLToPath(new URL(path, new URL(page, ROOT)));
      assert.ok(existsSync(new URL(target, ROOT)), link);
      if (anchor !== undefined) assert.ok(anchorsOf(target).includes(anchor), link);
    }
  });

test('README has at most 150 lines, and leads to every page', () => {
  const text = textOf('README.md');
  assert.ok(text.trimEnd().split('\n').length <= 150);
  for (const page of PAGES.slice(1)) assert.ok(text.includes(`](${page})`), page);
});
