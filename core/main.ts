/** The edges of the process: arguments, streams, signals, exit code. Everything else is handed down from here. */
import { fstatSync, statSync, writeSync } from 'node:fs';
import process from 'node:process';
import type { Options } from './cli/args.ts';
import { help, parsed, type Verb } from './cli/args.ts';
import { run } from './cli/run.ts';
import type { Edges } from './cli/session.ts';
import { codeOf, EXIT, Failed } from './model/failure.ts';

type Command = (names: readonly string[], options: Options, edges: Edges) => Promise<number>;

/** All but the most used are loaded when asked for, because start-up is a feature. */
const COMMANDS: { readonly [V in Verb]: () => Promise<Command> } = {
  run: async () => run,
  plan: async () => (await import('./cli/survey.ts')).plan,
  status: async () => (await import('./cli/survey.ts')).status,
  why: async () => (await import('./cli/survey.ts')).why,
  lock: async () => (await import('./cli/lock.ts')).lock,
  bundle: async () => (await import('./cli/bundle.ts')).bundle,
  list: async () => (await import('./cli/read.ts')).list,
  graph: async () => (await import('./cli/read.ts')).graph,
  logs: async () => (await import('./cli/read.ts')).logs,
};

const STDIN = 0;
const STDOUT = 1;
/** How long to wait before a full pipe is tried again, in milliseconds. */
const FULL = 5;

/** A second signal means "now": children get no more time. */
const IMPATIENT = 2;

function onStop(stop: (signal: NodeJS.Signals) => void): void {
  let count = 0;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      count += 1;
      if (count > IMPATIENT) process.exit(130);
      stop(signal);
    });
  }
}

async function main(): Promise<number> {
  const typed = parsed(process.argv.slice(2));
  if (typed.kind === 'help') {
    print(help());
    return 0;
  }
  if (typed.kind === 'version') {
    const { version } = await import('./cli/version.ts');
    print(`${version()}\n`);
    return 0;
  }
  const command = await COMMANDS[typed.verb]();
  return command(typed.names, typed.options, {
    cwd: process.cwd(),
    env: process.env,
    out: print,
    say: (text) => void process.stderr.write(text),
    ask,
    terminal: isTerminal(),
    arch: process.arch,
    command: ['cc', ...process.argv.slice(2)].join(' '),
    onStop,
    spare,
  });
}

/** Node's own stream of the output takes longer to load than a run needs to look at ten files. */
function print(text: string): void {
  for (let rest = Buffer.from(text); rest.length > 0; ) {
    try {
      rest = rest.subarray(writeSync(STDOUT, rest));
    } catch (error) {
      const code = codeOf(error);
      if (code === 'EPIPE') return; // whoever reads our output may leave early; that is no failure of ours
      if (code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FULL); // somebody made the pipe non-blocking
    }
  }
}

/** Asks on the terminal, where there is one to read from. */
async function ask(question: string): Promise<boolean> {
  const { isatty } = await import('node:tty');
  if (!isatty(STDIN)) return false;
  const { createInterface } = await import('node:readline/promises');
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question(question);
  terminal.close();
  return /^y(es)?$/i.test(answer.trim());
}

/** A young generation that grows no more saves a fifth. Not loaded before, because it takes a while. */
function spare(): void {
  if (!('Deno' in globalThis))
    process.getBuiltinModule('node:v8').setFlagsFromString('--semi-space-growth-factor=1');
}

/** Only a device can be a terminal, and the one with the number of /dev/null is none. */
function isTerminal(): boolean {
  const { rdev } = fstatSync(STDOUT);
  if (rdev === 0 || rdev === statSync('/dev/null').rdev) return false;
  // Without a width ora would count lines for ever; a pseudo-terminal may say that it has none.
  return process.stdout.isTTY && process.stderr.isTTY && process.stderr.columns > 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof Failed)) throw error;
  const { explained } = await import('./report/explain.ts');
  process.stderr.write(`${explained(error.failure).join('\n')}\n`);
  process.exitCode = EXIT[error.failure.kind];
}
