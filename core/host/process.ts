/** One process on this machine, with its descendants, from start to the last of its output. */
import { StringDecoder } from 'node:string_decoder';
import { type Refusal, type Started, start } from './forker.ts';
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
  const { signal, onOutput, input, cwd, env = {} } = options;
  const { promise, resolve, reject } = Promise.withResolvers<Exit>();
  if ([...argv, ...Object.values(env), cwd].some((word) => word?.includes('\0')))
    return Promise.resolve(notRun('program', 'a word with a null character cannot be given', argv, options));
  const heard = { stdout: collect(onOutput), stderr: collect(onOutput) };
  let exit: Pick<Exit, 'code' | 'signal'> | undefined;
  let timer: NodeJS.Timeout | undefined;
  const started = start(
    { argv, env, cwd, input },
    {
      output: (stream, piece) => heard[stream].add(piece),
      exited: (code, signal) => {
        exit = { code, signal };
        timer = setTimeout(started.drop, options.signal?.aborted ? LAST_WORDS : DRAIN);
      },
      closed: () => {
        clearTimeout(timer);
        if (exit) resolve({ ...exit, stdout: heard.stdout.text(), stderr: heard.stderr.text() });
      },
      refused: (stage, why) => resolve(notRun(stage, why, argv, options)),
      lost: reject,
    },
  );
  const patience = signal && endedBy(signal, started);
  return patience ? promise.finally(patience) : promise;
}

/** TERM when the signal fires, KILL after the grace period; answers how to call that off. */
function endedBy(signal: AbortSignal, started: Started): () => void {
  let timer: NodeJS.Timeout | undefined;
  const terminate = () => {
    started.signal('TERM');
    timer = setTimeout(() => started.signal('KILL'), GRACE);
  };
  signal.addEventListener('abort', terminate, { once: true });
  if (signal.aborted) terminate();
  return () => {
    clearTimeout(timer);
    signal.removeEventListener('abort', terminate);
  };
}

function notRun(stage: Refusal, why: string, [program]: readonly string[], options: ExecOptions): Exit {
  const { cwd, input } = options;
  const file = typeof input === 'object' ? `${input.file}: ` : '';
  const words: { readonly [S in Refusal]: string } = {
    folder: `${cwd}: ${why}`,
    input: `cannot read its input: ${file}${why}`,
    absent: `${program}: not found`,
    program: `${program}: ${why}`,
  };
  return { code: stage === 'absent' ? 127 : 126, signal: null, stdout: '', stderr: words[stage] };
}

/** Keeps the end of a stream, and tells all of it as it comes. */
function collect(onOutput?: (text: string) => void): Tail {
  const tail = tailOf(onOutput ? KEPT_OF_TOLD : KEPT);
  if (!onOutput) return tail;
  const decoder = new StringDecoder('utf8');
  const add = (piece: Buffer) => {
    tail.add(piece);
    onOutput(decoder.write(piece));
  };
  return { add, text: tail.text };
}

interface Tail {
  add(piece: Buffer): void;
  text(): string;
}

/** The last bytes of a stream, outside the heap: kept as strings they would outlive its young generation. */
function tailOf(kept: number): Tail {
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
