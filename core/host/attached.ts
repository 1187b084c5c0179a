/** A program that has what cc itself was started with, a terminal or pipes, until it ends. */
import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import process from 'node:process';
import { isatty } from 'node:tty';
import { codeOf, type Failure, fail } from '../model/failure.ts';

const [STDIN, STDOUT] = [0, 1];

/** Whether somebody types and reads at a terminal. */
export function isAttended(): boolean {
  return isatty(STDIN) && isatty(STDOUT);
}

/** What terminals send to all who are at work on them. */
const TYPED = ['SIGINT', 'SIGQUIT'] as const;
const SENT = ['SIGTERM', 'SIGHUP'] as const;

/** How a program ended. */
export interface AttachedEnd {
  /** As a shell has it: 128 and its number where a signal ended the program. */
  readonly code: number;
  /** The last signal that was sent to cc, and passed on. */
  readonly passed?: NodeJS.Signals;
}

/** `missing` is what to say where there is no such program. */
export async function attached(
  [program = '', ...words]: readonly string[],
  missing?: Failure,
): Promise<AttachedEnd> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const child = spawn(program, words, { stdio: 'inherit' });
  child.on('error', reject);
  child.on('close', (code, signal) => resolve(code ?? codeFor(signal ?? 'SIGKILL')));
  let passed: NodeJS.Signals | undefined;
  const pass = (signal: NodeJS.Signals) => {
    passed = signal;
    send(child, signal);
  };
  // Who ends is the program, and it has got what was typed.
  const leave = isatty(STDIN) ? () => {} : pass;
  for (const signal of TYPED) process.on(signal, leave);
  for (const signal of SENT) process.on(signal, pass);
  try {
    const code = await promise;
    return { code, ...(passed === undefined ? {} : { passed }) };
  } catch (error) {
    if (missing && codeOf(error) === 'ENOENT') return fail(missing, error);
    const why = error instanceof Error ? error.message : String(error);
    return fail({ kind: 'cannot-tell', host: 'controller', what: `start ${program}`, why }, error);
  } finally {
    for (const signal of TYPED) process.off(signal, leave);
    for (const signal of SENT) process.off(signal, pass);
  }
}

/** The child's own kill would have Deno tell that it was ended so, however it ended. */
function send({ pid, exitCode, signalCode }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined || exitCode !== null || signalCode !== null) return;
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (codeOf(error) !== 'ESRCH') throw error; // it has just ended
  }
}

export function codeFor(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}
