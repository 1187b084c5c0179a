/**
 * A bundle: bytes by digest, the lock that names releases among them, and the places of the others, in one tar file whose
 * bytes depend on nothing else. The others are files of mirrors: whoever asks a mirror verifies what it gives.
 */
import { createHash } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { piecesOf } from '../host/hash.ts';
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

/** Writes all bytes that `gather` brings into the store; whether there can be such a file is known before it is asked. */
export async function writeBundle(
  path: string,
  gather: () => Promise<Contents>,
  store: Store,
): Promise<void> {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory())
    fail({ kind: 'cannot-write', path, why: 'it is a folder' });
  const beside = `${path}.new`;
  const file = await open(beside, 'w').catch((error: unknown) => unwritten(path, error));
  try {
    const { entries, files } = await gather();
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
      for await (const piece of piecesOf(place)) await file.writeFile(piece);
      await file.writeFile(padding(size));
    }
    await file.writeFile(END);
    await file.sync();
    await file.close();
    await rename(beside, path);
  } catch (error) {
    await file.close().catch(() => undefined);
    await rm(beside, { force: true });
    return unwritten(path, error);
  }
}

function filesText(files: Files): string {
  const sorted = [...files].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `${JSON.stringify(Object.fromEntries(sorted), null, 2)}\n`;
}

export interface Bundle {
  readonly path: string;
  readonly files: Files;
  has(digest: Digest): boolean;
  /** Brings bytes into the store, verified; `name` is what messages call them, `by` who says what they must be. */
  take(
    name: string,
    digest: Digest,
    by: 'cc.lock' | 'bundle',
    store: Store,
    signal: AbortSignal,
  ): Promise<void>;
}

/** Reads what a bundle holds; fails with `bundle-unreadable`. */
export async function openBundle(path: string): Promise<Bundle> {
  const found = await members(path).catch((error: unknown) => {
    if (codeOf(error) === undefined) throw error;
    return unreadable(path, String(error), error);
  });
  if (!found) return unreadable(path, 'it is no bundle, or not all of one');
  return {
    path,
    files: await filesOf(path, found.get(FILES)),
    has: (digest) => found.has(nameOf(digest)),
    take: async (name, digest, by, store, signal) => {
      const place = store.place(digest);
      const member = found.get(nameOf(digest));
      if (existsSync(place) || !member) return;
      const part = await openPart(store.part(digest));
      try {
        part.discard();
        const sha256 = await copied(path, member, part.file, signal);
        if (sha256 === digest) return await rename(part.file, place);
        part.discard();
        const trouble = { kind: 'corrupt', expected: `sha256 ${digest}`, found: `sha256 ${sha256}` } as const;
        return fail({ kind: 'digest-mismatch', artifact: name, attempts: [{ url: path, trouble }], by });
      } finally {
        await part[Symbol.asyncDispose]();
      }
    },
  };
}

function unreadable(file: string, why: string, cause?: unknown): never {
  return fail({ kind: 'bundle-unreadable', file, why }, cause);
}

/** The list of files, none of which may have a place outside the folder that it is put in. */
async function filesOf(path: string, member: Member | undefined): Promise<Files> {
  if (!member) return unreadable(path, `it has no ${FILES}`);
  const file = await open(path);
  try {
    const bytes = Buffer.alloc(member.size);
    await file.read(bytes, 0, member.size, member.offset);
    return new Map(
      Object.entries(JSON.parse(bytes.toString())).map(([name, sum]) => [name, checked(name, sum)]),
    );
  } catch (error) {
    return unreadable(path, `its ${FILES}: ${error instanceof Error ? error.message : error}`, error);
  } finally {
    await file.close();
  }
}

function checked(name: string, sum: unknown): Digest {
  const digest = typeof sum === 'string' ? asDigest(sum) : undefined;
  if (name.split('/').some((part) => ['', '.', '..'].includes(part)) || name.includes('\0') || !digest)
    throw new Error(`${JSON.stringify(name)} is no file`);
  return digest;
}

async function copied(path: string, member: Member, to: string, signal: AbortSignal): Promise<Digest> {
  const hash = createHash('sha256');
  const file = await open(to, 'w', 0o600);
  try {
    for await (const piece of piecesOf(path, member)) {
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
