/** The schema library behind plugin options, and how its complaints become problems of a configuration. */
import { type BaseIssue, type GenericSchema, getDotPath, safeParse } from 'valibot';
import type { Problem } from './failure.ts';

export type { GenericSchema };

export type Checked =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Checks a record against a schema; every complaint is answered. `place` comes before the path of each. */
export function checked(schema: GenericSchema, given: object, place: string): Checked {
  const result = safeParse(schema, given);
  const unknown = unknownKeys(schema, given).map((key) => ({ path: joined(place, key), message: UNKNOWN }));
  if (result.success) return { ok: true, value: result.output };
  const others = result.issues.filter((issue) => !isUnknownKey(issue) || issue.path?.length !== 1);
  return { ok: false, problems: [...unknown, ...firstEach(others).map((issue) => problem(issue, place))] };
}

/** The same where the value that is answered counts: all that was given must be in it. */
export function checkedWhole(schema: GenericSchema, given: object, place: string): Checked {
  const result = checked(schema, given, place);
  const lost = result.ok ? lostIn(given, result.value, place) : [];
  return lost.length === 0
    ? result
    : { ok: false, problems: lost.map((path) => ({ path, message: 'cannot be used as a name' })) };
}

/** What is said of a key that the schema does not know. */
export const UNKNOWN = 'is not known';

/** Names that valibot leaves out of what it answers, without a word. */
const UNNAMED = ['__proto__', 'prototype', 'constructor'];

/** The paths of what was given and is lost. What is the same object is whole. */
function lostIn(given: unknown, kept: unknown, path: string): readonly string[] {
  if (given === kept || !isObject(given) || !isObject(kept)) return [];
  return Object.keys(given).flatMap((key) => {
    const at = joined(path, key);
    if (!Object.hasOwn(kept, key)) return UNNAMED.includes(key) ? [at] : [];
    // A getter is not asked twice.
    return lostIn(Object.getOwnPropertyDescriptor(given, key)?.value, kept[key], at);
  });
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

/** valibot stops at the first. */
function unknownKeys(schema: GenericSchema, given: object): readonly string[] {
  const known = optionNames(schema);
  return schema.type === 'strict_object' ? Object.keys(given).filter((key) => !known.includes(key)) : [];
}

function isUnknownKey(issue: BaseIssue<unknown>): boolean {
  return issue.type === 'strict_object' && issue.expected === 'never';
}

function joined(...parts: readonly (string | null)[]): string {
  return parts.filter(Boolean).join('.');
}

/** One mistake for one value: a name and what it stands for are two, and parts of an object are values of their own. */
function firstEach(issues: readonly BaseIssue<unknown>[]): readonly BaseIssue<unknown>[] {
  const seen = new Set<string>();
  return issues.filter((issue) => {
    const key = `${issue.path?.at(-1)?.origin === 'key'} ${getDotPath(issue)}`;
    if (seen.has(key)) return false;
    if (!isObject(issue.input)) seen.add(key);
    return true;
  });
}

function problem(issue: BaseIssue<unknown>, place: string): Problem {
  return { path: joined(place, getDotPath(issue)), message: isUnknownKey(issue) ? UNKNOWN : wordsOf(issue) };
}

/** In the words of whoever wrote the schema, where there are any. What a check says is whole: its value may be a secret. */
function wordsOf({ type, message, expected, received, requirement }: BaseIssue<unknown>): string {
  if (type === 'check' || type === 'custom') return message;
  const found = received === 'undefined' ? 'it is missing' : `found ${received}`;
  if (!/^Invalid .*: (Expected|Received) /s.test(message))
    return message.startsWith('expected ') ? `${message}, ${found}` : message;
  const wanted = requirement instanceof RegExp ? `to match ${requirement.source}` : expected;
  return wanted ? `expected ${wanted}, ${found}` : message;
}

/** The names of the options that a schema knows, for suggestions. */
export function optionNames(schema: GenericSchema): readonly string[] {
  const entries: unknown = 'entries' in schema ? schema.entries : undefined;
  return isObject(entries) ? Object.keys(entries) : [];
}
