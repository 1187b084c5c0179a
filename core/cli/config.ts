/** Loads a configuration, down to the recipe that every other one extends. */
import { existsSync, realpathSync } from 'node:fs';
import { dirname, extname, isAbsolute, join, resolve } from 'node:path';
import { nearest } from '../graph/near.ts';
import type { Setting } from '../graph/settings.ts';
import { Failed, fail, type Problem } from '../model/failure.ts';
import { areElsewhere, type HostsCommand, type Recipe } from '../model/recipe.ts';
import { unfit } from '../model/text-file.ts';
import { type Options, usage } from './args.ts';
import type { Origin, Sources } from './config/blame.ts';
import { contentOf } from './config/content.ts';
import { searched } from './config/search.ts';
import { asRecipe } from './config/shape.ts';
import { type Trust, trustOf } from './config/trust.ts';
import { shippedFile, shippedRecipes } from './shipped.ts';

/** The recipes that are laid over each other, the base first, and what `--set` lays over them all. */
export interface Loaded extends Sources {
  readonly file: string;
  /** The lock file of each, the base first; `cc lock` writes the last. */
  readonly locks: readonly string[];
}

/** Loads what counts in this folder. Nothing is read that others than root and the caller may write. */
export async function loadConfig(
  options: Pick<Options, 'config' | 'recipe' | 'set'>,
  cwd: string,
  trust: Trust = trustOf({}),
): Promise<Loaded> {
  const settings = (options.set ?? []).map(settingOf);
  const { file, recipe } = await start(options, cwd, trust);
  const { files, ...whole } = await extended(recipe, file, trust);
  const { layers, origins } = await peopled(whole, trust);
  const own = options.recipe === undefined ? join(dirname(file), 'cc.lock') : lockOf(file);
  const locks = [...files.map(lockOf), own];
  for (const lock of locks) trust(lock);
  return { file, layers, origins, settings, locks };
}

/** What the call answers; a mistake of the configuration is told with its place, which only then is worth looking for. */
export async function placing<Value>(sources: Sources | undefined, call: () => Value): Promise<Value> {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof Failed) || error.failure.kind !== 'config-invalid') throw error;
    const { placed } = await import('./config/blame.ts');
    throw new Failed({ ...error.failure, problems: placed(error.failure, sources) }, { cause: error });
  }
}

type Named = Pick<Options, 'config' | 'recipe'>;

async function start(options: Named, cwd: string, trust: Trust): Promise<{ file: string; recipe: Recipe }> {
  const named = namedFile(options, cwd);
  if (named !== undefined) return { file: named, recipe: await load(named, trust) };
  const { file, value } = await searched(cwd, trust);
  return { file, recipe: await recipeIn(value, file) };
}

/** The file that the command line names, which may not be there; undefined: it is to be searched for. */
export function namedFile({ config, recipe }: Named, cwd: string): string | undefined {
  if (recipe !== undefined) return recipeFile(recipe, cwd);
  return config === undefined ? undefined : resolve(cwd, config);
}

async function load(file: string, trust: Trust): Promise<Recipe> {
  return recipeIn(await contentOf(file, trust), file);
}

function recipeIn(value: unknown, file: string, path: readonly string[] = []): Promise<Recipe> {
  return placing(undefined, () => asRecipe(value, file, path));
}

/** A recipe's lock stands beside it, under its name. */
function lockOf(file: string): string {
  return `${file.slice(0, -extname(file).length)}.lock`;
}

/** Follows `extends` to the base, whose file comes first. */
async function extended(
  recipe: Recipe,
  file: string,
  trust: Trust,
): Promise<{ layers: readonly Recipe[]; origins: readonly Origin[]; files: readonly string[] }> {
  const layers = [recipe];
  const origins: Origin[] = [{ file, path: [] }];
  const seen = [file];
  let from = file;
  for (let base = recipe.extends; base !== undefined; base = layers[0]!.extends) {
    const path = [...origins[0]!.path, 'extends']; // there is one for each layer
    if (typeof base === 'string') {
      from = await baseFile(base, { file: from, path }, seen);
      seen.push(from);
      layers.unshift(await load(from, trust));
      origins.unshift({ file: from, path: [] });
    } else {
      layers.unshift(await recipeIn(base, from, path));
      origins.unshift({ file: from, path });
    }
  }
  return { layers, origins, files: seen.slice(1).toReversed() };
}

/** The same with the hosts that are from elsewhere. */
async function peopled(
  { layers, origins }: { readonly layers: readonly Recipe[]; readonly origins: readonly Origin[] },
  trust: Trust,
): Promise<Pick<Loaded, 'layers' | 'origins'>> {
  const all: (readonly [Recipe, Origin])[] = [];
  for (const [index, layer] of layers.entries()) {
    const origin = origins[index]!; // there is one for each layer
    all.push(
      areElsewhere(layer.hosts) ? await withHosts(layer, layer.hosts, origin, trust) : [layer, origin],
    );
  }
  return { layers: all.map(([layer]) => layer), origins: all.map(([, origin]) => origin) };
}

async function withHosts(
  layer: Recipe,
  hosts: string | HostsCommand,
  origin: Origin,
  trust: Trust,
): Promise<readonly [Recipe, Origin]> {
  const { inventoryOf } = await import('./config/inventory.ts'); // most recipes hold their hosts
  const { file, path } = origin;
  const refuse = (message: string, hint?: string): never => {
    const problem = { path: [...path, 'hosts'].join('.'), message, ...(hint ? { hint } : {}) };
    return fail({ kind: 'config-invalid', file, problems: [problem] });
  };
  const found = await placing(undefined, () => inventoryOf({ hosts, file, refuse }, trust));
  return [
    { ...layer, hosts: found.hosts },
    { ...origin, ...(found.file === undefined ? {} : { hosts: found.file }) },
  ];
}

/** The file that `extends` names; where there is none it is a mistake of what names it. */
function baseFile(name: string, { file, path }: Origin, seen: readonly string[]): Promise<string> {
  const mistake = (problem: Omit<Problem, 'path'>): never =>
    fail({ kind: 'config-invalid', file, problems: [{ path: path.join('.'), ...problem }] });
  return placing(undefined, () => {
    const base = fileOf(name, dirname(file));
    if (base === undefined) return mistake({ message: `there is no recipe "${name}"`, ...nearIn(name) });
    const why = unfit(base);
    if (why !== undefined) return mistake({ message: `cannot be ${base}: ${why}` });
    const before = seen.map((each) => realpathSync(each)).indexOf(realpathSync(base));
    if (before < 0) return base;
    const round = [...seen.slice(before), base];
    return mistake({ message: `leads back to where it began: ${round.join(' → ')}` });
  });
}

/** A recipe by the name of a shipped one, or by path. */
function recipeFile(name: string, folder: string): string {
  const file = fileOf(name, folder);
  return file === undefined ? fail({ kind: 'unknown-name', what: 'recipe', name, ...nearIn(name) }) : file;
}

/** Undefined: it is no path, and no recipe of that name comes with cc. */
function fileOf(name: string, folder: string): string | undefined {
  if (name.startsWith('.') || isAbsolute(name) || /\.(ts|mjs|js|json|ya?ml)$/.test(name))
    return resolve(folder, name);
  const file = shippedFile(name);
  return existsSync(file) ? file : undefined;
}

function nearIn(name: string): { readonly near?: string } {
  const near = nearest(name, shippedRecipes());
  return near === undefined ? {} : { near };
}

/** Names in a path of `--set`; no options are that deep. */
const DEEPEST = 100;

/** `--set plugin.option=value`, or one deeper down: `--set plugin.option.part=value`. */
function settingOf(text: string): Setting {
  const match = /^([^.=]+)\.([^=]+)=(.*)$/s.exec(text);
  const [, plugin = '', path = '', value = ''] = match ?? [];
  const parts = path.split('.');
  if (parts.includes('') || parts.length > DEEPEST)
    return usage(`Cannot read "--set ${text.replace(/=.*/s, '=...')}": expected plugin.option=value`); // it may be a secret
  return { plugin, path: parts, text: value };
}
