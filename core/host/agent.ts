/**
 * The runner's end of an agent: one process on the controller (perl, or ssh to it) through which all that is asked of one
 * host with one right goes. core/README.md, "The agent", has the protocol; agent.pl is the other end.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Failed, type Failure } from '../model/failure.ts';
import { secretVariables } from '../model/secret.ts';
import { type Agent, Wire } from './wire.ts';

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
  /** Seconds that being let in, and becoming root, may take; undefined: as long as a person needs who is asked. */
  readonly within?: number | undefined;
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
  /** Its time was over. */
  readonly late?: true;
  readonly cause?: unknown;
}

/** Where it is from here, and from where this file is bundled to. */
const SOURCE = new URL('../host/agent.pl', import.meta.url);
let source: Buffer | undefined;

/** What is kept of what is said beside the protocol. */
const WORDS = 64 * 1024;

/**
 * What starts the agent, in words that every login shell reads alike: no quote, backslash, line break or exclamation mark.
 * It says who it is, becomes root by the words it is given where it is not, then takes the agent from its input.
 */
const BOOT =
  'syswrite STDOUT,"$ARGV[0] $> ".getpwuid($>).";";if($>&&@ARGV>2){exec @ARGV[2..$#ARGV];die "$ARGV[2] cannot be started"}' +
  'while(length $s<$ARGV[1]){sysread(STDIN,$s,$ARGV[1]-length $s,length $s)||exit 70}eval $s;die $@ if $@';

/** What the perl of the host would take from whoever logs in. */
const PERL = ['PERL5OPT', 'PERL5LIB', 'PERL5DB', 'PERL_UNICODE'];

/** The words that start an agent; `sudo` are those by which whoever is not root becomes it. */
export function bootWords(nonce: string, sudo: readonly string[] = []): readonly string[] {
  source ??= readFileSync(SOURCE);
  const without = [...PERL, ...secretVariables()].flatMap((name) => ['-u', name]);
  const words = ['env', ...without, 'LC_ALL=C', 'perl', '-e', BOOT, nonce, String(source.length)];
  return sudo.length > 0 ? [...words, ...sudo, ...words] : words;
}

/** Something that nobody on the way says by chance. */
export function newNonce(): string {
  return `cc-${randomBytes(12).toString('hex')}`;
}

/** Starts the carrier, and answers once somebody is let in; `signal` ends the waiting for that. */
export function openAgent(carrier: Carrier, signal?: AbortSignal): Promise<Agent> {
  const [program, ...words] = carrier.argv;
  const child = spawn(program!, words, { detached: carrier.detached, stdio: 'pipe' });
  const { promise, resolve, reject } = Promise.withResolvers<Agent>();
  const wire = new Wire(child, carrier.near);
  const entry = new Entry(carrier, child, () => {
    wire.open();
    resolve(wire);
  });
  child.stdout.on('data', (piece: Buffer) => wire.take(entry.take(piece)));
  child.stderr.on('data', (piece: Buffer) => entry.say(piece.toString()));
  const gone = (how: Pick<Ended, 'code' | 'signal' | 'late' | 'cause'>) => {
    const error = new Failed(carrier.failure({ ...entry.end(), ...how }), { cause: how.cause });
    reject(error);
    wire.lose(error);
  };
  child.on('error', (cause) => gone({ code: null, signal: null, cause }));
  child.on('close', (code, signal) => gone({ code, signal }));
  child.stdin.on('error', () => {}); // its end says more
  const stop = () => child.kill('SIGKILL');
  const giveUp = () => {
    gone({ code: null, signal: null, late: true });
    stop();
  };
  const timer = carrier.within && setTimeout(giveUp, carrier.within * 1000);
  signal?.addEventListener('abort', stop, { once: true });
  if (signal?.aborted) stop();
  return promise.finally(() => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
  });
}

/** Who is let in and how, with what is said on the way by others: a login's greetings, sudo, ssh. */
class Entry {
  readonly #carrier: Carrier;
  readonly #child: ChildProcess;
  readonly #ready: () => void;
  #stage: Stage = 'login';
  #heard: Buffer = Buffer.alloc(0);
  #words = '';
  #user = '';
  #asked = 0;

  constructor(carrier: Carrier, child: ChildProcess, ready: () => void) {
    this.#carrier = carrier;
    this.#child = child;
    this.#ready = ready;
  }

  end(): Pick<Ended, 'stage' | 'user' | 'words'> {
    const words = this.#words + (this.#stage === 'work' ? '' : this.#heard);
    return { stage: this.#stage, user: this.#user, words: words.trim() };
  }

  /** What is said beside the protocol; to sudo's question it is answered. */
  say(text: string): void {
    this.#words = (this.#words + text).slice(-WORDS);
    const { password } = this.#carrier;
    if (!password || this.#stage !== 'root') return;
    if (this.#words.split(password.prompt).length - 1 <= this.#asked) return;
    this.#asked += 1;
    if (this.#asked === 1) this.#child.stdin?.write(`${password.text}\n`);
    else this.#child.kill(); // it was wrong; to try again might lock the account
  }

  /** Answers the bytes that are the agent's. */
  take(piece: Buffer): Buffer {
    if (this.#stage === 'work') return piece;
    this.#heard = this.#heard.length > 0 ? Buffer.concat([this.#heard, piece]) : piece;
    const { nonce } = this.#carrier;
    for (;;) {
      const at = this.#heard.indexOf(`${nonce} `);
      const end = at < 0 ? -1 : this.#heard.indexOf(';', at);
      if (end < 0) return Buffer.alloc(0);
      const [uid, user = ''] = this.#heard
        .subarray(at + nonce.length + 1, end)
        .toString()
        .split(' ');
      this.say(this.#heard.subarray(0, at).toString());
      this.#heard = this.#heard.subarray(end + 1);
      if (this.#enter(Number(uid), user)) return this.#heard;
    }
  }

  /** Whether the agent has been sent. */
  #enter(uid: number, user: string): boolean {
    this.#user = user;
    if (this.#carrier.root && uid !== 0 && this.#stage === 'login') {
      this.#stage = 'root';
      return false;
    }
    this.#stage = 'work';
    this.#child.stdin?.write(source!); // read when the words were made
    this.#ready();
    return true;
  }
}
