/** What code that is not cc's threw: in words, and the place of its own that it came from. */
import type { Place } from './failure.ts';
import { importedFile, lineOf } from './source.ts';

/** Frames below it are cc's own, in a clone and in a package. */
const CORE = new URL('..', import.meta.url).href;

/** What was thrown, in words; anything can be. */
export function messageOf(error: unknown): string {
  try {
    if (error instanceof Error)
      return error.name === 'Error' && error.message !== ''
        ? error.message
        : `${error.name}: ${error.message}`;
    const text = typeof error === 'string' ? JSON.stringify(error) : String(error);
    return `threw ${/^\[object \w+\]$/.test(text) ? JSON.stringify(error) : text}`;
  } catch {
    return 'threw something that cannot be shown';
  }
}

/** The nearest place that is neither cc's nor of a package; undefined when the error tells of none. */
export function placeOf(error: unknown): Place | undefined {
  const [place] = placesIn(stackOf(error), ownMessage(error));
  const source = place && lineOf(place.file, place.line);
  return place && { ...place, ...(source ? { source } : {}) };
}

function ownMessage(error: unknown): string {
  try {
    return error instanceof Error ? String(error.message) : '';
  } catch {
    return '';
  }
}

export function stackOf(error: unknown): string {
  try {
    return error instanceof Error ? String(error.stack ?? messageOf(error)) : messageOf(error);
  } catch {
    return messageOf(error);
  }
}

/** What a frame of a stack ends with. */
const PLACES = /(file:\/\/\/[^\s)]*?):(\d+):(\d+)(?=[\s)]|$)/g;

/** Of the frames alone: what was thrown may quote anything, also what looks like one. */
function placesIn(stack: string, message: string): readonly Place[] {
  const at = message === '' ? -1 : stack.indexOf(message);
  const frames = at < 0 ? stack : stack.slice(at + message.length);
  const lines = frames.split('\n').filter((line) => /^\s+at /.test(line));
  return [...lines.join('\n').matchAll(PLACES)].flatMap(([, url = '', line, column]) => {
    if (url.startsWith(CORE) || url.includes('/node_modules/')) return [];
    const file = importedFile(url);
    return file === undefined ? [] : [{ file, line: Number(line), column: Number(column) }];
  });
}
