/** Where in a text something stands: a place by its offset, and the offset at which JSON ceases to be such. */
import type { Place } from './problem.ts';
import { messageOf } from './thrown.ts';

export function placeAt(file: string, source: string, offset: number): Place {
  const before = source.slice(0, offset).split('\n');
  const line = before.length;
  return { file, line, column: (before.at(-1) ?? '').length + 1, source: source.split('\n')[line - 1] ?? '' };
}

/** The parser does not always say where it stopped: it is where the longest beginning ends that lacks only its rest. */
export function jsonEnd(text: string): number {
  let [good, bad] = [0, text.length + 1];
  while (bad - good > 1) {
    const middle = Math.floor((good + bad) / 2);
    if (isBeginning(text.slice(0, middle))) good = middle;
    else bad = middle;
  }
  return good;
}

function isBeginning(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch (error) {
    const message = messageOf(error);
    const [, position] = /at position (\d+)/.exec(message) ?? [];
    return /Unexpected end|Unterminated/.test(message) || Number(position) >= text.length;
  }
}

/** What the parser of JSON says, without the place that it writes into its words. */
export function jsonWords(message: string): string {
  return message.replace(/ in JSON at position .*|, (\.\.\.)?"[\s\S]* is not valid JSON$/, '').trim();
}
