/** Finds and loads a configuration, down to the recipe that every other one extends. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, extname, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { nearest } from '../graph/near.ts';
import { Failed, fail } from '../model/failure.ts';
import { type Recipe, RecipeShape } from '../model/recipe.ts';
import { checked, optionNames, UNKNOWN } from '../model/schema.ts';
import { messageOf, placeOf } from '../model/thrown.ts';
import { type Options, usage } from './args.ts';

export interface Loaded {
  readonly file: string;
  /** The recipes that are laid over each other, the base first. */
  readonly layers: readonly Recipe[];
  /** The lock file of each, the base first; `cc lock` writes the last. */
  readonly locks: readonly string[];
}

const RECIPES = fileURLToPath(new URL('../../recipes', import.meta.url));
/** Shipped recipes have the ending of this very file: sources in a clone, compiled in a package. */
const ENDING = extname(fileURLToPath(import.meta.url));

export async function loadConfig(
  options: Pick<Options, 'config' | 'recipe' | 'set'>,
  cwd: string,
): Promise<Loaded> {
  const { file, recipe } = await start(options, cwd);
  const { layers, files } = await extended(recipe, file);
  const own = options.recipe === undefined ? join(dirname(file), 'cc.lock') : lockOf(file);
  const locks = [...files.map(lockOf), own];
  return { file, layers: options.set ? [...layers, settings(options.set)] : layers, locks };
}

async function start(
  { config, recipe }: Pick<Options, 'config' | 'recipe'>,
  cwd: string,
): Promise<{ file: string; recipe: Recipe }> {
  if (recipe !== undefined) {
    const file = recipeFile(recipe, cwd);
    return { file, recipe: await load(file) };
  }
  if (config !== undefined) {
    const file = resolve(cwd, config);
    if (!existsSync(file)) fail({ kind: 'config-unreadable', file, why: 'there is no such file' });
    return { file, recipe: await load(file) };
  }
  return search(cwd);
}

/**
 * cosmiconfig's own loaders would transpile TypeScript into the user's folder; ours lets the runtime strip the types.
 * It takes a file that it may not read, or that is empty, for none: whatever stands where it looked is then named.
 */
async function search(cwd: string): Promise<{ file: string; recipe: Recipe }> {
  // Found in the folder itself, as nearly always, a module needs neither a search nor a parser.
  const here = MODULES.map((name) => join(cwd, name)).find(isThere);
  if (here) return { file: here, recipe: await load(here) };
  const { cosmiconfig } = await import('cosmiconfig');
  const own = ['.ts', '.mjs', '.js', '.json', '.yaml'].map((ending) => [ending, content] as const);
  const places = ['cc.config.ts', 'cc.config.mjs', 'cc.config.js', 'cc.config.json', 'cc.config.yaml'];
  const explorer = cosmiconfig('cc', {
    searchPlaces: [...places, 'package.json'],
    searchStrategy: 'project',
    ignoreEmptySearchPlaces: false,
    cache: false,
    loaders: Object.fromEntries(own),
  });
  const found = await explorer.search(cwd).catch((error: unknown) => unreadable(cwd, error));
  if (found && !found.isEmpty)
    return { file: found.filepath, recipe: asRecipe(found.config, found.filepath) };
  for (let folder = cwd; ; folder = dirname(folder)) {
    const present = places.map((place) => join(folder, place)).find((path) => existsSync(path));
    if (present)
      return fail({ kind: 'config-unreadable', file: present, why: 'it cannot be read, or it is empty' });
    if (existsSync(join(folder, 'package.json')) || folder === dirname(folder)) break;
  }
  return fail({ kind: 'config-missing', from: cwd });
}

/** The places, first come first served, that are loaded without cosmiconfig. */
const MODULES = ['cc.config.ts', 'cc.config.mjs', 'cc.config.js'];

function isThere(path: string): boolean {
  const facts = statSync(path, { throwIfNoEntry: false });
  return facts?.isFile() === true && facts.size > 0;
}

async function load(file: string): Promise<Recipe> {
  return asRecipe(await content(file), file);
}

/** What a module exports, or what a JSON or YAML file says. */
async function content(file: string): Promise<unknown> {
  try {
    if (!/\.(json|ya?ml)$/.test(file))
      return ((await import(pathToFileURL(file).href)) as { default?: unknown }).default;
    const text = readFileSync(file, 'utf8');
    if (file.endsWith('.json')) return JSON.parse(text);
    const { defaultLoaders } = await import('cosmiconfig');
    return defaultLoaders['.yaml'](file, text);
  } catch (error) {
    return unreadable(file, error);
  }
}

function unreadable(file: string, error: unknown): never {
  if (error instanceof Failed) throw error;
  const at = placeOf(error);
  const lines = [
    messageOf(error),
    ...(at ? [`at ${at.file}:${at.line}`] : []),
    ...(at?.source ? [`  ${at.source}`] : []),
  ];
  return fail({ kind: 'config-unreadable', file, why: lines.join('\n') }, error);
}

/** A recipe by shape; what its plugins' options hold is checked when it is expanded. */
function asRecipe(value: unknown, file: string): Recipe {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return fail({ kind: 'config-unreadable', file, why: 'its default export is not a recipe' });
  }
  const result = checked(RecipeShape, value, '');
  if (result.ok) return value as Recipe; // of that shape, as just checked
  const keys = optionNames(RecipeShape);
  const problems = result.problems.map((problem) => {
    const near = problem.message === UNKNOWN ? nearest(problem.path, keys) : undefined;
    return near ? { ...problem, near } : problem;
  });
  return fail({ kind: 'config-invalid', file, problems });
}

/** A recipe's lock stands beside it, under its name. */
function lockOf(file: string): string {
  return `${file.slice(0, -extname(file).length)}.lock`;
}

/** Follows `extends` to the base, whose file comes first; a recipe that extends itself is a cycle. */
async function extended(
  recipe: Recipe,
  file: string,
): Promise<{ layers: readonly Recipe[]; files: readonly string[] }> {
  const layers = [recipe];
  const seen = [file];
  let from = file;
  for (let base = recipe.extends; base !== undefined; base = layers[0]!.extends) {
    if (typeof base === 'string') {
      from = recipeFile(base, dirname(from));
      if (seen.includes(from)) fail({ kind: 'cycle', path: [...seen.slice(seen.indexOf(from)), from] });
      seen.push(from);
      layers.unshift(await load(from));
    } else layers.unshift(asRecipe(base, from));
  }
  return { layers, files: seen.slice(1).toReversed() };
}

/** A recipe by the name of a shipped one, or by path. */
function recipeFile(name: string, folder: string): string {
  if (name.startsWith('.') || isAbsolute(name) || /\.(ts|mjs|js|json|ya?ml)$/.test(name)) {
    const file = resolve(folder, name);
    return existsSync(file) ? file : fail({ kind: 'config-unreadable', file, why: 'there is no such file' });
  }
  const file = join(RECIPES, `${name}${ENDING}`);
  if (existsSync(file)) return file;
  const near = nearest(name, shippedRecipes());
  return fail({ kind: 'unknown-name', what: 'recipe', name, ...(near ? { near } : {}) });
}

export function shippedRecipes(): readonly string[] {
  return readdirSync(RECIPES)
    .filter((name) => name.endsWith(ENDING) && !name.endsWith('.d.ts'))
    .map((name) => name.slice(0, -ENDING.length));
}

/** `--set plugin.option=value`; a value that is JSON is taken as such, any other as text. */
function settings(given: readonly string[]): Recipe {
  const options = new Map<string, [string, unknown][]>();
  for (const text of given) {
    const match = /^([^.=]+)\.([^=]+)=(.*)$/s.exec(text);
    if (!match) return usage(`Cannot read "--set ${text}": expected plugin.option=value`);
    const [, plugin = '', option = '', value = ''] = match;
    options.set(plugin, [...(options.get(plugin) ?? []), [option, dataOf(value)]]);
  }
  return {
    options: Object.fromEntries([...options].map(([plugin, set]) => [plugin, Object.fromEntries(set)])),
  };
}

function dataOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
