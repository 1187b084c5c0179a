/** What is said of a failure: what, where, why, and how to mend it. */
import type { Failure } from '../model/failure.ts';
import { EXPLAINED, type Explained } from './explanations.ts';

export function explain(failure: Failure): Explained {
  return EXPLAINED[failure.kind](failure as never); // the table is typed by kind
}

/** A failure as the lines of a message. */
export function explained(failure: Failure): string[] {
  const { what, why, fix } = explain(failure);
  return [what, ...why.map((line) => `  ${line}`), ...(fix ? [`  fix: ${fix}`] : [])];
}

/** Tells a failure that many tasks share, as of a host, from a new one: answers who had it first. */
export function sharing(): (id: string, failure: Failure) => string | undefined {
  const first = new Map<string, string>();
  return (id, failure) => {
    const text = JSON.stringify(failure);
    const before = first.get(text);
    if (before === undefined) first.set(text, id);
    return before;
  };
}
