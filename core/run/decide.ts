/** Whether a task has anything to do and why: the plan, the stamp and today's manifest, nothing else. */
import type { Change } from '../model/change.ts';
import { sameData } from '../model/digest.ts';
import type { Reason } from '../model/event.ts';
import type { Json } from '../model/json.ts';
import type { Last } from '../model/step.ts';
import type { Manifest, Stamp } from '../store/stamp.ts';

export type Decision =
  | { readonly kind: 'verified' }
  | { readonly kind: 'adopted' }
  | { readonly kind: 'run'; readonly reason: Reason };

/** What a step is told of its last application, given the stamp, today's manifest and what its probe has just found. */
export function lastOf(stamp: Stamp | undefined, manifest: () => Manifest, facts: Json): Last {
  if (!stamp) return { current: false, unfinished: false, why: 'never applied', facts: undefined };
  if (stamp.state !== 'applied') {
    const why = `${stamp.state === 'applying' ? 'interrupted' : 'failed'} in run ${stamp.run}`;
    return { current: false, unfinished: true, why, facts: undefined };
  }
  // Facts of another shape were recorded by another version of the step, which cannot read them.
  if (!sameShape(stamp.facts, facts)) {
    return {
      current: false,
      unfinished: false,
      why: 'recorded by another version of this step',
      facts: undefined,
    };
  }
  const differences = compare(stamp.manifest, manifest());
  const current = differences.length === 0;
  return { current, unfinished: false, why: differences.join('; '), facts: stamp.facts };
}

/** The state in which the proof finds a task whose changes have just been performed. */
export const PERFORMED: Last = { current: true, unfinished: false, why: '', facts: undefined };

export function decide(changes: readonly Change[], stamp: Stamp | undefined, last: Last): Decision {
  if (changes.length === 0) {
    return stamp?.state === 'applied' && last.current ? { kind: 'verified' } : { kind: 'adopted' };
  }
  const details = [...new Set(changes.map(({ why }) => why))];
  if (!stamp) return { kind: 'run', reason: { kind: 'new', details } };
  if (stamp.state === 'applying')
    return { kind: 'run', reason: { kind: 'interrupted', details: [last.why, ...details] } };
  if (stamp.state === 'failed') return { kind: 'run', reason: { kind: 'failed-before', details } };
  if (last.current) return { kind: 'run', reason: { kind: 'drifted', details } };
  return {
    kind: 'run',
    reason: { kind: 'changed', details: [...new Set([...last.why.split('; '), ...details])] },
  };
}

/** What differs between two manifests, one line for each leaf: `inputs.version: 1.1 → 1.2`. */
export function compare(before: Json | undefined, after: Json | undefined, path = ''): string[] {
  if (before === undefined && after === undefined) return [];
  if (before !== undefined && after !== undefined && sameData(before, after)) return [];
  if (!isRecord(before) || !isRecord(after))
    return [`${path}: ${differing(text(before), text(after)).join(' → ')}`];
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return keys.flatMap((key) => compare(before[key], after[key], path ? `${path}.${key}` : key));
}

function sameShape(before: Json, now: Json): boolean {
  if (!isRecord(before) || !isRecord(now)) return isRecord(before) === isRecord(now);
  return sameData(Object.keys(before).sort(), Object.keys(now).sort());
}

function isRecord(value: Json | undefined): value is { readonly [key: string]: Json | undefined } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(value: Json | undefined): string {
  if (value === undefined) return 'nothing';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

const SHORT = 60;
/** How much of what two long texts share is shown before they part. */
const SHARED = 12;

/** Two texts, cut so that what differs is seen. */
function differing(before: string, after: string): string[] {
  let same = 0;
  while (same < before.length && before[same] === after[same]) same += 1;
  const from = before.length > SHORT || after.length > SHORT ? Math.max(0, same - SHARED) : 0;
  return [before, after].map((each) => {
    const part = each.slice(from, from + SHORT);
    return `${from > 0 ? '…' : ''}${part}${from + SHORT < each.length ? '…' : ''}`;
  });
}
