/** The process: arguments, streams, signals, exit code. Everything else is handed down from here. */
import { fstatSync, statSync, writeSync } from 'node:fs';
import process from 'node:process';
import { parsed } from './cli/args.ts';
import { loading } from './cli/config/modules.ts';
import { VERBS } from './cli/verbs.ts';
import { blamed } from './model/blamed.ts';
import {
  codeOf,
  exitFor,
  Failed,
  type Failure,
  fail,
  failureOf,
  isFailure,
  unwritten,
} from './model/failure.ts';
import { asked, isThroughCc, placeOf } from './model/thrown.ts';
import { explained } from './report/explain.ts';
import { textOf, visible } from './report/visible.ts';

type Ender = Pick<typeof process, 'exit' | 'exitCode'>;

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
const CTRL_C = '\x03';
/** How long to wait before a full pipe is tried again, in milliseconds. */
const FULL = 5;

/** Signals that ask; one more means "now", and children get no more time. */
const IMPATIENT = 2;

function onStop(stop: (signal: NodeJS.Signals) => void): void {
  let count = 0;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      count += 1;
      if (count > IMPATIENT) interrupt(signal);
      stop(signal);
    });
  }
}

function interrupt(signal: NodeJS.Signals): never {
  const code = exitFor({ kind: 'interrupted', signal });
  end(code);
  return leave(code);
}

async function main(): Promise<number> {
  const typed = parsed(process.argv.slice(2));
  if (typed.kind === 'help') {
    const { help } = await import('./cli/help.ts');
    print(help(typed.command));
    return 0;
  }
  if (typed.kind === 'version') {
    const { version } = await import('./cli/version.ts');
    print(`${version()}\n`);
    return 0;
  }
  const command = await VERBS[typed.verb]();
  return command(typed.names, typed.options, {
    cwd: currentFolder(),
    env: process.env,
    out: print,
    say,
    ask,
    askSecret,
    terminal: isTerminal(),
    arch: process.arch,
    command: ['cc', ...process.argv.slice(2)].join(' '),
    onStop,
    saveMemory,
  });
}

/** Somebody may have removed it. */
function currentFolder(): string {
  try {
    return process.cwd();
  } catch (error) {
    const why = 'it was removed: cd to another one';
    return fail({ kind: 'cannot-tell', host: 'controller', what: 'find the current folder', why }, error);
  }
}

function print(text: string): void {
  put(STDOUT, text);
}

/** Where a line may be moving, only Node's own stream tells what moves it that something is in the way. */
function say(text: string): void {
  if (isTerminal()) terminalOut().write(visible(text));
  else put(STDERR, text);
}

/** All that cc prints, but for the moving line. Node's own streams take longer to load than a run needs to look at ten files. */
function put(stream: number, text: string): void {
  for (let rest = Buffer.from(visible(text)); rest.length > 0; ) {
    try {
      rest = rest.subarray(writeSync(stream, rest));
    } catch (error) {
      if (isGone(error)) return;
      if (codeOf(error) !== 'EAGAIN') unwritten(stream === STDOUT ? 'the output' : 'messages', error);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FULL); // somebody made the pipe non-blocking
    }
  }
}

/** Whoever reads our output may leave early, and a terminal may be closed; that is no failure of ours. */
function isGone(error: unknown): boolean {
  return ['EPIPE', 'EIO'].includes(codeOf(error) ?? '');
}

/** Node's stream of standard error, for what cannot do without. */
function terminalOut(): NodeJS.WriteStream & { readonly fd: 2 } {
  if (process.stderr.listenerCount('error', lost) === 0) process.stderr.on('error', lost);
  return process.stderr;
}

function lost(error: Error): void {
  if (!isGone(error)) throw error;
}

/** Asks on the terminal, where there is one to read from. */
async function ask(question: string): Promise<boolean> {
  const { isatty } = await import('node:tty');
  if (!isatty(STDIN)) return false;
  const { createInterface } = await import('node:readline/promises');
  const terminal = createInterface({ input: process.stdin, output: terminalOut() });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  terminal.on('SIGINT', () => reject(new Failed({ kind: 'interrupted', signal: 'SIGINT' })));
  terminal.on('close', () => resolve('')); // Ctrl-D, or a terminal that went away
  terminal.question(visible(question)).then(resolve, () => resolve(''));
  try {
    return /^y(es)?$/i.test((await promise).trim());
  } finally {
    terminal.close();
  }
}

/** Reads a line that the terminal does not show. */
async function askSecret(question: string): Promise<string | undefined> {
  const { isatty } = await import('node:tty');
  if (!isatty(STDIN)) return undefined;
  const { stdin } = process;
  // Before the question: who answers at once would see the answer.
  stdin.setRawMode(true);
  let typed = '';
  try {
    put(STDERR, question);
    for await (const piece of stdin.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
      for (const key of String(piece)) {
        if (key === '\r' || key === '\n') return typed;
        if (key === CTRL_C) throw new Failed({ kind: 'interrupted', signal: 'SIGINT' });
        typed = key === '\x7f' || key === '\b' ? typed.slice(0, -1) : typed + key;
      }
    }
    return undefined;
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    stdin.unref();
    put(STDERR, '\n');
  }
}

/** A young generation that grows no more saves a fifth. Not loaded before, because it takes a while. */
function saveMemory(): void {
  if (!('Deno' in globalThis))
    process.getBuiltinModule('node:v8').setFlagsFromString('--semi-space-growth-factor=1');
}

/** Only a device can be a terminal, and the one with the number of /dev/null is none. */
function isTerminal(): boolean {
  const { rdev } = fstatSync(STDOUT);
  if (rdev === 0 || rdev === statSync('/dev/null').rdev) return false;
  // Without a width ora would count lines for ever; a pseudo-terminal may say that it has none.
  if (!process.stdout.isTTY) return false;
  const { isTTY, columns } = terminalOut(); // the live report will write there
  return isTTY && columns > 0;
}

function tell(failure: Failure): void {
  say(textOf(explained(failure)));
}

/** What ends the process, by who has it. Code of plugins and configurations finds `refuse` there, and fails where it calls it. */
const enders: readonly Ender[] = [process, Reflect.get(globalThis, 'Deno')].filter(Boolean);
/** Nobody has set the exit code: Deno's is 0 then. */
const before = enders.map(({ exit, exitCode }) => ({ exit, exitCode }));

function leave(code: number): never {
  for (const [index, { exit }] of before.entries()) enders[index]!.exit = exit; // as many
  return process.exit(code);
}

/** What failed where nobody waits makes no good end, and neither does an end that a plugin tried and kept to itself. */
let strayed = 0;
let overstepped: Failure | undefined;
/** The code that cc ends with, once it has come to its own end. */
let final: number | undefined;

function refuse(code?: unknown): never {
  const error = new Error(
    `it called process.exit(${asked(() => String(code ?? ''), '…')}), which is for cc alone`,
  );
  overstepped = { kind: 'overstepped', ...faultOf(error) };
  throw error;
}

function faultOf(error: unknown) {
  const at = placeOf(error);
  const judged = blamed(error);
  const message = judged instanceof Failed ? explained(judged.failure).join('\n') : judged.message;
  return { message, ...(at ? { at } : {}) };
}

/** What failed where nobody waits is told, and the run goes on. Of cc itself nothing is sure after that. */
function stray(error: unknown): void {
  const theirs = isFailure(error) || placeOf(error) !== undefined || !isThroughCc(error);
  const failure: Failure = theirs ? { kind: 'left-alone', ...faultOf(error) } : failureOf(error);
  strayed ||= exitFor(failure);
  if (final !== undefined) end(final || strayed);
  tellIfHeard(failure);
  if (theirs) return;
  end(exitFor(failure));
  leave(exitFor(failure));
}

/** There may be nobody to tell; the exit code does. */
function tellIfHeard(failure: Failure): void {
  asked(() => tell(failure), undefined);
}

function end(code: number): void {
  final = code;
  process.exitCode = code;
}

const EXIT_CODE: Failure = {
  kind: 'overstepped',
  message: 'it set the exit code, by which cc says how it ends',
};

function endedBy(file: string | undefined): Failure {
  const why = 'it ended cc (process.exit)';
  return file ? { kind: 'config-unreadable', file, why } : { kind: 'overstepped', message: why };
}

/** An end that is not cc's own, or not with its code, is told, and is no success. */
function onExit(): void {
  if (final !== undefined && enders.every(({ exitCode }) => exitCode === final)) return;
  if (final === undefined && enders.length > 1) return; // Deno's own exit is next, and refuses
  const failure = final === undefined ? endedBy(loading()) : EXIT_CODE;
  tellIfHeard(failure);
  process.exitCode = final || exitFor(failure);
}

/** cc alone says how it ends. */
function finish(code: number): void {
  if (enders.some(({ exitCode }, index) => exitCode !== before[index]?.exitCode)) overstepped ??= EXIT_CODE;
  if (code === 0 && strayed === 0 && overstepped) {
    strayed = exitFor(overstepped);
    tellIfHeard(overstepped);
  }
  end(code || strayed);
  process.off('exit', onExit).on('exit', onExit); // after those of plugins
}

for (const each of enders) each.exit = refuse;
process.getBuiltinModule('node:module').syncBuiltinESMExports(); // for those who import it by its name
for (const event of ['uncaughtException', 'unhandledRejection'] as const) process.on(event, stray);
process.on('exit', onExit);
try {
  finish(await main());
} catch (error) {
  const failure = failureOf(error);
  finish(exitFor(failure));
  tell(failure);
}
