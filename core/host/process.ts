/** One process on a host, with its descendants, from start to the last of its output. */
import { StringDecoder } from 'node:string_decoder';
import type { ExecOptions, Exit } from './transport.ts';
import type { Agent, Refusal, Start, Started } from './wire.ts';

/** How long a process may take to end after TERM, in milliseconds; the agent's own need only clean up. */
const GRACE = { program: 5_000, call: 1_000 };
/** How long it may take after KILL: what waits for a disk that is gone may take for ever, and nobody waits for it. */
const DYING = 1_000;
/** How long output may keep coming after the process itself has ended, when a descendant holds the pipe. */
const DRAIN = 2_000;
/** The same for a process that was told to end: what it said last is still in the pipe. */
const LAST_WORDS = 100;
/** What is kept of each stream, in bytes: the end of it, because that is where errors stand. */
const KEPT = 16 * 1024 * 1024;
/** The same where whoever asked is given all of it as it comes. */
const KEPT_OF_TOLD = 512 * 1024;

/** An exit with the bytes of both streams. */
interface RawExit extends Pick<Exit, 'code' | 'signal'> {
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

/**
 * Runs a program in a process group of its own. The outcome is its exit state, never whether a signal was sent.
 * A program that cannot be started answers 127 (not found) or 126, as a shell would.
 */
export async function execute(
  agent: Agent,
  argv: readonly string[],
  options: ExecOptions = {},
): Promise<Exit> {
  const { signal, onOutput, input, cwd, env = {} } = options;
  if ([...argv, ...Object.values(env), cwd].some((word) => word?.includes('\0')))
    return notRun('program', 'a word with a null character cannot be given', argv, options);
  // What is stopped before it starts need not be started to be ended.
  if (signal?.aborted) return { code: null, signal: 'SIGTERM', stdout: '', stderr: '' };
  const heard = { stdout: collect('stdout', onOutput), stderr: collect('stderr', onOutput) };
  const exit = await ended(agent, { argv, env, cwd, input }, heard, signal);
  if ('refused' in exit) return notRun(exit.refused, exit.why, argv, options);
  return { ...exit, stdout: heard.stdout.bytes().toString(), stderr: heard.stderr.bytes().toString() };
}

/** Has the agent itself do something; all of what it answers is kept. */
export async function call(
  agent: Agent,
  name: string,
  argv: readonly string[],
  { input, signal }: Pick<ExecOptions, 'input' | 'signal'> = {},
): Promise<RawExit> {
  const heard = { stdout: tailOf(Infinity), stderr: tailOf(KEPT) };
  const exit = await ended(agent, { call: name, argv, input }, heard, signal);
  const [stdout, stderr] = [heard.stdout.bytes(), heard.stderr.bytes()];
  return 'refused' in exit
    ? { code: 126, signal: null, stdout, stderr: Buffer.from(exit.why) }
    : { ...exit, stdout, stderr };
}

type End = Pick<Exit, 'code' | 'signal'> | { readonly refused: Refusal; readonly why: string };

function ended(
  agent: Agent,
  start: Start,
  heard: Readonly<Record<'stdout' | 'stderr', Tail>>,
  signal: AbortSignal | undefined,
): Promise<End> {
  const { promise, resolve, reject } = Promise.withResolvers<End>();
  let exit: End | undefined;
  let timer: NodeJS.Timeout | undefined;
  const started = agent.start(start, {
    output: (stream, piece) => heard[stream].add(piece),
    exited: (code, by) => {
      exit = { code, signal: by };
      timer = setTimeout(started.drop, signal?.aborted ? LAST_WORDS : DRAIN);
    },
    closed: () => {
      clearTimeout(timer);
      if (exit) resolve(exit);
    },
    refused: (stage, why) => resolve({ refused: stage, why }),
    lost: reject,
  });
  const giveUp = () => {
    exit ??= { code: null, signal: 'SIGKILL' };
    started.drop();
  };
  const grace = GRACE[start.call === undefined ? 'program' : 'call'];
  const patience = signal && endedBy(signal, started, grace, giveUp);
  return patience ? promise.finally(patience) : promise;
}

/** TERM when the signal fires, KILL after the grace period; answers how to call that off. */
function endedBy(signal: AbortSignal, started: Started, grace: number, giveUp: () => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  const kill = () => {
    started.signal('KILL');
    timer = setTimeout(giveUp, DYING);
  };
  const terminate = () => {
    started.signal('TERM');
    timer = setTimeout(kill, grace);
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
function collect(stream: 'stdout' | 'stderr', onOutput: ExecOptions['onOutput']): Tail {
  const tail = tailOf(onOutput ? KEPT_OF_TOLD : KEPT);
  if (!onOutput) return tail;
  const decoder = new StringDecoder('utf8');
  const add = (piece: Buffer) => {
    tail.add(piece);
    onOutput(decoder.write(piece), stream);
  };
  return { add, bytes: tail.bytes };
}

interface Tail {
  add(piece: Buffer): void;
  bytes(): Buffer;
}

/**
 * The last bytes of a stream, from the beginning of a line: part of a secret would not be known for one. They are outside the
 * heap, because kept as strings they would outlive its young generation.
 */
function tailOf(kept: number): Tail {
  let bytes = Buffer.alloc(0);
  let end = 0;
  let dropped = false;
  return {
    add: (piece) => {
      if (end + piece.length > bytes.length) {
        const last = bytes.subarray(Math.max(0, end - kept), end);
        dropped ||= last.length < end;
        const room = Buffer.allocUnsafe(Math.min(2 * kept, 2 * (last.length + piece.length)));
        end = last.copy(room);
        bytes = room;
      }
      end += piece.copy(bytes, end);
    },
    bytes: () => {
      const last = bytes.subarray(Math.max(0, end - kept), end);
      const line = last.indexOf('\n') + 1;
      // One line that is longer than all that is kept is better than nothing.
      return (dropped || last.length < end) && line < last.length ? last.subarray(line) : last;
    },
  };
}
