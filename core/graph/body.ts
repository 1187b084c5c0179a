/** What a plugin's `build` answered, read as what it is: a value that anybody may have made. */
import { artifact } from '../model/artifact.ts';
import { blamed, problems } from '../model/blamed.ts';
import { Failed, fail } from '../model/failure.ts';
import {
  anyText,
  callable,
  type Fields,
  flag,
  isObject,
  list,
  name,
  names,
  number,
  Odd,
  odd,
  optional,
  type Reader,
  record,
  variant,
} from '../model/foreign.ts';
import type { Body, Host, Offer, Provided } from '../model/plugin.ts';
import { HostShape } from '../model/recipe.ts';
import { checked } from '../model/schema.ts';
import { inputs } from '../model/secret.ts';
import type { Step, Where } from '../model/step.ts';
import { isOf } from '../model/thrown.ts';
import type { Turn } from '../model/turn.ts';
import { place } from '../model/view.ts';

/** Calls a plugin's code, and reads what it answers; what it throws is a mistake of the configuration at `path`, told with its place. */
export function attempted<Value>(
  { file, path, what }: { readonly file: string; readonly path: string; readonly what: string },
  call: () => Value,
): Value {
  try {
    return call();
  } catch (error) {
    const fault = blamed(error);
    if (fault instanceof Failed) throw fault;
    const message = isOf(error, Odd) ? fault.message : `${what} failed: ${fault.message}`;
    return fail({ kind: 'config-invalid', file, problems: [{ path, ...fault, message }] }, error);
  }
}

/** The most that a timer takes. */
const SECONDS = 2_147_483;

const seconds = (expected: string, least: number) =>
  number(`${expected}, and at most ${SECONDS}`, (value) => value >= least && value <= SECONDS);

const where: Reader<Where> = (value, path) => {
  if (value === 'hosts' || value === 'controller') return value;
  const { role, firstOf, butFirstOf, optional } = isObject(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {};
  if (typeof role === 'string') return optional === true ? { role, optional } : { role };
  if (typeof firstOf === 'string') return { firstOf };
  if (typeof butFirstOf === 'string') return { butFirstOf };
  return odd(path, 'hosts, controller, { role }, { firstOf } or { butFirstOf }', value);
};

const places = number('a whole number above 0', (value) => Number.isSafeInteger(value) && value > 0);
const turn = variant<Turn>('a turn', {
  opens: { of: name, places, after: optional(names) },
  disturbs: { by: optional(names) },
  closes: {},
});

const STEP: Fields<Step> = {
  name,
  where: optional(where),
  first: optional(flag),
  needs: optional(names),
  spares: optional(names),
  inputs: optional(inputs),
  artifacts: optional(list('a list of artifacts', artifact)),
  claims: optional(list('a list of paths and units', name)),
  heirOf: optional(names),
  locks: optional(names),
  oneByOne: optional(name),
  root: optional(flag),
  settles: optional(seconds('a number of seconds, 0 or more', 0)),
  timeout: optional(seconds('a number of seconds above 0', Number.MIN_VALUE)),
  check: optional(flag),
  turn: optional(turn),
  probe: callable,
  examine: optional(callable),
  plan: callable,
  undo: optional(callable),
  undoElsewhere: optional(callable),
  leaves: optional(callable),
  beforeUndo: optional(callable),
  undoFirst: optional(flag),
  partOf: optional(name),
  tells: optional(callable),
  isInside: optional(callable),
};

const { name: _, ...REST } = STEP;
const rest = record<Omit<Step, 'name'>>('a step', REST);

/** Told by its name, once that is known. */
const step: Reader<Step> = (value, path) => {
  if (!isObject(value)) return odd(path, 'a step', value);
  const called = name(Reflect.get(value, 'name'), `${path}.name`);
  return { name: called, ...rest(value, `its step "${called}": `) };
};

const host: Reader<Host> = (value, path) => {
  if (!isObject(value)) return odd(path, 'a host', value);
  const result = checked(HostShape, value, path);
  if (result.ok) return result.value as Host; // of that shape
  throw new Odd(result.problems.map(({ path, message }) => `${path}: ${message}`).join('; '));
};

/** What a plugin provides; its value is between it and whoever uses it. */
export const provided = list<Provided>(
  'a list of what a capability answers by of()',
  record('what a capability answers by of()', { capability: name, value: (value) => value }),
);

const offer = record<Offer>('a command', {
  name,
  does: anyText,
  takes: optional(anyText),
  on: place,
  argv: callable,
  here: optional(callable),
});

const BODY: Fields<Body> = {
  steps: list('a list of steps', step),
  needs: optional(names),
  provides: optional(provided),
  hosts: optional(list('a list of hosts', host)),
  offers: optional(list('a list of commands', offer)),
  unfit: optional(callable),
};
const whole = record<Body>('an object with steps', BODY);

/** Reads what a `build` answered. */
export function bodyOf(value: unknown): Body {
  if (isObject(value) && typeof Reflect.get(value, 'then') === 'function')
    throw new Odd('its build answered a promise: it must not be async');
  if (!isObject(value)) return odd('its build answered no body', 'an object with steps', value);
  return whole(value, 'its build answered ');
}

/** Reads what is wrong with hosts, as a plugin says. */
export function unfitOf(body: Body, hosts: readonly Host[]) {
  return problems(body.unfit?.(hosts) ?? [], 'what its unfit answered');
}
