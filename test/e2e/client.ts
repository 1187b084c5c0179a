/**
 * A client outside the nodes: it asks for a page ten times a second, each time by a new connection, and remembers what failed. It is
 * a process of its own, because a test waits for programs so that nothing else in its process goes on meanwhile.
 */
import { spawn } from 'node:child_process';
import { request } from 'node:http';
import process from 'node:process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { inside } from './network.ts';

/** Where the page is. */
export interface Target {
  readonly address: string;
  readonly port: number;
}

export interface Lost {
  /** When it was asked for, and how long the client waited. */
  readonly at: string;
  readonly took: number;
  readonly why: string;
}

export interface Tally {
  readonly asked: number;
  readonly lost: readonly Lost[];
  /** The longest time between two requests, in milliseconds: a client that was held up itself has seen less. */
  readonly gap: number;
}

export interface Client {
  /** Waits for what is still under way. */
  stop(): Promise<Tally>;
}

const EVERY_MS = 100;
const PATIENCE_MS = 2000;

/** Starts the client; in the network namespace that a file names, where one is given. */
export function clientOf({ address, port }: Target, network?: string): Client {
  const own = [process.execPath, ...('Deno' in globalThis ? ['run', '-A'] : []), ME, address, String(port)];
  const [program = '', ...words] = inside(network, own);
  const child = spawn(program, words, { stdio: ['pipe', 'pipe', 'inherit'] });
  const told = text(child.stdout);
  return {
    stop: async () => {
      child.stdin.end();
      const said = await told;
      if (!said.endsWith('\n')) throw new Error(`the client was ended before it was stopped: ${said}`);
      return JSON.parse(said) as Tally; // printed below
    },
  };
}

const ME = fileURLToPath(import.meta.url);

/** Asks once, and reads the whole answer; why it is lost, or undefined where it is not. */
export function asking({ address, port }: Target, patience: number): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const signal = AbortSignal.timeout(patience);
  const failed = ({ code, message }: NodeJS.ErrnoException) =>
    resolve(signal.aborted ? `no whole answer within ${patience} ms` : (code ?? message));
  const asked = request({ host: address, port, agent: false, signal }, (answer) => {
    answer.on('error', failed);
    answer.on('end', () => resolve(answer.statusCode === 200 ? undefined : `status ${answer.statusCode}`));
    answer.resume();
  });
  asked.on('error', failed).end();
  return promise;
}

/** Asks until its input ends, then prints its tally. */
async function main([address = '', port = '']: readonly string[]): Promise<void> {
  const open = new Set<Promise<void>>();
  const lost: Lost[] = [];
  const asked = { times: 0, last: performance.now(), gap: 0 };
  const ask = async () => {
    const from = performance.now();
    const at = new Date().toISOString();
    asked.gap = Math.max(asked.gap, from - asked.last);
    asked.last = from;
    asked.times++;
    const why = await asking({ address, port: Number(port) }, PATIENCE_MS);
    if (why !== undefined) lost.push({ at, took: Math.round(performance.now() - from), why });
  };
  const begin = () => {
    const one = ask().finally(() => open.delete(one));
    open.add(one);
  };
  begin();
  const timer = setInterval(begin, EVERY_MS);
  await text(process.stdin);
  clearInterval(timer);
  await Promise.all(open);
  const tally: Tally = { asked: asked.times, lost, gap: Math.round(asked.gap) };
  process.stdout.write(`${JSON.stringify(tally)}\n`);
}

if (import.meta.main) await main(process.argv.slice(2));
