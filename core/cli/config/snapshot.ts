/** A copy of what a configuration says, made once: nothing in it computes, throws, or has no end. */
import { isPromise } from 'node:util/types';
import type { Problem } from '../../model/failure.ts';
import { described } from '../../model/plugin.ts';
import { messageOf, placeOf } from '../../model/thrown.ts';

/** Deeper than anybody nests options. */
const DEEPEST = 100;
/** More than anybody has of anything. */
const MOST = 100_000;

type Path = readonly string[];

/**
 * Copies lists and objects; what cannot be copied is added to `problems`, and left out. A promise stays one, so that it can be
 * told as such.
 */
export function snapshot(value: unknown, problems: Problem[]): unknown {
  let count = 0;
  const refuse = (path: Path, message: string): void => {
    problems.push({ path: nameOf(path), message });
  };

  const copy = (value: unknown, path: Path, above: readonly object[]): unknown =>
    attempted(() => copied(value, path, above), path);

  const copied = (value: unknown, path: Path, above: readonly object[]): unknown => {
    if (typeof value !== 'object' || value === null || isPromise(value) || isTheirs(value, path))
      return value;
    if (isSpec(path)) return described(value);
    const circle = above.indexOf(value);
    if (circle >= 0)
      return refuse(
        path,
        `goes round in a circle, back to ${path.slice(0, circle).join('.') || 'the whole'}`,
      );
    if (path.length > DEEPEST) return refuse([...path.slice(0, 3), '…'], 'is nested without an end');
    const keys = Array.isArray(value) ? indices(value.length) : Object.keys(value);
    count += keys.length;
    if (count > MOST) return refuse(path, 'has too many entries');
    const read = (key: string): unknown => attempted(() => Reflect.get(value, key), [...path, key]);
    const entries = keys.map((key) => [key, copy(read(key), [...path, key], [...above, value])] as const);
    return Array.isArray(value) ? entries.map(([, each]) => each) : Object.fromEntries(entries);
  };

  const attempted = (call: () => unknown, path: Path): unknown => {
    try {
      return call();
    } catch (error) {
      problems.push(unreadable(nameOf(path), error));
      return undefined;
    }
  };

  return copy(value, [], []);
}

function nameOf(path: Path): string {
  return path.join('.') || 'it';
}

/** Reading what a configuration exports may run its code. */
export function unreadable(path: string, error: unknown): Problem {
  const at = placeOf(error);
  return { path, message: `cannot be read: ${messageOf(error)}`, ...(at ? { at } : {}) };
}

/** No more of them than tell that there are too many. */
function indices(length: number): readonly string[] {
  return Array.from({ length: Math.min(length, MOST + 1) }, (_, index) => String(index));
}

/** Whether it leads to what describes a plugin, which is more than data. */
function isSpec(path: Path): boolean {
  const [list, , part] = path.slice(-3);
  return list === 'plugins' && part === 'spec';
}

/** What only a plugin reads: things of its own among the options. */
function isTheirs(value: object, path: Path): boolean {
  const isOption = path.includes('given') || path.includes('options');
  if (!isOption || Array.isArray(value)) return false;
  const kind: unknown = Object.getPrototypeOf(value);
  return kind !== Object.prototype && kind !== null;
}
