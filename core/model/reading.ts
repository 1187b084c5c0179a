/** Text as the value that a schema wants: `1.20` stays text where that is wanted, and is a number where a number is. */
import type { GenericSchema } from './schema.ts';

/** What is looked at of a schema; each kind has some of it. */
interface Parts {
  readonly type: string;
  readonly wrapped?: Parts;
  readonly options?: readonly unknown[];
  readonly literal?: unknown;
  readonly entries?: Readonly<Record<string, Parts>>;
  readonly item?: Parts;
  readonly items?: readonly Parts[];
  readonly value?: Parts;
}

const CHOICES = ['union', 'variant'];
const LISTS = ['array', 'tuple', 'loose_tuple', 'strict_tuple', 'tuple_with_rest'];
const OBJECTS = ['object', 'strict_object', 'loose_object', 'object_with_rest', 'record'];

/** The value at a path below a schema, read from text. What can stand for nothing that is wanted stays text, and is refused as such. */
export function readAs(schema: GenericSchema, path: readonly string[], text: string): unknown {
  const plain = wantedAt(schema, path);
  const types = plain.map(({ type }) => type);
  const same = plain.flatMap(constants).find((value) => String(value) === text);
  if (same !== undefined) return same;
  if (types.includes('boolean') && /^(true|false)$/.test(text)) return text === 'true';
  if (types.includes('number') && isNumber(text, types.includes('string'))) return Number(text);
  const data = dataIn(text);
  if (types.some((type) => (Array.isArray(data) ? LISTS : isRecord(data) ? OBJECTS : []).includes(type)))
    return data;
  if (types.includes('string') || types.length === 0 || data === undefined) return text;
  return data === null || types.some(isOpen) ? data : text;
}

/** The names that a schema knows at a path, for suggestions. */
export function namesAt(schema: GenericSchema, path: readonly string[]): readonly string[] {
  return [...new Set(wantedAt(schema, path).flatMap(({ entries = {} }) => Object.keys(entries)))];
}

function wantedAt(schema: GenericSchema, path: readonly string[]): readonly Parts[] {
  const whole: readonly Parts[] = [schema as unknown as Parts]; // a view of what schemas of this library have
  return path.reduce((all, key) => all.flatMap((parts) => below(parts, key)), whole).flatMap(alternatives);
}

/** What stands for a schema: itself without what makes it optional, or each of those that it leaves to choose. */
function alternatives(parts: Parts): readonly Parts[] {
  if (parts.wrapped) return alternatives(parts.wrapped);
  return CHOICES.includes(parts.type) ? (parts.options as readonly Parts[]).flatMap(alternatives) : [parts];
}

/** The schemas of one entry. */
function below(parts: Parts, key: string): readonly Parts[] {
  return alternatives(parts).flatMap(({ entries, item, items, value }) => {
    const entry = entries && Object.hasOwn(entries, key) ? entries[key] : undefined;
    return [entry, item, items?.[Number(key)], value].filter((each) => each !== undefined);
  });
}

function constants({ type, options = [], literal }: Parts): readonly unknown[] {
  if (type === 'picklist' || type === 'enum') return options;
  return type === 'literal' ? [literal] : [];
}

/** Where text is wanted, too, only what is written as numbers are: `1.20` is no such. */
function isNumber(text: string, orText: boolean): boolean {
  return text.trim() === text && isExact(text) && (!orText || String(Number(text)) === text);
}

/** Whether a number stays the one that was written: a large one would be rounded, or be infinite, and a tiny one be nothing. */
function isExact(text: string): boolean {
  const number = Number(text);
  if (text === '' || !Number.isFinite(number)) return false;
  return number === 0
    ? !/^[^e]*[1-9]/i.test(text)
    : !Number.isInteger(number) || Number.isSafeInteger(number);
}

/** A schema that says no more than a function can check. */
function isOpen(type: string): boolean {
  return !['boolean', 'number', 'string', 'picklist', 'enum', 'literal', ...LISTS, ...OBJECTS].includes(type);
}

function isRecord(data: unknown): boolean {
  return typeof data === 'object' && data !== null && !Array.isArray(data);
}

/** A number in it that would become another stays text, too. */
function dataIn(text: string): unknown {
  const faithful = (_key: string, value: unknown, written?: { readonly source?: string }) =>
    typeof value === 'number' && written?.source !== undefined && !isExact(written.source)
      ? written.source
      : value;
  try {
    return JSON.parse(text, faithful);
  } catch {
    return undefined;
  }
}
