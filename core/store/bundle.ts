/** A bundle: releases by digest and the lock that names them, in one tar file whose bytes depend on nothing else. */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, statSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { finish } from '../model/digest.ts';
import { codeOf, fail, unwritten } from '../model/failure.ts';
import type { Store } from './bytes.ts';
import { type Entries, type Locked, lockText } from './lock.ts';
import { openPart } from './part.ts';
import { END, header, type Member, members, padding } from './tar.ts';

const nameOf = ({ sha256 }: Locked) => `bytes/${sha256}`;

/**
 * Writes the bytes of every entry that `gather` brings into the store; whether there can be such a file is known before it
 * is asked.
 */
export async function writeBundle(path: string, gather: () => Promise<Entries>, store: Store): Promise<void> {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory())
    fail({ kind: 'cannot-write', path, why: 'it is a folder' });
  const beside = `${path}.new`;
  const file = await open(beside, 'w').catch((error: unknown) => unwritten(path, error));
  try {
    const entries = await gather();
    const locked = [...entries.values()].flatMap((entry) => Object.values(entry));
    const digests = [...new Set(locked.map(({ sha256 }) => sha256))].toSorted();
    const lock = Buffer.from(lockText(entries));
    for (const piece of [header('cc.lock', lock.length), lock, padding(lock.length)])
      await file.writeFile(piece);
    for (const digest of digests) {
      const place = store.place(digest);
      const { size } = statSync(place);
      await file.writeFile(header(`bytes/${digest}`, size));
      await file.writeFile(createReadStream(place, { highWaterMark: 1024 * 1024 }));
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

export interface Bundle {
  readonly path: string;
  has(locked: Locked): boolean;
  /** Brings the bytes of an entry into the store, verified. */
  take(name: string, locked: Locked, store: Store, signal: AbortSignal): Promise<void>;
}

/** Reads what a bundle holds; fails with `bundle-unreadable`. */
export async function openBundle(path: string): Promise<Bundle> {
  const found = await members(path).catch((error: unknown) => {
    if (codeOf(error) === undefined) throw error;
    return fail({ kind: 'bundle-unreadable', file: path, why: String(error) }, error);
  });
  if (!found)
    return fail({ kind: 'bundle-unreadable', file: path, why: 'it is no bundle, or not all of one' });
  return {
    path,
    has: (locked) => found.has(nameOf(locked)),
    take: async (name, locked, store, signal) => {
      const place = store.place(locked.sha256);
      const member = found.get(nameOf(locked));
      if (existsSync(place) || !member) return;
      const part = await openPart(store.part(locked.sha256));
      try {
        part.discard();
        const sha256 = await copied(path, member, part.file, signal);
        if (sha256 === locked.sha256) return await rename(part.file, place);
        part.discard();
        const [expected, other] = [`sha256 ${locked.sha256}`, `sha256 ${sha256}`];
        const trouble = { kind: 'corrupt', expected, found: other } as const;
        return fail({
          kind: 'digest-mismatch',
          artifact: name,
          attempts: [{ url: path, trouble }],
          by: 'cc.lock',
        });
      } finally {
        await part[Symbol.asyncDispose]();
      }
    },
  };
}

async function copied(path: string, { offset, size }: Member, to: string, signal: AbortSignal) {
  const hash = createHash('sha256');
  const file = await open(to, 'w', 0o600);
  try {
    if (size === 0) return finish(hash);
    const range = { start: offset, end: offset + size - 1, highWaterMark: 1024 * 1024, signal };
    for await (const piece of createReadStream(path, range) as AsyncIterable<Buffer>) {
      hash.update(piece);
      await file.writeFile(piece);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return finish(hash);
}
