/** What `--set` lays over the options of plugins: text that is read as the option's own schema says. */
import type { Problem } from '../model/failure.ts';
import { readAs } from '../model/reading.ts';
import { asked } from '../model/thrown.ts';
import type { Flat } from './flatten.ts';
import { nearest } from './near.ts';

/** `--set plugin.option=text`; an option of an option has a longer path. */
export interface Setting {
  readonly plugin: string;
  readonly path: readonly string[];
  readonly text: string;
}

/** The recipe with its options set, one after the other. */
export function withSettings(flat: Flat, settings: readonly Setting[], problems: Problem[]): Flat {
  const uses = new Map(flat.uses.map((use) => [use.spec.name, use]));
  for (const { plugin, path, text } of settings) {
    const use = uses.get(plugin);
    const fault = use && listFault(use.given, path);
    if (fault !== undefined) problems.push({ path: [plugin, ...path].join('.'), message: fault });
    else if (use) {
      const value = asked(() => readAs(use.spec.options, path, text), text); // a schema may be anything
      const given = placed(use.given, path, value);
      uses.set(plugin, { ...use, given });
    } else {
      const near = nearest(plugin, uses.keys());
      const message = 'the recipe has no such plugin';
      problems.push({ path: [plugin, ...path].join('.'), message, ...(near ? { near } : {}) });
    }
  }
  return { ...flat, uses: [...uses.values()] };
}

/** Why a path leads to no element of a list that is given; undefined when it does, or the element would be the next one. */
function listFault(data: unknown, path: readonly string[]): string | undefined {
  const [key = '', ...rest] = path;
  if (path.length === 0 || typeof data !== 'object' || data === null) return undefined;
  const isElement = !Array.isArray(data) || (/^\d+$/.test(key) && Number(key) <= data.length);
  if (!isElement) return `expected a place from 0 to ${data.length} in the list, found "${key}"`;
  return Object.hasOwn(data, key)
    ? listFault((data as Readonly<Record<string, unknown>>)[key], rest)
    : undefined;
}

/** The same data with another value at a path; nothing that is given is changed. */
function placed(
  data: Readonly<Record<string, unknown>>,
  [key = '', ...rest]: readonly string[],
  value: unknown,
): Readonly<Record<string, unknown>> {
  const old = Object.hasOwn(data, key) ? data[key] : undefined;
  const next = rest.length === 0 ? value : placedIn(old, rest, value);
  return Object.fromEntries([...Object.entries(data).filter(([name]) => name !== key), [key, next]]);
}

function placedIn(old: unknown, path: readonly string[], value: unknown): unknown {
  if (Array.isArray(old)) return Object.values(placed({ ...old }, path, value));
  const isObject = typeof old === 'object' && old !== null;
  return placed(isObject ? (old as Readonly<Record<string, unknown>>) : {}, path, value);
}
