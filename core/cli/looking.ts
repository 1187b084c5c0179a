/** A look at hosts that changes nothing; a signal cuts it off. */
import type { HostTurn } from '../graph/turns.ts';
import { fail } from '../model/failure.ts';
import type { Host } from '../model/plugin.ts';
import type { Task } from '../model/task.ts';
import type { RunContext } from '../run/look.ts';
import type { Options } from './args.ts';
import { type CliContext, loginOf, openContext, type Project } from './project.ts';

interface Looked {
  readonly project: Project;
  readonly tasks: readonly Task[];
  readonly turns?: readonly HostTurn[];
  /** The hosts that would be taken back, where any would. */
  readonly taken?: readonly Host[] | undefined;
}

/** Answers what `look` found on the hosts, and closes them. Fails with `interrupted` where it was cut off. */
export async function looking<Found>(
  { project, tasks, turns = [], taken }: Looked,
  options: Options,
  cli: CliContext,
  look: (context: RunContext) => Promise<Found>,
): Promise<Found> {
  const stop = new AbortController();
  cli.onStop((signal) => stop.abort(signal));
  const context = await openContext(project, {
    ...(await loginOf(options, cli)),
    ...{ env: cli.env, signal: stop.signal, tasks, turns, taken },
  });
  const cut = (cause?: unknown) => fail({ kind: 'interrupted', signal: String(stop.signal.reason) }, cause);
  let found: Found;
  try {
    found = await look(context);
  } catch (error) {
    if (stop.signal.aborted) cut(error);
    throw error;
  } finally {
    await context.pool[Symbol.asyncDispose]();
  }
  if (stop.signal.aborted) cut(); // what was found so far would look like all there is
  return found;
}
