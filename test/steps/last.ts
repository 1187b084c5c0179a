/** What a step is told of its last application, in the four ways that matter. */
import type { Json } from '../../core/model/json.ts';
import type { Last, Undoing } from '../../core/model/step.ts';

export const NEVER: Last = { current: false, unfinished: false, why: 'never applied', facts: undefined };

/** The changes have just been performed, and are being proven. */
export const PERFORMED: Last = { current: true, unfinished: false, why: '', facts: undefined };

export const INTERRUPTED: Last = {
  current: false,
  unfinished: true,
  why: 'interrupted in run 1',
  facts: undefined,
};

/** All hosts are taken back. */
export const ALL: Undoing = { staying: [] };

/** This very declaration was applied, and ended with these facts. */
export function applied(facts: Json): Last {
  return { current: true, unfinished: false, why: '', facts };
}

/** Another declaration was applied, and ended with these facts. */
export function changed(why: string, facts: Json): Last {
  return { current: false, unfinished: false, why, facts };
}
