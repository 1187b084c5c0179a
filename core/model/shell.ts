/** What a script gets: a host it may change, with waiting that ends in a reason. */
import type { Command } from './command.ts';
import type { Json } from './json.ts';
import type { Place, View } from './view.ts';

/** Waits until `look` answers undefined; what it answers otherwise is the reason why not yet. */
export type Until = (what: string, within: number, look: () => Promise<string | undefined>) => Promise<void>;

/** zx's `$`, as far as cc promises it: a template run by bash on the step's host. */
export type Dollar = (
  template: TemplateStringsArray,
  ...values: readonly unknown[]
) => PromiseLike<{ readonly stdout: string; readonly stderr: string }>;

export interface Shell {
  readonly view: View;
  /** Runs a command that may change the host; fails unless it exits 0, and answers its standard output. */
  run(command: Command): Promise<string>;
  readonly until: Until;
  /** A line for the task's log. */
  log(text: string): void;
  /** zx, loaded when first asked for. */
  zx(): Promise<Dollar>;
  /** Facts about the machine cc itself runs on, for comparing. */
  readonly controller: View;
  /**
   * Another host, for this script to change: with the rights of its own step, under the lock of that host, and ended with the
   * script. What is logged there is told with the name of that host.
   */
  on(place: Place): Promise<Shell>;
  /** Hosts of the recipe that `--limit` leaves out: a script may look at them, and changes nothing there in any way. */
  readonly leftOut: readonly string[];
  /** From here on a value that the script has made or read is shown as this label, wherever it stands. */
  conceal(label: string, value: string): void;
}

/** What it answers is kept with the version stamp and shown in the summary. */
export type Script = (shell: Shell) => Promise<Json | undefined>;
