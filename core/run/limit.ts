/** A limit for what others wrote: also what never ends, and hears of no signal, keeps nobody waiting. */
import { fail } from '../model/failure.ts';

export interface Limit {
  readonly host: string;
  readonly what: string;
  readonly seconds: number;
  /** Stops the run. */
  readonly stop: AbortSignal;
  /** Milliseconds that work may take to end once it was told to; commands get a few seconds of them. */
  readonly grace?: number;
}

const GRACE = 15_000;

/** ensures: failed with `interrupted` or `timed-out` when the work was stopped for that reason. */
export async function limited<Value>(
  { host, what, seconds, stop, grace = GRACE }: Limit,
  work: (signal: () => AbortSignal) => Promise<Value>,
): Promise<Value> {
  const late = new AbortController();
  const { promise: given, reject } = Promise.withResolvers<never>();
  let ending: NodeJS.Timeout | undefined;
  const end = () => {
    ending ??= setTimeout(() => reject(new Error('it did not end when it was told to')), grace);
  };
  // Of a timer of its own, since one of AbortSignal.timeout keeps no process alive.
  const timer = setTimeout(() => {
    late.abort();
    end();
  }, seconds * 1000);
  stop.addEventListener('abort', end, { once: true });
  if (stop.aborted) end();
  let all: AbortSignal | undefined; // most local looks ask nobody
  const signal = () => {
    all ??= AbortSignal.any([stop, late.signal]);
    return all;
  };
  try {
    return await Promise.race([work(signal), given]);
  } catch (error) {
    if (stop.aborted) fail({ kind: 'interrupted', signal: String(stop.reason) }, error);
    if (late.signal.aborted) fail({ kind: 'timed-out', host, what, within: seconds }, error);
    throw error;
  } finally {
    clearTimeout(timer);
    clearTimeout(ending);
    stop.removeEventListener('abort', end);
  }
}
