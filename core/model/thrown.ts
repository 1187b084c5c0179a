/** What code that is not cc's threw: in words, and the place of its own that it came from. */
import type { Place } from './problem.ts';
import { importedFile, lineOf } from './source.ts';

/** Frames below it are cc's own, in a clone and in a package. */
const CORE = new URL('..', import.meta.url).href;

/** As much of a message as is kept; whoever throws more than that has thrown data. */
const LONGEST = 10_000;

/** `instanceof` for what was thrown: of a proxy even that question may throw. */
export function isOf<Value>(
  thrown: unknown,
  type: abstract new (...given: never[]) => Value,
): thrown is Value {
  return asked(() => thrown instanceof type, false);
}

/** What was thrown, in words; anything can be. */
export function messageOf(thrown: unknown): string {
  return asked(() => wordsOf(thrown).slice(0, LONGEST), 'threw something that cannot be shown');
}

function wordsOf(thrown: unknown): string {
  if (thrown instanceof Error) {
    const [name, message] = [String(thrown.name), String(thrown.message)];
    return name === 'Error' && message !== '' ? message : `${name}: ${message}`;
  }
  const text = typeof thrown === 'string' ? JSON.stringify(thrown) : String(thrown);
  return `threw ${/^\[object \w+\]$/.test(text) ? JSON.stringify(thrown) : text}`;
}

/** The nearest place that is not cc's, nor of a package unless cc has no part in it; undefined when the error tells of none. */
export function placeOf(thrown: unknown): Place | undefined {
  const places = placesOf(thrown);
  const own = places.find(({ file }) => !file.includes('/node_modules/'));
  const place = own ?? (isThroughCc(thrown) ? undefined : places[0]);
  const source = place && lineOf(place.file, place.line);
  return place && { ...place, ...(source ? { source } : {}) };
}

/** The files in its stack that are not cc's, the nearest first. */
function placesOf(thrown: unknown): readonly Place[] {
  return asked(() => placesIn(stackOf(thrown), ownMessage(thrown)), []);
}

/** Whether a line of cc's own code stands in its stack. */
export function isThroughCc(thrown: unknown): boolean {
  return framesIn(stackOf(thrown), ownMessage(thrown)).includes(CORE);
}

function ownMessage(thrown: unknown): string {
  return asked(() => (thrown instanceof Error ? String(thrown.message) : ''), '');
}

export function stackOf(thrown: unknown): string {
  return asked(
    () => (thrown instanceof Error ? String(thrown.stack ?? messageOf(thrown)) : messageOf(thrown)),
    messageOf(thrown),
  );
}

/** What code of others answers when it is asked about what it threw; something else where that throws, too. */
export function asked<Value>(call: () => Value, otherwise: Value): Value {
  try {
    return call();
  } catch {
    return otherwise;
  }
}

/** What a frame of a stack ends with. */
const PLACES = /(file:\/\/\/[^\s)]*?):(\d+):(\d+)(?=[\s)]|$)/g;

/** Of the frames alone: what was thrown may quote anything, also what looks like one. */
function framesIn(stack: string, message: string): string {
  const at = message === '' ? -1 : stack.indexOf(message);
  const frames = at < 0 ? stack : stack.slice(at + message.length);
  return frames
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .join('\n');
}

function placesIn(stack: string, message: string): readonly Place[] {
  return [...framesIn(stack, message).matchAll(PLACES)].flatMap(([, url = '', line, column]) => {
    const file = url.startsWith(CORE) ? undefined : importedFile(url);
    return file === undefined ? [] : [{ file, line: Number(line), column: Number(column) }];
  });
}
