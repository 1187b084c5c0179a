/** Says of mistakes who made them: the line of the file that holds the value, or the `--set` that gave it. */
import { basename, extname } from 'node:path';
import type { Setting } from '../../graph/settings.ts';
import type { Failure, Place, Problem } from '../../model/failure.ts';
import { hostsOf, type Recipe } from '../../model/recipe.ts';
import { UNKNOWN } from '../../model/schema.ts';
import { SECRET_WANTED } from '../../model/secret.ts';
import { sourceOf } from '../../model/source.ts';
import { placeAt } from '../../model/text-place.ts';
import { isShipped } from '../shipped.ts';
import { foundInYaml } from './indents.ts';
import { foundIn } from './tokens.ts';

/** Where a recipe is from: the file, and the path to it in what that says. */
export interface Origin {
  readonly file: string;
  readonly path: readonly string[];
  /** The file that its hosts are from, where that is another one. */
  readonly hosts?: string;
}

/** What a configuration was made of, the base first. */
export interface Sources {
  readonly layers: readonly Recipe[];
  /** Of each of them. */
  readonly origins: readonly Origin[];
  readonly settings: readonly Setting[];
}

type Invalid = Extract<Failure, { kind: 'config-invalid' }>;

/** Mistakes with their places, as far as they can be told; without sources their paths are those of what the one file says. */
export function placed({ file, problems }: Invalid, sources?: Sources): readonly Problem[] {
  const settingOf = ({ path }: Problem) => sources?.settings.findLast((each) => isAbout(path, each));
  const hidden = new Set(problems.filter(({ message }) => message === SECRET_WANTED).map(settingOf));
  return problems.map((problem) => {
    const setting = settingOf(problem);
    if (setting) return { ...problem, ...given(problem, setting, hidden.has(setting)) };
    const found = () =>
      sources ? placeIn(problem, sources) : placeOf(problem, file, problem.path.split('.'));
    const at = problem.at ?? found();
    return { ...problem, ...hintFor(problem, file), ...(at ? { at } : {}) };
  });
}

/** What a recipe of cc itself lacks is written into a configuration that extends it. */
function hintFor({ path, hint }: Problem, file: string): Partial<Problem> {
  const name = basename(file, extname(file));
  return path === 'hosts' && hint?.startsWith('hosts:') && isShipped(file)
    ? { hint: `cc.config.ts: export default { extends: '${name}', ${hint} };` }
    : {};
}

function isAbout(path: string, { plugin, path: option }: Setting): boolean {
  const name = [plugin, ...option].join('.');
  const isAbove = path.includes('.') && name.startsWith(`${path}.`);
  return path === name || path.startsWith(`${name}.`) || isAbove;
}

/** A value that stands where a secret is wanted may be the secret. */
function given(
  { path: about, message, known: [own] = [] }: Problem,
  { plugin, path, text }: Setting,
  hidden: boolean,
): Partial<Problem> {
  const name = [plugin, ...path].join('.');
  const isData = /^expected (Array|Object)/.test(message);
  const example = message.startsWith('expected Array') ? '["a","b"]' : '{"NAME":VALUE}';
  const way =
    own === undefined ? `JSON: --set ${about}='${example}'` : `each by itself: --set ${about}.${own}=VALUE`;
  return {
    given: `${name}=${hidden ? '…' : text}`,
    ...(about === name ? {} : { message: `${about}: ${message}` }),
    ...(isData ? { hint: way } : {}),
  };
}

/** The place in the uppermost layer that says something of it. */
function placeIn(problem: Problem, { layers, origins }: Sources): Place | undefined {
  for (const [index, { file, path, hosts }] of [...origins.entries()].toReversed()) {
    const inside = pathIn(problem.path, layers[index]!); // there are as many
    if (inside?.[0] === 'hosts' && hosts !== undefined) return placeOf(problem, hosts, inside.slice(1));
    if (inside) return placeOf(problem, file, [...path, ...inside]);
  }
  return undefined;
}

/** Where a recipe holds what a mistake is about: mistakes call hosts by name, and options by their plugin. */
function pathIn(path: string, recipe: Recipe): readonly string[] | undefined {
  const [first = '', ...rest] = path.split('.');
  const { options = {}, plugins = [], without = [] } = recipe;
  const at = (list: string, index: number, ...more: readonly string[]) =>
    index < 0 ? undefined : [list, String(index), ...more];
  if (first === 'hosts') {
    const [name = '', option] = rest.join('.').split('.options.');
    const inside = option === undefined ? [] : ['options', ...option.split('.')];
    return at(
      'hosts',
      hostsOf(recipe).findLastIndex((host) => host.name === name),
      ...inside,
    );
  }
  if (first === 'roleOptions') return isIn(recipe, [first, ...rest]) ? [first, ...rest] : undefined;
  if (first === 'without') return at('without', without.indexOf(rest.join('.')));
  if (first === 'options')
    return Object.hasOwn(options, rest.join('.')) ? ['options', rest.join('.')] : undefined;
  const [option = ''] = rest;
  const laid = Object.hasOwn(options, first) ? options[first] : undefined;
  if (laid && Object.hasOwn(laid, option)) return ['options', first, ...rest];
  return at(
    'plugins',
    plugins.findLastIndex(({ spec }) => spec.name === first),
    ...rest,
  );
}

/** Whether a layer says something of a role, as far as the option in it. */
function isIn({ roleOptions = {} }: Recipe, [, role = '', plugin, option]: readonly string[]): boolean {
  const options = roleOptions[role];
  if (options === undefined || plugin === undefined) return options !== undefined;
  return (
    Object.hasOwn(options, plugin) && (option === undefined || Object.hasOwn(options[plugin] ?? {}, option))
  );
}

function placeOf(problem: Problem, file: string, path: readonly string[]): Place | undefined {
  try {
    const source = sourceOf(file) ?? '';
    const whole = basename(file) === 'package.json' ? ['cc', ...path] : path;
    const found = (/\.ya?ml$/.test(file) ? foundInYaml : foundIn)(source, whole);
    // Of what is missing, what it is missing in.
    if (!found || found.depth < whole.length - 1) return undefined;
    return placeAt(file, source, problem.message === UNKNOWN ? found.key : found.value);
  } catch {
    return undefined; // it was read a moment ago, and is no more
  }
}
