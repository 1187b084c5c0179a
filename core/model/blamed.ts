/** What code of plugins and configurations threw, judged: a failure that it reports in good form, or a fault of its own. */
import { Failed, type Failure, isFailure } from './failure.ts';
import { anyText, list, name, names, Odd, optional, type Reader, record } from './foreign.ts';
import { jsonOf } from './json.ts';
import type { Place, Problem } from './problem.ts';
import { refusalOr } from './refused.ts';
import { isOf, messageOf, placeOf } from './thrown.ts';

/** A fault of the code that threw: in words, and where. */
export interface Fault {
  readonly message: string;
  readonly at?: Place;
}

const whole = (value: unknown, path: string): number => {
  if (typeof value === 'number') return value;
  throw new Odd(`${path} is no number`);
};

/** Reads mistakes that code of a plugin tells of. */
export const problems = list<Problem>(
  'a list of mistakes',
  record<Problem>('a mistake, { path, message }', {
    path: name,
    message: anyText,
    near: optional(anyText),
    known: optional(names),
    hint: optional(anyText),
    given: optional(anyText),
    at: optional(
      record<Place>('a place', {
        file: anyText,
        line: whole,
        column: optional(whole),
        source: optional(anyText),
      }),
    ),
  }),
);

/** What was thrown, as cc goes on with it: nothing of it is code of others any more. */
export function blamed(error: unknown): Failed | Fault {
  const thrown = refusalOr(error);
  const at = placeOf(thrown);
  const told = (message: string): Fault => ({ message, ...(at ? { at } : {}) });
  if (isOf(thrown, Odd)) return { message: thrown.message };
  if (!isFailure(thrown)) return told(messageOf(thrown));
  try {
    return new Failed(failure(thrown.failure, 'what it gave to fail()'), { cause: thrown });
  } catch (odd) {
    return told(messageOf(odd));
  }
}

/** What cc alone says. */
const OWN: readonly Failure['kind'][] = ['bug', 'plugin-threw', 'left-alone', 'overstepped'];

const failure: Reader<Failure> = (value, path) => {
  const data = jsonOf(value, path) as unknown as Failure; // of a kind that cc knows, as whoever calls has asked
  if (OWN.includes(data.kind)) throw new Odd(`${path} is of the kind "${data.kind}", which is cc's alone`);
  return data.kind === 'config-invalid'
    ? { ...data, problems: problems(data.problems, `${path}.problems`) }
    : data;
};
