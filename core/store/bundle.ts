/**
 * A bundle: bytes by digest, the lock that names releases among them, and the places of the others, in one tar file whose
 * bytes depend on nothing else. The others are files of mirrors: whoever asks a mirror verifies what it gives.
 */
import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import process from 'node:process';
import { readPieces } from '../host/hash.ts';
import { asDigest, type Digest, finish } from '../model/digest.ts';
import { codeOf, fail, unwritten } from '../model/failure.ts';
import type { Store } from './bytes.ts';
import type { GitArtifact } from './git.ts';
import { type Entries, lockText } from './lock.ts';
import { openPart } from './part.ts';
import { END, header, type Member, members, padding } from './tar.ts';

const LOCK = 'cc.lock';
const FILES = 'files.json';
const nameOf = (digest: Digest) => `bytes/${digest}`;

/** Files of mirrors by their path, which is relative and goes nowhere but down. */
export type Files = ReadonlyMap<string, Digest>;

/** Below this files of Debian's archive have their places. */
export const EXCERPT = 'archive/';
/** The place of the objects of a commit. */
export function packOf({ source }: GitArtifact): string {
  return `git/${source.commit}.pack`;
}

export interface Contents {
  readonly entries: Entries;
  readonly files: Files;
}

/**
 * Writes all bytes that `gather` brings into the store, or no file where it answers undefined; whether there can be such a
 * file is known before it is asked.
 */
export async function writeBundle(
  path: string,
  gather: () => Promise<Contents | undefined>,
  store: Store,
  signal: AbortSignal,
): Promise<void> {
  const fault = fileFault(path);
  if (fault !== undefined) fail({ kind: 'cannot-write', path, why: fault });
  const beside = `${path}.${process.pid}.new`;
  const file = await open(beside, 'wx').catch((error: unknown) => unwritten(path, error));
  try {
    const contents = await gather();
    if (contents) {
      await writeContents(file, contents, store, signal);
      await file.sync();
    }
    await file.close();
    if (contents) await rename(beside, path);
    else await rm(beside);
  } catch (error) {
    await file.close().catch(() => undefined);
    await rm(beside, { force: true });
    return unwritten(path, error);
  }
}

/** Why no file can take the place of what stands there: root would put one where a device was. */
function fileFault(path: string): string | undefined {
  try {
    const there = statSync(path, { throwIfNoEntry: false });
    if (!there || there.isFile()) return undefined;
    return there.isDirectory() ? 'it is a folder' : 'it is no regular file';
  } catch (error) {
    return unwritten(path, error);
  }
}

async function writeContents(
  file: FileHandle,
  { entries, files }: Contents,
  store: Store,
  signal: AbortSignal,
): Promise<void> {
  const locked = [...entries.values()].flatMap((entry) => Object.values(entry));
  const digests = new Set([...locked.map(({ sha256 }) => sha256), ...files.values()]);
  for (const [name, text] of [
    [LOCK, lockText(entries)],
    [FILES, filesText(files)],
  ] as const) {
    const bytes = Buffer.from(text);
    for (const piece of [header(name, bytes.length), bytes, padding(bytes.length)])
      await file.writeFile(piece);
  }
  for (const digest of [...digests].toSorted()) {
    const place = store.place(digest);
    const { size } = statSync(place);
    await file.writeFile(header(nameOf(digest), size));
    const hash = createHash('sha256');
    for await (const piece of readPieces(place)) {
      signal.throwIfAborted();
      hash.update(piece);
      await file.writeFile(piece);
    }
    const found = finish(hash);
    if (found !== digest)
      fail({ kind: 'bytes-changed', artifact: 'a file of the bundle', path: place, expected: digest, found });
    await file.writeFile(padding(size));
  }
  await file.writeFile(END);
}

function filesText(files: Files): string {
  const sorted = [...files].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `${JSON.stringify(Object.fromEntries(sorted), null, 2)}\n`;
}

export interface Bundle {
  readonly path: string;
  readonly files: Files;
  has(digest: Digest): boolean;
  /** Brings bytes into the store, verified; `name` is what messages call them. */
  take(name: string, digest: Digest, store: Store, signal: AbortSignal): Promise<void>;
}

/** Reads what a bundle holds; fails with `bundle-unreadable`. */
export async function openBundle(path: string): Promise<Bundle> {
  const found = await readMembers(path);
  const has = (digest: Digest) => found.has(nameOf(digest));
  const files = await filesOf(path, found.get(FILES));
  for (const [name, digest] of files) if (!has(digest)) unreadable(path, `it lacks the bytes of ${name}`);
  return {
    path,
    files,
    has,
    take: async (name, digest, store, signal) => {
      const place = store.place(digest);
      const member = found.get(nameOf(digest));
      if (!member || (await store.has(digest))) return;
      const part = await openPart(store.part(digest));
      try {
        part.discard();
        const sha256 = await copied(path, member, part.file, signal);
        if (sha256 === digest) return await rename(part.file, place);
        part.discard();
        return unreadable(path, `${name} has other bytes in it: sha256 ${sha256}, not ${digest}`);
      } finally {
        await part[Symbol.asyncDispose]();
      }
    },
  };
}

/** Says that a file is no good bundle. */
export function unreadable(file: string, why: string, cause?: unknown): never {
  return fail({ kind: 'bundle-unreadable', file, why }, cause);
}

async function readMembers(path: string): Promise<ReadonlyMap<string, Member>> {
  try {
    if (!statSync(path).isFile()) return unreadable(path, 'it is no file');
    return (await members(path)) ?? unreadable(path, 'it is no bundle, or not all of one');
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    return unreadable(path, String(error), error);
  }
}

/** A list of files that is longer is nobody's. */
const MOST = 64 * 1024 ** 2;
/** Names that Debian and git use, and no others: they become paths on this machine. */
const NAME = /^(?!\.{1,2}$)[\w.+~:%-]{1,200}$/;

/** The list of files, none of which may have a place outside the folder that it is put in. */
async function filesOf(path: string, member: Member | undefined): Promise<Files> {
  if (!member || member.size > MOST) return unreadable(path, `it has no ${FILES}`);
  const pieces: Buffer[] = [];
  for await (const piece of readPieces(path, member)) pieces.push(Buffer.from(piece)); // each is gone with the next
  const list = parsed(Buffer.concat(pieces).toString());
  if (!list) return unreadable(path, `its ${FILES} is no list of files`);
  return new Map(
    Object.entries(list).map(([name, sum]) => {
      const digest = typeof sum === 'string' ? asDigest(sum) : undefined;
      const good = digest && name.split('/').every((part) => NAME.test(part));
      return good ? [name, digest] : unreadable(path, `its ${FILES}: ${JSON.stringify(name)} is no file`);
    }),
  );
}

function parsed(text: string): object | undefined {
  try {
    const data: unknown = JSON.parse(text);
    return typeof data === 'object' && data !== null && !Array.isArray(data) ? data : undefined;
  } catch {
    return undefined;
  }
}

async function copied(path: string, member: Member, to: string, signal: AbortSignal): Promise<Digest> {
  const hash = createHash('sha256');
  const file = await open(to, 'w', 0o600);
  try {
    for await (const piece of readPieces(path, member)) {
      signal.throwIfAborted();
      hash.update(piece);
      await file.writeFile(piece);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return finish(hash);
}
