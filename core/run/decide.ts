/** Whether a task has anything to do and why: the plan, the stamp and today's manifest, nothing else. */
import type { Change } from '../model/change.ts';
import { compare, type Difference, differenceLine, isRecord } from '../model/difference.ts';
import { sameData } from '../model/digest.ts';
import type { Reason } from '../model/event.ts';
import type { Json } from '../model/json.ts';
import type { Last } from '../model/step.ts';
import type { Manifest, Stamp } from '../store/stamp.ts';

export type Decision =
  | { readonly kind: 'verified' }
  | { readonly kind: 'adopted' }
  | { readonly kind: 'run'; readonly reason: Reason };

/** What is remembered of a task, with what has been declared differently since, as data. */
export interface Remembered extends Last {
  readonly differences?: readonly Difference[];
}

/** What is remembered of what was never done. */
export const NEVER: Last = { current: false, unfinished: false, why: 'never applied', facts: undefined };

/** What a step is told of its last application, given the stamp, today's manifest and what its probe has just found. */
export function lastOf(stamp: Stamp | undefined, manifest: () => Manifest, facts: Json): Remembered {
  if (!stamp) return NEVER;
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
  const why = differences.map(differenceLine).join('; ');
  return { current, unfinished: false, why, facts: stamp.facts, ...(current ? {} : { differences }) };
}

/** The state in which the proof finds a task whose changes have just been performed. */
export const PERFORMED: Last = { current: true, unfinished: false, why: '', facts: undefined };

export function decide(changes: readonly Change[], stamp: Stamp | undefined, last: Remembered): Decision {
  if (changes.length === 0) {
    return stamp?.state === 'applied' && last.current ? { kind: 'verified' } : { kind: 'adopted' };
  }
  const details = [...new Set(changes.map(({ why }) => why))];
  if (!stamp) return { kind: 'run', reason: { kind: 'new', details } };
  if (stamp.state === 'applying')
    return { kind: 'run', reason: { kind: 'interrupted', details: [last.why, ...details] } };
  if (stamp.state === 'failed') return { kind: 'run', reason: { kind: 'failed-before', details } };
  if (last.pending !== undefined && last.pending.length > 0)
    return { kind: 'run', reason: { kind: 'turn', details } };
  if (last.current) return { kind: 'run', reason: { kind: 'drifted', details } };
  // A change that has no other reason says `last.why` again.
  const own = details.filter((why) => why !== last.why);
  return { kind: 'run', reason: { kind: 'changed', details: [...(last.differences ?? [last.why]), ...own] } };
}

function sameShape(before: Json, now: Json): boolean {
  if (!isRecord(before) || !isRecord(now)) return isRecord(before) === isRecord(now);
  return sameData(Object.keys(before).sort(), Object.keys(now).sort());
}
