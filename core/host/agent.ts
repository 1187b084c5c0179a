/**
 * The runner's end of an agent: one process on the controller (perl, or ssh to it) through which all that is asked of one
 * host with one right goes. core/README.md, "The agent", has the protocol; agent.pl is the other end.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { Failed, type Failure } from '../model/failure.ts';
import { readPieces } from './hash.ts';

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
  /** Fulfilled when it has ended, for whatever reason. */
  readonly ended: Promise<void>;
}

/** How far a carrier came: nobody was let in; sudo was asked; the agent is at work. */
export type Stage = 'login' | 'root' | 'work';

/** The process that leads to an agent, and how its end is told. */
export interface Carrier {
  readonly argv: readonly string[];
  /** What `bootWords` was given. */
  readonly nonce: string;
  /** Whether root is wanted. */
  readonly root: boolean;
  /** Whether the agent sees the files of this machine. */
  readonly near: boolean;
  /** In a session of its own, where Ctrl-C on the terminal does not reach it, nor it the terminal. */
  readonly detached: boolean;
  /** Given to sudo when it asks for it by this prompt. */
  readonly password?: { readonly prompt: string; readonly text: string } | undefined;
  failure(end: Ended): Failure;
}

export interface Ended {
  readonly stage: Stage;
  /** Who was let in; empty where nobody was. */
  readonly user: string;
  readonly code: number | null;
  readonly signal: string | null;
  /** What it and the host said, before the agent spoke or beside it. */
  readonly words: string;
  readonly cause?: unknown;
}

/** Where it is from here, and from where this file is bundled to. */
const SOURCE = new URL('../host/agent.pl', import.meta.url);
let source: Buffer | undefined;

/** Bytes of input on their way to a process that it has not read. */
const WINDOW = 4 * 1024 * 1024;
/** What is kept of what is said beside the protocol. */
const WORDS = 64 * 1024;
/** The bytes before an answer's own: a letter, the id, how many follow. */
const HEAD = 9;
/** How long an agent may take to end when its input has, in milliseconds. */
const PATIENCE = 5_000;

/**
 * What starts the agent, in words that every login shell reads alike: no quote, backslash, line break or exclamation mark.
 * It says who it is, becomes root by the words it is given where it is not, then takes the agent from its input.
 */
const BOOT =
  'syswrite STDOUT,"$ARGV[0] $> ".getpwuid($>).";";if($>&&@ARGV>2){exec @ARGV[2..$#ARGV];die "$ARGV[2] cannot be started"}' +
  'while(length $s<$ARGV[1]){sysread(STDIN,$s,$ARGV[1]-length $s,length $s)||exit 70}eval $s;die $@ if $@';

/** What the perl of the host would take from whoever logs in. */
const CLEAN = ['env', '-u', 'PERL5OPT', '-u', 'PERL5LIB', '-u', 'PERL5DB', '-u', 'PERL_UNICODE', 'LC_ALL=C'];

/** The words that start an agent; `sudo` are those by which whoever is not root becomes it. */
export function bootWords(nonce: string, sudo: readonly string[] = []): readonly string[] {
  source ??= readFileSync(SOURCE);
  const words = [...CLEAN, 'perl', '-e', BOOT, nonce, String(source.length)];
  return sudo.length > 0 ? [...words, ...sudo, ...words] : words;
}

/** Something that nobody on the way says by chance. */
export function newNonce(): string {
  return `cc-${randomBytes(12).toString('hex')}`;
}

/** Starts the carrier, and answers once the agent has said hello. */
export function openAgent(carrier: Carrier): Promise<Agent> {
  const [program, ...words] = carrier.argv;
  const child = spawn(program!, words, { detached: carrier.detached, stdio: 'pipe' });
  const { promise, resolve, reject } = Promise.withResolvers<Agent>();
  const wire = wireTo(child, carrier);
  const entry = entryOf(carrier, child, () => resolve(wire.agent));
  child.stdout.on('data', (piece: Buffer) => wire.take(entry.take(piece)));
  child.stderr.on('data', (piece: Buffer) => entry.say(piece.toString()));
  const gone = (how: Pick<Ended, 'code' | 'signal' | 'cause'>) => {
    const error = new Failed(carrier.failure({ ...entry.end(), ...how }), { cause: how.cause });
    reject(error);
    wire.lost(error);
  };
  child.on('error', (cause) => gone({ code: null, signal: null, cause }));
  child.on('close', (code, signal) => gone({ code, signal }));
  child.stdin.on('error', () => {}); // its end says more
  return promise;
}

/** How far a carrier came, and what was said on the way by others: a login's greetings, sudo, ssh. */
function entryOf({ nonce, root, password }: Carrier, child: ChildProcess, ready: () => void) {
  let stage: Stage = 'login';
  let heard: Buffer = Buffer.alloc(0);
  let words = '';
  let user = '';
  let asked = 0;
  const say = (text: string) => {
    words = (words + text).slice(-WORDS);
    if (!password || stage !== 'root' || words.split(password.prompt).length - 1 <= asked) return;
    asked += 1;
    if (asked === 1) child.stdin?.write(`${password.text}\n`);
    else child.kill(); // it was wrong; to try again might lock the account
  };
  const enter = (uid: number) => {
    if (root && uid !== 0 && stage === 'login') {
      stage = 'root';
      return;
    }
    stage = 'work';
    child.stdin?.write(source!); // read when the words were made
  };
  /** The bytes that are the agent's. */
  const take = (piece: Buffer): Buffer => {
    if (stage === 'work') return piece;
    heard = heard.length > 0 ? Buffer.concat([heard, piece]) : piece;
    for (;;) {
      const at = heard.indexOf(`${nonce} `);
      const end = at < 0 ? -1 : heard.indexOf(';', at);
      if (end < 0) return Buffer.alloc(0);
      say(heard.subarray(0, at).toString());
      const [uid, name = ''] = heard
        .subarray(at + nonce.length + 1, end)
        .toString()
        .split(' ');
      user = name;
      enter(Number(uid));
      heard = heard.subarray(end + 1);
      if ((stage as Stage) !== 'work') continue;
      ready();
      return heard;
    }
  };
  const said = () => (words + (stage === 'work' ? '' : heard)).trim();
  return { take, say, end: () => ({ stage, user, words: said() }) };
}

/** Messages to an agent, and its answers to those who wait for them. */
function wireTo(child: ChildProcess, { near }: Carrier) {
  const listeners = new Map<number, Listener & { taken(bytes: number): void }>();
  const locks = new Map<number, (answer: readonly string[]) => void>();
  const ended = Promise.withResolvers<void>();
  let last = 0;
  let error: Failed | undefined;
  const tell = (...fields: readonly string[]) => child.stdin?.write(framed(fields));
  const next = () => {
    last = (last % 0xffff_ffff) + 1;
    return last;
  };
  let busy = true;
  const hold = () => {
    const wanted = listeners.size + locks.size > 0;
    if (wanted !== busy) held(child, wanted);
    busy = wanted;
  };
  const forget = (id: number) => {
    listeners.delete(id);
    hold();
  };
  const answers: { readonly [letter: string]: (id: number, bytes: Buffer) => void } = {
    o: (id, bytes) => listeners.get(id)?.output('stdout', bytes),
    e: (id, bytes) => listeners.get(id)?.output('stderr', bytes),
    i: (id, bytes) => listeners.get(id)?.taken(Number(bytes)),
    x: (id, bytes) => listeners.get(id)?.exited(...exitOf(Number(bytes))),
    r: (id, bytes) => {
      const [stage, why = ''] = bytes.toString().split('\0');
      const listener = listeners.get(id);
      forget(id);
      listener?.refused(stage as Refusal, why); // one of those that agent.pl names
    },
    c: (id) => {
      const listener = listeners.get(id);
      forget(id);
      listener?.closed();
    },
    l: (id, bytes) => {
      locks.get(id)?.(unpacked(bytes).map(String));
      locks.delete(id);
      hold();
    },
  };
  const agent: Agent = {
    start: ({ call = '', argv, env = {}, cwd = '', input }, listener) => {
      const id = next();
      if (error) {
        queueMicrotask(() => listener.lost(error!)); // set, and for good
        return { signal: () => {}, drop: () => {} };
      }
      const flow = flowOf(id, child, tell);
      listeners.set(id, { ...listener, taken: flow.taken });
      hold();
      const sets = Object.entries(env).map(([name, value]) => `${name}=${value}`);
      const how = input === undefined ? '' : typeof input === 'string' ? 'text' : near ? 'file' : 'stream';
      const first = typeof input === 'string' ? input : how === 'file' ? input!.file : ''; // a file has a name
      tell('start', String(id), call, cwd, how, first, String(sets.length), ...sets, ...argv);
      if (how === 'stream')
        flow.pour((input as { file: string }).file).catch((reason: Error) => {
          tell('signal', String(id), 'KILL');
          forget(id);
          listener.refused('input', reason.message);
        });
      return {
        signal: (name) => tell('signal', String(id), name),
        drop: () => tell('drop', String(id)),
      };
    },
    lock: async (path, owner) => {
      const id = next();
      const { promise, resolve } = Promise.withResolvers<readonly string[]>();
      locks.set(id, resolve);
      hold();
      tell('lock', String(id), path, owner);
      const [answer, holder = ''] = await Promise.race([promise, ended.promise.then(() => ['lost'])]);
      if (answer === 'lost') throw error;
      if (answer === 'failed') throw new Error(holder);
      return answer === 'taken' ? undefined : holder;
    },
    unlock: (path) => tell('unlock', '0', path),
    ended: ended.promise,
    [Symbol.asyncDispose]: async () => {
      if (error) return;
      if (!busy) held(child, true);
      child.stdin?.end();
      const late = setTimeout(() => child.kill('SIGKILL'), PATIENCE);
      await ended.promise;
      clearTimeout(late);
    },
  };
  return {
    agent,
    take: parser((letter, id, bytes) => answers[letter]?.(id, bytes)),
    lost: (failed: Failed) => {
      error ??= failed;
      ended.resolve();
      const waiting = [...listeners.values()];
      listeners.clear();
      for (const listener of waiting) listener.lost(failed);
    },
  };
}

/** A file on its way to a process: never more than a window ahead of what that has read. */
function flowOf(id: number, { stdin }: ChildProcess, tell: (...fields: readonly string[]) => void) {
  let ahead = 0;
  let room: (() => void) | undefined;
  /** Waits until it is written, because the next piece comes in the same buffer. */
  const send = (piece: Buffer) =>
    new Promise<void>((resolve) => {
      stdin?.write(framed(['input', String(id)], piece.length));
      stdin?.write(piece, () => resolve());
    });
  return {
    taken: (bytes: number) => {
      ahead -= bytes;
      room?.();
    },
    pour: async (file: string) => {
      for await (const piece of readPieces(file)) {
        while (ahead > WINDOW) await new Promise<void>((resolve) => (room = resolve));
        ahead += piece.length;
        await send(piece);
      }
      tell('eof', String(id));
    },
  };
}

/** Fields as a message; `more` bytes of one more field are to follow. */
function framed(fields: readonly string[], more?: number): Buffer {
  const bytes = fields.map((field) => Buffer.from(field));
  const size = bytes.reduce((sum, { length }) => sum + 4 + length, 4);
  const message = Buffer.allocUnsafe(more === undefined ? size : size + 4);
  let at = message.writeUInt32BE(message.length - 4 + (more ?? 0));
  for (const field of bytes) {
    at = message.writeUInt32BE(field.length, at);
    at += field.copy(message, at);
  }
  if (more !== undefined) message.writeUInt32BE(more, at);
  return message;
}

/** The fields that were packed into one. */
export function unpacked(bytes: Buffer): readonly Buffer[] {
  const fields: Buffer[] = [];
  for (let at = 0; at + 4 <= bytes.length; ) {
    const end = at + 4 + bytes.readUInt32BE(at);
    fields.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return fields;
}

/** Takes answers out of what arrives, however it was cut. */
function parser(answer: (letter: string, id: number, bytes: Buffer) => void): (piece: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (piece) => {
    const all = rest.length > 0 ? Buffer.concat([rest, piece]) : piece;
    let at = 0;
    while (all.length - at >= HEAD) {
      const end = at + HEAD + all.readUInt32BE(at + 5);
      if (end > all.length) break;
      answer(String.fromCharCode(all[at]!), all.readUInt32BE(at + 1), all.subarray(at + HEAD, end)); // HEAD is there
      at = end;
    }
    rest = all.subarray(at);
  };
}

const SIGNALS = Object.entries(constants.signals);

/** What `wait` says: the number of the signal in the lowest seven bits, else the exit code above the lowest eight. */
function exitOf(status: number): [number | null, string | null] {
  const number = status & 0x7f;
  if (number === 0) return [status >> 8, null];
  return [null, SIGNALS.find(([, value]) => value === number)?.[0] ?? `signal ${number}`];
}

/** While it has nothing to do it must not keep cc from ending. */
function held(child: ChildProcess, busy: boolean): void {
  const how = busy ? 'ref' : 'unref';
  child[how]();
  for (const stream of [child.stdin, child.stdout, child.stderr])
    (stream as unknown as { [H in typeof how]?: () => void })?.[how]?.(); // sockets, which their types do not say
}
