/** What scripts get: a host they may change, waiting that ends in a reason, and zx when they ask for it. */
import { type Command, command } from '../model/command.ts';
import { fail } from '../model/failure.ts';
import { anyText, handed, number, optional } from '../model/foreign.ts';
import { conceal, SHORTEST } from '../model/mask.ts';
import type { Shell } from '../model/shell.ts';
import type { Place, View } from '../model/view.ts';
import type { Transport } from './transport.ts';

export interface ShellParts {
  readonly view: View;
  readonly controller: View;
  readonly run: (command: Command) => Promise<string>;
  readonly log: (text: string) => void;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** The same on another host. */
  readonly on: (place: Place) => Promise<Shell>;
  readonly leftOut: readonly string[];
  /** Runs what zx is given, under the same mark and signal as `run`. */
  readonly exec: Transport['exec'];
}

/** The second seam that tests replace: time. */
export interface Clock {
  /** Milliseconds since any fixed point. */
  now(): number;
  /** Ends early, without failing, when the signal fires. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** Seconds between looks: short at first, then patient. */
const PACE = [0.1, 0.2, 0.4, 0.8, 1, 1, 2];

const time = number('a number of seconds, 0 or more', (seconds) => seconds >= 0);

export function shellOf(parts: ShellParts): Shell {
  const { view, controller, run, log, clock, signal, exec, on, leftOut } = parts;
  return {
    view,
    controller,
    run: async (given) => run(handed(command, given, 'the command')),
    log: (line) => log(handed(anyText, line, 'what is logged')),
    until: async (waited, seconds, look) => {
      const what = handed(anyText, waited, 'what is waited for');
      const within = handed(time, seconds, 'how long');
      const start = clock.now();
      let last: string | undefined;
      for (let tries = 0; ; tries++) {
        const reason = handed(optional(anyText), await look(), 'the reason');
        if (reason === undefined) return;
        if (reason !== last) log(`${what}: ${reason}\n`);
        last = reason;
        if (signal.aborted || clock.now() - start > within * 1000) {
          return fail({ kind: 'timed-out', host: view.name, what, within, last });
        }
        await clock.sleep(1000 * PACE[Math.min(tries, PACE.length - 1)]!, signal);
      }
    },
    on,
    leftOut,
    conceal: (label, value) => {
      if (typeof value !== 'string' || value.length < SHORTEST)
        throw new TypeError(`what is concealed is a text of ${SHORTEST} characters or more`); // and is not shown
      conceal(handed(anyText, label, 'the label'), value);
    },
    zx: async () => (await import('./zx.ts')).dollar(exec, log),
  };
}
