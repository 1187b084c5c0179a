/** What a plugin's `build` answered, looked at as what it is: a value that anybody may have made. */
import { Failed, fail } from '../model/failure.ts';
import { jsonFault } from '../model/json.ts';
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
  for (const [index, step] of steps.entries()) {
    const name = fieldOf(step, 'name');
    const called = typeof name === 'string' ? `its step "${name}"` : `its step [${index}]`;
    if (typeof name !== 'string') return `${called} has no name`;
    for (const part of ['probe', 'plan'])
      if (typeof fieldOf(step, part) !== 'function') return `${called} has no ${part}`;
    const inputs = fieldOf(step, 'inputs');
    const fault = inputs === undefined ? undefined : jsonFault(inputs, 'inputs');
    if (fault !== undefined) return `${called} has inputs that are no JSON: ${fault}`;
  }
  return undefined;
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;
}
