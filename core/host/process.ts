/** One process on this machine, with its descendants, from start to the last of its output. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';
import { codeOf } from '../model/failure.ts';
import type { ExecOptions, Exit } from './transport.ts';

/** How long a process may take to end after TERM, in milliseconds. */
const GRACE = 5_000;
/** How long output may keep coming after the process itself has ended, when a descendant holds the pipe. */
const DRAIN = 2_000;
/** The same for a process that was told to end: what it said last is still in the pipe. */
const LAST_WORDS = 100;
/** What is kept of each stream, in bytes: the end of it, because that is where errors stand. */
const KEPT = 16 * 1024 * 1024;
/** The same where whoever asked is given all of it as it comes. */
const KEPT_OF_TOLD = 512 * 1024;

/**
 * Runs a program in a process group of its own. The outcome is its exit state, never whether a signal was sent.
 * A program that cannot be started answers 127 (not found) or 126, as a shell would.
 */
export function runProcess(argv: readonly string[], options: ExecOptions = {}): Promise<Exit> {
  const { promise, resolve } = Promise.withResolvers<Exit>();
  const refused = (error: unknown) => resolve(notStarted(argv, options, error));
  let stdin: Stdin;
  try {
    stdin = stdinFor(options.input);
  } catch (error) {
    return Promise.resolve(unread(error));
  }
  const child = started(argv, options, stdin, refused);
  if (typeof stdin === 'number') closeSync(stdin);
  if (!child) return promise;
  const out = collect(child, 'stdout', options.onOutput);
  const err = collect(child, 'stderr', options.onOutput);
  const stop = () => terminate(child);
  options.signal?.addEventListener('abort', stop, { once: true });
  if (options.signal?.aborted) stop();
  if (typeof options.input === 'string')
    feed(child, options.input, (error) => {
      terminate(child);
      resolve(unread(error));
    });
  child.once('error', refused);
  child.once('exit', (code, signal) => {
    options.signal?.removeEventListener('abort', stop);
    const done = () => resolve({ code, signal, stdout: out(), stderr: err() });
    const timer = setTimeout(
      () => {
        child.stdout?.destroy();
        child.stderr?.destroy();
        done();
      },
      options.signal?.aborted ? LAST_WORDS : DRAIN,
    );
    child.once('close', () => {
      clearTimeout(timer);
      done();
    });
  });
  return promise;
}

type Stdin = 'ignore' | 'pipe' | number;

/** A program reads a file by itself: through here it would leave a trail of buffers, a hundred megabytes of them. */
function stdinFor(input: ExecOptions['input']): Stdin {
  if (typeof input === 'object') return openSync(input.file, 'r');
  return input === undefined ? 'ignore' : 'pipe';
}

/** spawn reports most failures later, as an event, and some at once: a list of arguments that is too long. */
function started(
  argv: readonly string[],
  options: ExecOptions,
  stdin: Stdin,
  refused: (error: unknown) => void,
): ChildProcess | undefined {
  const [program = '', ...words] = argv;
  try {
    return spawn(program, words, {
      detached: true,
      stdio: [stdin, 'pipe', 'pipe'],
      env: { ...process.env, ...options.env },
      cwd: options.cwd,
    });
  } catch (error) {
    refused(error);
    return undefined;
  }
}

/** spawn says ENOENT for a program and for a working directory alike. */
function notStarted([program]: readonly string[], { cwd }: ExecOptions, error: unknown): Exit {
  const away = codeOf(error) === 'ENOENT' && (cwd === undefined || existsSync(cwd));
  const why = error instanceof Error ? error.message : String(error);
  const stderr =
    cwd !== undefined && !existsSync(cwd)
      ? `${cwd}: no such folder`
      : `${program}: ${away ? 'not found' : why}`;
  return { code: away ? 127 : 126, signal: null, stdout: '', stderr };
}

function collect(
  child: ChildProcess,
  name: 'stdout' | 'stderr',
  onOutput?: (text: string) => void,
): () => string {
  const tail = tailOf(onOutput ? KEPT_OF_TOLD : KEPT);
  const decoder = new StringDecoder('utf8');
  child[name]?.on('data', (piece: Buffer) => {
    tail.add(piece);
    onOutput?.(decoder.write(piece));
  });
  return tail.text;
}

/** The last bytes of a stream, outside the heap: kept as strings they would outlive its young generation. */
function tailOf(kept: number): { add(piece: Buffer): void; text(): string } {
  let bytes = Buffer.alloc(0);
  let end = 0;
  return {
    add: (piece) => {
      if (end + piece.length > bytes.length) {
        const last = bytes.subarray(Math.max(0, end - kept), end);
        const room = Buffer.allocUnsafe(Math.min(2 * kept, 2 * (last.length + piece.length)));
        end = last.copy(room);
        bytes = room;
      }
      end += piece.copy(bytes, end);
    },
    text: () => bytes.toString('utf8', Math.max(0, end - kept), end),
  };
}

function feed({ stdin }: ChildProcess, text: string, failed: (error: unknown) => void): void {
  // A program may end before it has read everything; its exit code tells whether that was right.
  stdin?.on('error', (error) => {
    if (codeOf(error) !== 'EPIPE' && codeOf(error) !== 'ECONNRESET') failed(error);
  });
  stdin?.end(text);
}

function unread(error: unknown): Exit {
  return { code: 126, signal: null, stdout: '', stderr: `cannot read its input: ${String(error)}` };
}

/** TERM to the whole group, KILL to what is left of it. */
function terminate(child: ChildProcess): void {
  signalGroup(child, 'SIGTERM');
  const timer = setTimeout(() => signalGroup(child, 'SIGKILL'), GRACE);
  child.once('exit', () => {
    clearTimeout(timer);
    signalGroup(child, 'SIGKILL');
  });
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    // EPERM: it became another user's, through sudo; whoever started it that way ends it by its mark.
    if (codeOf(error) !== 'ESRCH' && codeOf(error) !== 'EPERM') throw error;
  }
}
