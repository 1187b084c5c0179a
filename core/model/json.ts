/** Data that can be stored, hashed and printed: what facts, inputs and events are made of. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json | undefined };

/** Why a value is no JSON, as `facts.size is a bigint`; undefined when it is. A key without a value counts as not there. */
export function jsonFault(value: unknown, path: string, within: readonly unknown[] = []): string | undefined {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return undefined;
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : `${path} is ${value}`;
  if (value === undefined) return `${path} is undefined`;
  if (typeof value !== 'object') return `${path} is a ${typeof value}`;
  if (within.includes(value)) return `${path} holds itself`;
  const open = [...within, value];
  if (Array.isArray(value))
    return first(value.entries(), (index, item) => jsonFault(item, `${path}[${index}]`, open));
  const tag = Object.prototype.toString.call(value).slice('[object '.length, -1);
  if (tag !== 'Object' || 'toJSON' in value) return `${path} is a ${tag}, and no plain data`;
  return first(Object.entries(value), (key, item) =>
    item === undefined ? undefined : jsonFault(item, `${path}.${key}`, open),
  );
}

function first<Key>(
  entries: Iterable<readonly [Key, unknown]>,
  fault: (key: Key, value: unknown) => string | undefined,
): string | undefined {
  for (const [key, value] of entries) {
    const found = fault(key, value);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Marks a switch or table as complete: reaching it is a bug, and the compiler says so first. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}
