/** Data that can be stored, hashed and printed: what facts, inputs and events are made of. */
import { isObject, LONGEST, MOST, Odd } from './foreign.ts';

export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json | undefined };

/** Deeper than anybody nests data. */
const DEEPEST = 100;

/** A copy of data that anybody may have made; what is no JSON throws `Odd`. A key without a value counts as not there. */
export function jsonOf(value: unknown, path: string): Json {
  return dataOf(value, path, () => false) as Json; // with nothing else among it
}

/** The same with things of cc's own among it, which stay what they are. */
export function dataOf(value: unknown, path: string, isOwn: (value: unknown) => boolean): unknown {
  const left = { entries: MOST, letters: LONGEST };
  const spend = (what: keyof typeof left, count: number): void => {
    left[what] -= count;
    if (left[what] < 0) throw new Odd(`${path} is too large: it has more than ${BOUNDS[what]}`);
  };
  const copy = (value: unknown, path: string, within: readonly object[]): unknown => {
    if (typeof value === 'string') spend('letters', value.length);
    if (isOwn(value) || isScalar(value)) return value;
    if (!isObject(value))
      throw new Odd(
        `${path} is ${typeof value === 'number' || value === undefined ? value : `a ${typeof value}`}`,
      );
    if (within.includes(value)) throw new Odd(`${path} holds itself`);
    if (within.length === DEEPEST) throw new Odd(`${path} is nested more than ${DEEPEST} deep`);
    const open = [...within, value];
    if (Array.isArray(value)) {
      const { length } = value;
      spend('entries', length);
      return Array.from({ length }, (_, index) => copy(value[index], `${path}[${index}]`, open));
    }
    const tag = Object.prototype.toString.call(value).slice('[object '.length, -1);
    if (tag !== 'Object' || 'toJSON' in value) throw new Odd(`${path} is a ${tag}, and no plain data`);
    const keys = Object.keys(value);
    spend('entries', keys.length);
    const entries = keys.map((key) => {
      spend('letters', key.length);
      const item: unknown = Reflect.get(value, key);
      return [key, item === undefined ? undefined : copy(item, `${path}.${key}`, open)] as const;
    });
    return Object.fromEntries(entries);
  };
  return copy(value, path, []);
}

const BOUNDS = { entries: `${MOST} entries`, letters: `${LONGEST} characters` };

function isScalar(value: unknown): boolean {
  return value === null || ['boolean', 'string'].includes(typeof value) || Number.isFinite(value);
}

/** Marks a switch or table as complete: reaching it is a bug, and the compiler says so first. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}
