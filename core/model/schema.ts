/** The schema library behind plugin options, and how its complaints become problems of a configuration. */
import * as v from 'valibot';
import type { Problem } from './failure.ts';

export { v };

export type Checked =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Checks options against a plugin's schema; every complaint is answered, with the known names it could be meant as. */
export function checked(schema: v.GenericSchema, given: unknown, place: string): Checked {
  const result = v.safeParse(schema, given);
  if (result.success) return { ok: true, value: result.output };
  return { ok: false, problems: result.issues.map((issue) => problem(issue, place)) };
}

function problem(issue: v.BaseIssue<unknown>, place: string): Problem {
  const path = [place, v.getDotPath(issue)].filter(Boolean).join('.');
  if (issue.type === 'strict_object' && issue.expected === 'never')
    return { path, message: place === '' ? 'is not a key of a recipe' : 'is not an option' };
  const found = issue.received === 'undefined' ? 'it is missing' : `found ${issue.received}`;
  const expected =
    issue.requirement instanceof RegExp ? `to match ${issue.requirement.source}` : issue.expected;
  return { path, message: expected ? `expected ${expected}, ${found}` : issue.message };
}

/** The names of the options that a schema knows, for suggestions. */
export function optionNames(schema: v.GenericSchema): readonly string[] {
  const entries: unknown = 'entries' in schema ? schema.entries : undefined;
  return typeof entries === 'object' && entries !== null ? Object.keys(entries) : [];
}
