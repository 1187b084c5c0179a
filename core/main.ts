/** The edges of the process: arguments, streams, signals, exit code. Everything else is handed down from here. */
import process from 'node:process';
import type { Options } from './cli/args.ts';
import { help, parsed, type Verb } from './cli/args.ts';
import type { Edges } from './cli/session.ts';
import { EXIT, Failed } from './model/failure.ts';

type Command = (names: readonly string[], options: Options, edges: Edges) => Promise<number>;

/** Loaded when asked for, because start-up is a feature. */
const COMMANDS: { readonly [V in Verb]: () => Promise<Command> } = {
  run: async () => (await import('./cli/run.ts')).run,
  plan: async () => (await import('./cli/survey.ts')).plan,
  status: async () => (await import('./cli/survey.ts')).status,
  why: async () => (await import('./cli/survey.ts')).why,
  list: async () => (await import('./cli/read.ts')).list,
  graph: async () => (await import('./cli/read.ts')).graph,
  logs: async () => (await import('./cli/read.ts')).logs,
};

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
    process.stdout.write(help());
    return 0;
  }
  if (typed.kind === 'version') {
    const { version } = await import('./cli/version.ts');
    process.stdout.write(`${version()}\n`);
    return 0;
  }
  const command = await COMMANDS[typed.verb]();
  return command(typed.names, typed.options, {
    cwd: process.cwd(),
    env: process.env,
    out: (text) => void process.stdout.write(text),
    // Without a width ora would count lines for ever; a pseudo-terminal may say that it has none.
    terminal: process.stdout.isTTY && process.stderr.isTTY && process.stderr.columns > 0,
    arch: process.arch,
    command: ['cc', ...process.argv.slice(2)].join(' '),
    onStop,
  });
}

// Whoever reads our output may leave early; that is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof Failed)) throw error;
  const { explained } = await import('./report/explain.ts');
  process.stderr.write(`${explained(error.failure).join('\n')}\n`);
  process.exitCode = EXIT[error.failure.kind];
}
