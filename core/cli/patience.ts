/** Waiting for what another run has: as long as the user said, and where that run is dead until its agents have ended, too. */
import { isDead } from '../host/hold.ts';
import type { Clock } from '../host/shell.ts';
import { Failed, fail } from '../model/failure.ts';
import { textOf } from '../report/visible.ts';
import { holderLine } from '../report/words.ts';

export interface Patience {
  /** What the user said. */
  readonly seconds: number;
  readonly say: (text: string) => void;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Milliseconds before what another run has is asked for again. */
const AGAIN = 500;
/**
 * Seconds in which the agents of a dead run end: where its link was cut they hear nothing for 30 s before they know, and what they
 * have started has three more.
 */
const ENDING = 45;

/** Tries to take what another run may have; says once for whom it waits. */
export async function patiently<Value>(
  { seconds, say, clock, signal }: Patience,
  take: () => Promise<Value>,
): Promise<Value> {
  const start = clock.now();
  for (let said = false; ; said = true) {
    try {
      return await take();
    } catch (error) {
      const failure = error instanceof Failed ? error.failure : undefined;
      if (failure?.kind !== 'held') throw error;
      const dead = failure.host !== undefined && isDead(failure.owner);
      const within = dead ? Math.max(seconds, ENDING) : seconds;
      if (clock.now() >= start + within * 1000) throw error;
      if (signal.aborted) fail({ kind: 'interrupted', signal: String(signal.reason) }, error);
      const where = failure.host ?? 'this recipe';
      const what = dead ? `${where}, where what a killed run has started is being ended` : where;
      if (!said) say(textOf([`waiting up to ${within} s for ${what}: ${holderLine(failure.owner)}`]));
      await clock.sleep(AGAIN, signal);
    }
  }
}
