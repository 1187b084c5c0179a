/** Messages to an agent over the process that leads to it, and its answers to those who wait for them. */
import type { ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import { clearInterval, setInterval } from 'node:timers';
import type { Failed } from '../model/failure.ts';
import { framed, parser, unpacked } from './frames.ts';
import { readPieces } from './hash.ts';
import type { About } from './transport.ts';

/** Text, or a file on this machine. */
export type Input = string | { readonly file: string };

/** A program, or a call: what the agent does itself. */
export interface Start {
  readonly call?: string;
  readonly argv: readonly string[];
  /** Beside the variables of the host. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly cwd?: string | undefined;
  readonly input?: Input | undefined;
}

/** What kept a process from running: its folder, its input, that there is no such program, or anything else. */
export type Refusal = 'folder' | 'input' | 'absent' | 'program';

/** Hears of a process: either that it was refused, or all that it says, its exit, and the end of its output. */
export interface Listener {
  output(stream: 'stdout' | 'stderr', piece: Buffer): void;
  refused(stage: Refusal, why: string): void;
  exited(code: number | null, signal: string | null): void;
  closed(): void;
  /** Nothing more can be known of it. */
  lost(error: Failed): void;
}

export interface Started {
  /** To the process and all that descends from it. */
  signal(name: 'TERM' | 'KILL'): void;
  /** Counts its output as closed, whatever still holds it. */
  drop(): void;
}

export interface Agent extends AsyncDisposable {
  start(start: Start, listener: Listener): Started;
  /** Takes a lock by its path; answers what its holder wrote into it where it is held. */
  lock(path: string, owner: string): Promise<string | undefined>;
  unlock(path: string): void;
  /** What it says first of itself and its host. */
  hello(): Promise<About>;
  /** Fulfilled when it has ended, for whatever reason, with what is told to who asks it anything. */
  readonly ended: Promise<Failed>;
}

/** Bytes of input on their way to a process that it has not read. */
const WINDOW = 4 * 1024 * 1024;
/** Milliseconds between two signs of life, where a network is between the two. */
const PULSE = 5_000;
/** How long an agent may take to end when its input has, in milliseconds. */
const PATIENCE = 5_000;

/** One request under way, and the file that goes along with it. */
interface Pending extends Listener {
  readonly file?: Pouring | undefined;
}

export class Wire implements Agent {
  readonly ended: Promise<Failed>;
  /** Takes what the agent says. */
  readonly take: (piece: Buffer) => void;
  readonly #child: ChildProcess;
  /** Whether the agent sees the files of this machine. */
  readonly #near: boolean;
  readonly #over = Promise.withResolvers<Failed>();
  readonly #hello = Promise.withResolvers<About>();
  readonly #pending = new Map<number, Pending>();
  #pulse: NodeJS.Timeout | undefined;
  #last = 0;
  #busy = true;
  #greeted = false;
  #error: Failed | undefined;

  constructor(child: ChildProcess, near: boolean) {
    this.#child = child;
    this.#near = near;
    this.ended = this.#over.promise;
    this.#hello.promise.catch(() => {}); // nobody may ask
    this.take = parser((letter, id, bytes) => this.#answered(letter, id, bytes));
  }

  start({ call = '', argv, env = {}, cwd = '', input }: Start, listener: Listener): Started {
    const id = this.#next();
    const [how, first] = this.#wayOf(input);
    const file = how === 'stream' ? new Pouring(id, this.#child) : undefined;
    const sets = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    const words = [call, cwd, how, first, String(sets.length), ...sets, ...argv];
    this.#ask(id, ['start', String(id), ...words], { ...listener, file });
    const tell = (...fields: readonly string[]) => this.#tell(fields);
    file?.pour((input as Exclude<Input, string>).file).catch((reason: Error) => {
      tell('signal', String(id), 'KILL');
      this.#forget(id);
      listener.refused('input', reason.message);
    });
    return {
      signal: (name) => tell('signal', String(id), name),
      drop: () => tell('drop', String(id)),
    };
  }

  async lock(path: string, owner: string): Promise<string | undefined> {
    const id = this.#next();
    const { promise, resolve, reject } = Promise.withResolvers<readonly string[]>();
    const nothing = () => {};
    this.#ask(id, ['lock', String(id), path, owner], {
      ...{ refused: nothing, exited: nothing, closed: nothing, lost: reject },
      output: (_, bytes) => resolve(unpacked(bytes).map(String)),
    });
    const [answer, holder = ''] = await promise;
    if (answer === 'failed') throw new Error(holder);
    return answer === 'taken' ? undefined : holder;
  }

  unlock(path: string): void {
    this.#tell(['unlock', '0', path]);
  }

  hello(): Promise<About> {
    return this.#hello.promise;
  }

  /** Nothing more comes. */
  lose(error: Failed): void {
    this.#error ??= error;
    this.#hello.reject(error);
    clearInterval(this.#pulse);
    this.#over.resolve(error);
    for (const [id, { lost }] of this.#pending) {
      this.#forget(id);
      lost(error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#error) return;
    hold(this.#child, true);
    this.#child.stdin?.end();
    const late = setTimeout(() => this.#child.kill('SIGKILL'), PATIENCE);
    await this.ended;
    clearTimeout(late);
  }

  /** How input gets to a process, and what of it goes along at once. */
  #wayOf(input: Input | undefined): readonly [how: string, first: string] {
    if (input === undefined) return ['', ''];
    if (typeof input === 'string') return ['text', input];
    return this.#near ? ['file', input.file] : ['stream', ''];
  }

  #next(): number {
    this.#last = (this.#last % 0xffff_ffff) + 1;
    return this.#last;
  }

  #tell(fields: readonly string[]): void {
    this.#child.stdin?.write(framed(fields));
  }

  #ask(id: number, fields: readonly string[], pending: Pending): void {
    if (this.#error) {
      const error = this.#error;
      queueMicrotask(() => pending.lost(error));
      return;
    }
    this.#pending.set(id, pending);
    this.#rest();
    this.#tell(fields);
  }

  #answered(letter: string, id: number, bytes: Buffer): void {
    if (letter === 'h') {
      this.#greeted = true;
      const [, os = '', machine = '', user = '', release = ''] = unpacked(bytes).map(String);
      this.#hello.resolve({ os, machine, user, release });
      this.#rest();
    }
    const pending = this.#pending.get(id);
    if (letter === 'c' || letter === 'r') this.#forget(id);
    if (pending) ANSWERED[letter]?.(pending, bytes);
  }

  #forget(id: number): void {
    this.#pending.get(id)?.file?.end();
    this.#pending.delete(id);
    this.#rest();
  }

  /** The agent is at the other end. */
  open(): void {
    if (!this.#near) {
      const ping = () => this.#tell(['ping', '0']);
      ping(); // it misses only whom it has heard: a link may be cut at once
      this.#pulse = setInterval(ping, PULSE).unref();
    }
    this.#rest();
  }

  /** While it has nothing to do it must not keep cc from ending. */
  #rest(): void {
    const busy = this.#pending.size > 0 || !this.#greeted;
    if (busy !== this.#busy) hold(this.#child, busy);
    this.#busy = busy;
  }
}

/** What each kind of answer is for whoever waits. */
const ANSWERED: { readonly [letter: string]: (pending: Pending, bytes: Buffer) => void } = {
  o: ({ output }, bytes) => output('stdout', bytes),
  e: ({ output }, bytes) => output('stderr', bytes),
  i: ({ file }, bytes) => file?.taken(Number(bytes)),
  x: ({ exited }, bytes) => exited(...exitOf(Number(bytes))),
  c: ({ closed }) => closed(),
  r: ({ refused }, bytes) => {
    const [stage, why = ''] = bytes.toString().split('\0');
    refused(stage as Refusal, why); // one of those that agent.pl names
  },
};

/** A file on its way to a process: never more than a window ahead of what that has read. */
class Pouring {
  readonly #id: number;
  readonly #child: ChildProcess;
  #ahead = 0;
  #over = false;
  #room: (() => void) | undefined;

  constructor(id: number, child: ChildProcess) {
    this.#id = id;
    this.#child = child;
  }

  taken(bytes: number): void {
    this.#ahead -= bytes;
    this.#room?.();
  }

  /** The process has ended. */
  end(): void {
    this.#over = true;
    this.#room?.();
  }

  async pour(file: string): Promise<void> {
    for await (const piece of readPieces(file)) {
      while (this.#ahead > WINDOW && !this.#over)
        await new Promise<void>((resolve) => {
          this.#room = resolve;
        });
      if (this.#over) return;
      this.#ahead += piece.length;
      await this.#send(piece);
    }
    this.#child.stdin?.write(framed(['eof', String(this.#id)]));
  }

  /** Waits until it is written, because the next piece comes in the same buffer. */
  #send(piece: Buffer): Promise<void> {
    return new Promise((resolve) => {
      this.#child.stdin?.write(framed(['input', String(this.#id)], piece.length));
      this.#child.stdin?.write(piece, () => resolve());
    });
  }
}

const SIGNALS = Object.entries(constants.signals);

/** What `wait` says: the number of the signal in the lowest seven bits, else the exit code above the lowest eight. */
function exitOf(status: number): [number | null, string | null] {
  const number = status & 0x7f;
  if (number === 0) return [status >> 8, null];
  return [null, SIGNALS.find(([, value]) => value === number)?.[0] ?? `signal ${number}`];
}

/** Whether the event loop waits for it. */
function hold(child: ChildProcess, busy: boolean): void {
  const how = busy ? 'ref' : 'unref';
  child[how]();
  for (const stream of [child.stdin, child.stdout, child.stderr])
    (stream as unknown as { [H in typeof how]?: () => void })?.[how]?.(); // sockets, which their types do not say
}
