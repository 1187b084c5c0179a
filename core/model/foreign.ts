/**
 * What others made, read once into values of cc's own: nothing in these computes, throws, or differs when it is read again. A
 * getter or a proxy may throw anything while it is read; whoever reads tells of that as of their other code.
 */
import { isPromise } from 'node:util/types';
import { asked, isOf } from './thrown.ts';

/** Says where something is not what was expected. It has no place in code, since none threw. */
export class Odd extends Error {}

/** Answers what it read, or throws `Odd`; `path` leads to the value, in words. */
export type Reader<Value> = (value: unknown, path: string) => Value;

/** A reader for each field; what the fields do not name is left out. */
export type Fields<Shape> = { readonly [F in keyof Shape]-?: Reader<Shape[F]> };

/** More than anybody has of anything. */
export const MOST = 1_000_000;
/** Characters, of all texts of one value together; twice as much and more still fits into one text as JSON. */
export const LONGEST = 2 ** 26;

export function odd(path: string, expected: string, value: unknown): never {
  throw new Odd(`${path}: expected ${expected}, found ${shown(value)}`);
}

/** Reads what is one value, and no list or object. */
export function plain<Value>(expected: string, is: (value: unknown) => value is Value): Reader<Value> {
  return (value, path) => (is(value) ? value : odd(path, expected, value));
}

export function text(expected: string, longest = LONGEST): Reader<string> {
  return plain(expected, (value): value is string => typeof value === 'string' && value.length <= longest);
}

export function number(expected: string, fits: (value: number) => boolean): Reader<number> {
  return plain(
    expected,
    (value): value is number => typeof value === 'number' && Number.isFinite(value) && fits(value),
  );
}

export function choice<const Value>(...values: readonly Value[]): Reader<Value> {
  const expected = values.map((each) => JSON.stringify(each)).join(' or ');
  return plain(expected, (value): value is Value => values.some((each) => each === value));
}

export const flag = plain('true or false', (value) => typeof value === 'boolean');

export const anyText = text('a text');
export const count = number(
  'a whole number, 0 or more',
  (value) => Number.isSafeInteger(value) && value >= 0,
);

/** A function; `record` binds it to what it is a field of. */
export const callable = plain('a function', isFunction) as Reader<never>; // of whatever type its field has

/** Names, units and paths. */
export const name = text('a name', 4096);
export const names = list('a list of names', name);

export function optional<Value>(reader: Reader<Value>): Reader<Value | undefined> {
  return (value, path) => (value === undefined ? undefined : reader(value, path));
}

/** A hole in it is an entry that is nothing. */
export function list<Value>(expected: string, each: Reader<Value>): Reader<readonly Value[]> {
  return (value, path) => {
    if (!Array.isArray(value)) return odd(path, expected, value);
    const { length } = value;
    if (length > MOST) throw new Odd(`${path} has more than ${MOST} entries`);
    return Array.from({ length }, (_, index) => each(value[index], `${path}[${index}]`));
  };
}

export function record<Shape>(expected: string, fields: Fields<Shape>): Reader<Shape> {
  return (value, path) => {
    if (!isObject(value)) return odd(path, expected, value);
    const entries = Object.entries<Reader<unknown>>(fields).flatMap(([key, reader]) => {
      const read = reader(Reflect.get(value, key), fieldOf(path, key));
      if (read === undefined) return [];
      return [[key, isFunction(read) ? bound(read, value) : read] as const];
    });
    return Object.fromEntries(entries) as Shape; // each field is what its reader answered
  };
}

/** What its `kind` says which fields it has. */
export function variant<Shape extends { readonly kind: string }>(
  expected: string,
  kinds: { readonly [K in Shape['kind']]: Omit<Fields<Extract<Shape, { kind: K }>>, 'kind'> },
): Reader<Shape> {
  const readers = new Map(
    Object.entries<object>(kinds).map(([kind, fields]) => [
      kind,
      record<Shape>(expected, { kind: () => kind, ...fields } as unknown as Fields<Shape>), // one of the table
    ]),
  );
  return (value, path) => {
    if (!isObject(value)) return odd(path, expected, value);
    const kind = Reflect.get(value, 'kind');
    const reader = readers.get(kind as string); // any other is not there
    return reader ? reader(value, path) : odd(fieldOf(path, 'kind'), [...readers.keys()].join(', '), kind);
  };
}

/** Reads what code of a plugin hands over where it calls cc: what is odd about it is a mistake of the line that calls. */
export function handed<Value>(reader: Reader<Value>, value: unknown, what: string): Value {
  try {
    return reader(value, what);
  } catch (error) {
    throw isOf(error, Odd) ? new TypeError(error.message) : error;
  }
}

/** A path that ends as a beginning, `its step "a": `, goes on without a dot. */
function fieldOf(path: string, key: string): string {
  return path.endsWith(' ') ? `${path}${key}` : `${path}.${key}`;
}

export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

type Call = (...given: readonly unknown[]) => unknown;

function isFunction(value: unknown): value is Call {
  return typeof value === 'function';
}

function bound(call: Call, self: object): Call {
  return (...given) => Reflect.apply(call, self, given);
}

/** As much of a text as is shown of one that was not expected. */
const SHOWN = 60;

/** A value as it is told of where something else was expected. */
export function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'string')
    return JSON.stringify(value.length > SHOWN ? `${value.slice(0, SHOWN)}…` : value);
  if (typeof value === 'symbol' || typeof value === 'function') return `a ${typeof value}`;
  if (typeof value === 'bigint') return `${value}n`.slice(0, SHOWN);
  if (!isObject(value)) return String(value);
  const what = () => (Array.isArray(value) ? 'a list' : isPromise(value) ? 'a promise' : 'an object');
  return asked(what, 'something that cannot be read');
}
