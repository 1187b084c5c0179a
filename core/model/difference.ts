/** What differs between two pieces of data: data itself, so that nothing has to be read out of words. */
import { sameData } from './digest.ts';
import type { Json } from './json.ts';

/** One thing that differs; a side that is left out has nothing there. */
export type Difference = {
  readonly path: readonly string[];
  readonly before?: Json;
  readonly after?: Json;
};

/** Every leaf that differs, in the order of their paths. A list is a leaf, unless it holds records on both sides alike. */
export function compare(
  before: Json | undefined,
  after: Json | undefined,
  path: readonly string[] = [],
): readonly Difference[] {
  if (before === undefined && after === undefined) return [];
  if (before !== undefined && after !== undefined && sameData(before, after)) return [];
  if (isRecord(before) && isRecord(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
    return keys.flatMap((key) => compare(before[key], after[key], [...path, key]));
  }
  if (areRecords(before) && areRecords(after) && before.length === after.length)
    return before.flatMap((each, index) => compare(each, after[index], [...path, String(index)]));
  return [{ path, ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) }];
}

/** `inputs.version: 1.1 → 1.2`, cut so that what differs is seen. */
export function differenceLine({ path, before, after }: Difference): string {
  const [left, right] = [text(before), text(after)];
  const place = path.length > 0 ? `${path.join('.')}: ` : '';
  if (left === right && SEALED.test(String(before))) return `${place}${left} changed`;
  // The number 1 is not the text "1".
  const sides = left === right ? [JSON.stringify(before), JSON.stringify(after)] : shortened(left, right);
  return `${place}${sides.join(' → ')}`;
}

export function isRecord(value: Json | undefined): value is { readonly [key: string]: Json | undefined } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function areRecords(value: Json | undefined): value is readonly { readonly [key: string]: Json }[] {
  return Array.isArray(value) && value.length > 0 && value.every(isRecord);
}

/** A secret as a manifest has it: its label, and what tells whether it changed. */
const SEALED = /^(<.+>) [0-9a-f]{64}$/;

function text(value: Json | undefined): string {
  if (value === undefined) return 'nothing';
  const sealed = typeof value === 'string' ? SEALED.exec(value)?.[1] : undefined;
  if (sealed !== undefined) return sealed;
  return typeof value === 'string' && !/[\n\r\t]/.test(value) ? value : JSON.stringify(value);
}

const DIGEST = /^(?:[0-9a-f]{64}|[0-9a-f]{128})$/;
/** Digits by which digests are told apart, as long as they can be. */
const DIGITS = 12;
/** A text up to here is shown whole. */
const SHORT = 60;
/** How much of what two long texts share is shown beside the part that differs. */
const SHARED = 12;

function shortened(left: string, right: string): readonly string[] {
  const digits = [left, right].map((each) => (DIGEST.test(each) ? each.slice(0, DIGITS) : each));
  if (digits[0] !== digits[1] && digits.every((each) => each.length <= SHORT)) return digits;
  if (left.length <= SHORT && right.length <= SHORT) return [left, right];
  const least = Math.min(left.length, right.length);
  let same = 0;
  while (same < least && left[same] === right[same]) same += 1;
  let end = 0;
  while (end < least - same && left.at(-1 - end) === right.at(-1 - end)) end += 1;
  const from = same > SHARED ? same - SHARED : 0;
  return [left, right].map((each) => {
    const to = Math.min(each.length, each.length - end + SHARED, from + SHORT);
    return `${from > 0 ? '…' : ''}${each.slice(from, to)}${to < each.length ? '…' : ''}`;
  });
}
