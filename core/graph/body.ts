/** What a plugin's `build` answered, looked at as what it is: a value that anybody may have made. */
import { Failed, fail } from '../model/failure.ts';
import { jsonFault } from '../model/json.ts';
import { HostShape } from '../model/recipe.ts';
import { checked } from '../model/schema.ts';
import { type Inputs, withSecrets } from '../model/secret.ts';
import { messageOf, placeOf } from '../model/thrown.ts';

/** Calls a plugin's code; what it throws is a mistake of the configuration at `path`, told with its place. */
export function attempted<Value>(
  { file, path, what }: { readonly file: string; readonly path: string; readonly what: string },
  call: () => Value,
): Value {
  try {
    return call();
  } catch (error) {
    if (error instanceof Failed) throw error;
    const at = placeOf(error);
    const message = `${what} failed: ${messageOf(error)}`;
    return fail(
      { kind: 'config-invalid', file, problems: [{ path, message, ...(at ? { at } : {}) }] },
      error,
    );
  }
}

/** Why it is no body; undefined when it is one. */
export function bodyFault(body: unknown): string | undefined {
  const steps = fieldOf(body, 'steps');
  if (typeof (body as { readonly then?: unknown } | undefined)?.then === 'function')
    return 'its build answered a promise: it must not be async';
  if (!Array.isArray(steps)) return 'its build answered no list of steps';
  const whole = wholeFault(body);
  if (whole !== undefined) return whole;
  for (const [index, step] of steps.entries()) {
    const name = fieldOf(step, 'name');
    const called = typeof name === 'string' ? `its step "${name}"` : `its step [${index}]`;
    if (typeof name !== 'string') return `${called} has no name`;
    for (const part of ['probe', 'plan'])
      if (typeof fieldOf(step, part) !== 'function') return `${called} has no ${part}`;
    const inputs = fieldOf(step, 'inputs');
    const fault =
      inputs === undefined ? undefined : jsonFault(withSecrets(inputs as Inputs, String), 'inputs'); // as whoever wrote it says
    if (fault !== undefined) return `${called} has inputs that are no JSON: ${fault}`;
    const odd = oddPart(step);
    if (odd !== undefined) return `${called} has ${odd}`;
  }
  return undefined;
}

/** What stands beside the steps. */
function wholeFault(body: unknown): string | undefined {
  const [hosts, needs, provides] = ['hosts', 'needs', 'provides'].map((part) => fieldOf(body, part));
  if (!isListOf(needs, isText)) return 'its build answered needs that are no list of names';
  if (!isListOf(provides, (each) => isText(fieldOf(each, 'capability'))))
    return 'its build answered what it provides in no list of capabilities';
  if (!isListOf(hosts, (each) => typeof each === 'object' && each !== null))
    return 'its build answered no list of hosts';
  for (const host of (hosts ?? []) as readonly object[]) {
    const result = checked(HostShape, host, 'host');
    if (!result.ok)
      return `its build answered a host that is none: ${result.problems.map(({ path, message }) => `${path}: ${message}`).join('; ')}`;
  }
  return undefined;
}

/** What of a step is not as types would have it. */
function oddPart(step: unknown): string | undefined {
  const where = fieldOf(step, 'where');
  const role = fieldOf(where, 'role') ?? fieldOf(where, 'firstOf');
  if (where !== undefined && where !== 'hosts' && where !== 'controller' && !isText(role))
    return 'a place that is none: expected hosts, controller, { role } or { firstOf }';
  if (!isListOf(fieldOf(step, 'needs'), isText)) return 'needs that are no list of names';
  const isArtifact = (each: unknown) =>
    isText(fieldOf(each, 'name')) && isText(fieldOf(fieldOf(each, 'source'), 'kind'));
  return isListOf(fieldOf(step, 'artifacts'), isArtifact) ? undefined : 'artifacts that are no list of such';
}

function isListOf(value: unknown, isOne: (each: unknown) => boolean): boolean {
  return value === undefined || (Array.isArray(value) && value.every(isOne));
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;
}
