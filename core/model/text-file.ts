/** The text of a file that people keep, as a configuration or a lock: UTF-8, and no more of it than a person reads. */
import { readFileSync, type Stats, statSync } from 'node:fs';
import { codeOf, type Place } from './failure.ts';
import { placeAt } from './text-place.ts';

/** In bytes. */
const MOST = 16 * 1024 * 1024;
const MIB = 1024 * 1024;

export const ABSENT = 'there is no such file';

/** Why a file cannot be one of them, as far as can be said without reading it: reading what is no file may never end. */
export function unfit(file: string): string | undefined {
  let facts: Stats | undefined;
  try {
    facts = statSync(file, { throwIfNoEntry: false });
  } catch (error) {
    return `it cannot be looked at: ${codeOf(error) ?? String(error)}`;
  }
  if (!facts) return ABSENT;
  const other = otherThing(facts);
  if (other !== undefined) return `it is ${other}, not a file`;
  if (facts.size === 0) return 'it is empty';
  return facts.size > MOST
    ? `it has ${Math.round(facts.size / MIB)} MiB, and may have ${MOST / MIB}`
    : undefined;
}

/** What it is instead of a file. */
export function otherThing(facts: Stats): string | undefined {
  if (facts.isFile()) return undefined;
  if (facts.isDirectory()) return 'a folder';
  if (facts.isFIFO()) return 'a pipe';
  return facts.isSocket() ? 'a socket' : 'a device';
}

/** Fails where a file is no text: `why`, and where and what helps if that can be told. */
export type Refuse = (why: string, more?: { readonly at?: Place; readonly fix?: string }) => never;

/** Without the mark of its encoding that some editors put first. */
export function textIn(file: string, refuse: Refuse): string {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    return refuse(`it cannot be read: ${codeOf(error) ?? String(error)}`);
  }
  const fix = 'save it as UTF-8';
  const [first, second] = bytes;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff))
    return refuse('it is in UTF-16, and cc reads UTF-8', { fix });
  const text = new TextDecoder().decode(bytes);
  const nul = text.indexOf('\0');
  if (nul >= 0) return refuse('it has a NUL byte', { at: placeAt(file, text, nul) });
  const broken = brokenAt(bytes, text);
  return broken === undefined ? text : refuse('it is not UTF-8', { at: placeAt(file, text, broken), fix });
}

/** Where bytes begin that are no UTF-8: written again, the text has others there. */
function brokenAt(bytes: Uint8Array, text: string): number | undefined {
  const again = new TextEncoder().encode(text);
  const mark = bytes.length > 2 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  const index = again.findIndex((byte, at) => byte !== bytes[mark + at]);
  return index < 0
    ? undefined
    : new TextDecoder().decode(bytes.subarray(0, mark + index), { stream: true }).length;
}
