/** Time that passes only when somebody sleeps, and then at once. */
import type { Clock } from '../../core/host/shell.ts';

export interface PaperClock extends Clock {
  /** Every sleep so far, in milliseconds. */
  readonly slept: readonly number[];
}

/** `during` is told the time at which each sleep ends, before it does: where a test changes the host. */
export function paperClock(during: (now: number) => unknown = () => {}): PaperClock {
  const slept: number[] = [];
  let now = 0;
  return {
    slept,
    now: () => now,
    sleep: async (ms, signal) => {
      if (signal.aborted) return;
      slept.push(ms);
      now += ms;
      await during(now);
    },
  };
}
