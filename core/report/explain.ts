/** What is said of a failure: what, where, why, and how to mend it. */
import type { Failure } from '../model/failure.ts';
import { asked } from '../model/thrown.ts';
import { EXPLAINED, type Explained } from './explanations.ts';

export function explain(failure: Failure): Explained {
  return EXPLAINED[failure.kind](failure as never); // the table is typed by kind
}

/** A failure as the lines of a message; also one that code of a plugin reports without what its kind has. */
export function explained(failure: Failure): string[] {
  const lines: readonly unknown[] = asked(() => linesOf(failure), []);
  const whole = lines.flatMap((line) => (typeof line === 'string' ? [line] : []));
  return whole.length > 0 && whole.length === lines.length ? whole : misreported(failure);
}

function linesOf(failure: Failure): readonly string[] {
  const { what, why, fix } = explain(failure);
  return [what, ...why.map((line) => `  ${line}`), ...(fix ? [`  fix: ${fix}`] : [])];
}

/** As much as is shown of what was reported instead. */
const SHOWN = 300;

function misreported(failure: Failure): string[] {
  return [
    `Cannot go on: code of a plugin reports a failure "${failure.kind}" without all that this kind has`,
    `  ${JSON.stringify(failure).slice(0, SHOWN)}`,
    '  fix: correct what it gives to fail(), or tell whoever wrote the plugin',
  ];
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
