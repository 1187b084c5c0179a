/** Bytes from the first address that gives the right ones, verified while they stream, gone on with where they broke off. */
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { clearTimeout, setTimeout } from 'node:timers';
import { type Digest, finish } from '../model/digest.ts';
import { type Attempt, codeOf, fail, type Trouble } from '../model/failure.ts';
import { type Network, withoutSecrets } from './network.ts';
import type { Part } from './part.ts';
import { type Answer, ask, type Range, reasonOf, Troubled, troubled } from './web.ts';

/** What bytes must be, as far as that is known before they arrive. */
export interface Wanted {
  readonly name: string;
  readonly sha256?: Digest;
  readonly sha512?: string;
  readonly size?: number;
  /** How an address is asked; default: plainly. */
  readonly ask?: typeof ask;
  /** No more than this is taken where the size is not known; default 8 GiB. */
  readonly limit?: number;
  /** Who says so. */
  readonly by: 'cc.lock' | 'archive' | 'sums';
}

/** What hears how a fetch goes. */
export interface Reporter {
  log(text: string): void;
  attempt(attempt: Attempt): void;
  progress(done: number, total: number | undefined): void;
}

export interface Fetching {
  readonly network: Network;
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
}

const LIMIT = 8 * 1024 ** 3;
/** How often one address is asked to go on after it broke off. */
const AGAIN = 5;

/** Fills the part, and answers from which address; fails with every address and its reason. Bytes that are not the right ones are not kept. */
export async function download(
  urls: readonly string[],
  wanted: Wanted,
  part: Part,
  fetching: Fetching,
): Promise<Arrived & { readonly url: string }> {
  const attempts: Attempt[] = [];
  if (wanted.size !== undefined && part.size() > wanted.size) part.discard();
  for (const url of urls) {
    const shown = withoutSecrets(url);
    for (let asked = 1; ; asked++) {
      const before = part.size();
      const goesOn = before === 0 ? '' : `, from byte ${before}`;
      fetching.reporter.log(`from ${shown}${goesOn}`);
      const end = await downloadOnce(url, wanted, part, fetching);
      if (!('kind' in end)) return { ...end, url: shown };
      fetching.reporter.attempt({ url: shown, trouble: end });
      const again = part.size() > before || (end.kind === 'corrupt' && before > 0);
      if (again && asked <= AGAIN) continue;
      attempts.push({ url: shown, trouble: end });
      break;
    }
  }
  const { name: artifact, by } = wanted;
  if (attempts.some(({ trouble }) => trouble.kind === 'corrupt'))
    return fail({ kind: 'digest-mismatch', artifact, attempts, by });
  return fail({ kind: 'fetch-failed', artifact, attempts });
}

type Arrived = { readonly sha256: Digest; readonly size: number };

/** Asks one address once; answers what arrived, or why it would not do. */
async function downloadOnce(
  url: string,
  wanted: Wanted,
  part: Part,
  fetching: Fetching,
): Promise<Arrived | Trouble> {
  const idle = watchdog(fetching.network.idle);
  const signal = AbortSignal.any([fetching.signal, idle.signal]);
  try {
    const receiving = { wanted, part, seen: idle.seen };
    const whole = part.size() > 0 && part.size() === wanted.size;
    const hashes = whole
      ? await hashed(receiving, signal)
      : await receive(url, receiving, { ...fetching, signal });
    return verified(wanted, part, hashes);
  } catch (error) {
    fetching.signal.throwIfAborted();
    if (idle.signal.aborted) return { kind: 'idle', seconds: fetching.network.idle / 1000 };
    if (error instanceof Troubled) return error.trouble;
    throw error;
  } finally {
    idle.done();
  }
}

/** Aborts when nothing was seen for a while. */
function watchdog(ms: number) {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), ms);
  return { signal: stop.signal, seen: () => void timer.refresh(), done: () => clearTimeout(timer) };
}

interface Hashes {
  readonly sha256: Hash;
  readonly sha512: Hash | undefined;
}

function hashesFor({ sha512 }: Wanted): Hashes {
  return { sha256: createHash('sha256'), sha512: sha512 === undefined ? undefined : createHash('sha512') };
}

interface Receiving {
  readonly wanted: Wanted;
  readonly part: Part;
  /** To be told of every piece. */
  readonly seen: () => void;
}

/** Hashes what is there already. */
async function hashed({ wanted, part, seen }: Receiving, signal: AbortSignal): Promise<Hashes> {
  const hashes = hashesFor(wanted);
  for await (const piece of createReadStream(part.file, { highWaterMark: 1024 * 1024, signal })) {
    seen();
    hashes.sha256.update(piece);
    hashes.sha512?.update(piece);
  }
  return hashes;
}

/** Asks for what is not there yet. What is there is hashed before: later the rest would have to wait in its connection. */
async function receive(url: string, receiving: Receiving, fetching: Fetching): Promise<Hashes> {
  const { wanted, part } = receiving;
  const range = rangeFor(url, wanted, part);
  const before = range.from > 0 ? await hashed(receiving, fetching.signal) : hashesFor(wanted);
  const answer = await (wanted.ask ?? ask)(url, range, fetching.network, fetching.signal);
  const hashes = answer.start === range.from ? before : hashesFor(wanted);
  try {
    await pour(answer, url, { ...receiving, hashes }, fetching);
  } finally {
    answer.body.destroy();
  }
  return hashes;
}

/** Lets bytes stream through the hashes into the part; the first of them, or their length, may say that they are wrong. */
async function pour(
  answer: Answer,
  url: string,
  { wanted, part, seen, hashes }: Receiving & { readonly hashes: Hashes },
  { reporter }: Fetching,
): Promise<void> {
  const { start, total } = answer;
  const limit = limitOf(wanted);
  let size = start;
  let file: FileHandle | undefined;
  try {
    for await (const piece of piecesOf(answer)) {
      seen();
      if (size === 0 && isPage(url, answer.page, piece)) troubled({ kind: 'web-page' });
      if (size === start) fits(answer, wanted);
      size += piece.length;
      if (size > limit) troubled({ kind: 'too-large', limit });
      file ??= await part.open(url, answer.validator, start);
      hashes.sha256.update(piece);
      hashes.sha512?.update(piece);
      await file.writeFile(piece);
      reporter.progress(size, total ?? wanted.size);
    }
    if (total !== undefined && size < total) troubled({ kind: 'truncated', expected: total, found: size });
    file ??= await part.open(url, answer.validator, start); // of no bytes at all
    await file.sync(); // before it gets its name in the store
  } finally {
    await file?.close();
    if (size > limit) part.discard();
  }
}

/** The pieces of a body; what breaks it off is no bug of ours. */
async function* piecesOf({ body, start, total }: Answer): AsyncGenerator<Buffer> {
  let size = start;
  try {
    for await (const piece of body as AsyncIterable<Buffer>) {
      size += piece.length;
      yield piece;
    }
  } catch (error) {
    if (total !== undefined && codeOf(error) === 'ECONNRESET')
      troubled({ kind: 'truncated', expected: total, found: size }, error);
    troubled({ kind: 'broken', why: reasonOf(error) }, error);
  }
}

/**
 * Where to go on. Bytes of another address are gone on with when a digest will tell whether they were the same ones;
 * without a digest only the server can tell.
 */
function rangeFor(url: string, { sha256, sha512 }: Wanted, part: Part): Range {
  const from = part.size();
  const validator = part.validator(url);
  if (validator !== undefined) return { from, validator };
  return sha256 === undefined && sha512 === undefined ? { from: 0 } : { from };
}

function limitOf({ size, limit = LIMIT }: Wanted): number {
  return size ?? limit;
}

/** A length that cannot be right is told before any byte is kept. */
function fits({ total }: Answer, wanted: Wanted): void {
  if (total === undefined) return;
  const [limit, { size }] = [limitOf(wanted), wanted];
  if (total > limit) troubled({ kind: 'too-large', limit });
  if (size !== undefined && total < size) troubled({ kind: 'truncated', expected: size, found: total });
}

/** The bytes decide, and what the server calls them where they alone could be either. */
function isPage(url: string, called: boolean, piece: Buffer): boolean {
  if (/\.html?$/.test(new URL(url).pathname)) return false;
  const start = piece.subarray(0, 256).toString('latin1').trimStart();
  return /^(\xef\xbb\xbf)?\s*<(!doctype html|html)\b/i.test(start) || (called && start.startsWith('<'));
}

function verified({ sha256, sha512, size: expected }: Wanted, part: Part, hashes: Hashes): Arrived {
  const size = part.size();
  if (expected !== undefined && size < expected) troubled({ kind: 'truncated', expected, found: size });
  const found = finish(hashes.sha256);
  const found512 = hashes.sha512?.digest('hex');
  const right = (sha256 === undefined || sha256 === found) && (sha512 === undefined || sha512 === found512);
  if (right) return { sha256: found, size };
  part.discard();
  return sha256 !== undefined && sha256 !== found
    ? troubled({ kind: 'corrupt', expected: `sha256 ${sha256}`, found: `sha256 ${found}` })
    : troubled({ kind: 'corrupt', expected: `sha512 ${sha512}`, found: `sha512 ${found512}` });
}
