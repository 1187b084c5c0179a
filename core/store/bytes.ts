/** The store: bytes by digest in the cache; in the state which bytes an artifact turned out to be, and why they are trusted. */
import { copyFileSync, existsSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { type DigestMemo, digestMemo, isOurs } from '../host/memo.ts';
import { makeFolder } from '../host/own-files.ts';
import { type Artifact, artifactInput, origin } from '../model/artifact.ts';
import { asDigest, type Digest, digestOfData } from '../model/digest.ts';
import { codeOf, fail } from '../model/failure.ts';
import { writeDurably } from './durable.ts';
import { type Lock, type Locked, lockedIn } from './lock.ts';
import type { Paths } from './paths.ts';

/**
 * How the digest of bytes came to be trusted that `cc.lock` does not name: it stood in an index that an archive signed, or
 * the bytes are the tree of a commit that was asked for by its hash.
 */
export type Trust = 'archive' | 'commit';

/** A file, and the digest that its bytes have. */
export interface Bytes {
  readonly file: string;
  readonly digest: Digest;
}

/**
 * Anybody may have changed what lies in a cache. So bytes are read before they leave, unless the file is the one that was
 * read before; a place alone says nothing of what is there.
 */
export interface Store {
  /** The digest that an artifact must have, if something lies here under that digest. */
  digest(artifact: Artifact): Digest | undefined;
  /** Whether the bytes are here, and are what they must be. */
  has(digest: Digest): Promise<boolean>;
  /** Where the bytes of an artifact are that has this digest, or is built; fails when they are others, or are gone. */
  bytes(artifact: Artifact, digest?: Digest): Promise<Bytes>;
  /** What `cc.lock` says of an artifact, or of one of the same name from elsewhere. */
  locked(artifact: Artifact): Locked | undefined;
  /** The place of bytes by digest, whether or not they are here; `has` tells. */
  place(digest: Digest): string;
  /** A name for a file that is being made of bytes that have arrived, on the same file system. */
  arriving(artifact: Artifact): string;
  /** Where bytes gather that will have this digest, or are of this address; it outlives the run. */
  part(of: string): string;
  /** Takes in a copy of a file that stays where it is; answers its digest. */
  copy(file: string): Promise<Digest>;
  /** Takes in a file that was verified, and notes which one it is. */
  keep(artifact: Artifact, file: string, digest: Digest, trust: Trust): Promise<void>;
}

/** Tells the copies of one process apart. */
let copies = 0;

/** `locks` are laid over each other, that of the base recipe first. */
export function openStore(
  { cache, state }: Pick<Paths, 'cache' | 'state'>,
  locks: readonly Lock[],
  memo: DigestMemo = digestMemo(),
): Store {
  const bytes = (digest: string) => join(cache, 'bytes', digest);
  // Not in the cache: there whoever changes bytes could also say that they are the right ones.
  const entry = (artifact: Artifact) =>
    join(state, 'artifacts', `${digestOfData(artifactInput(artifact))}.json`);
  const lockedOf = ({ name, source }: Artifact) =>
    lockedIn(locks, name, source.kind === 'url' ? source.url : undefined);
  const found = new Map<string, Digest>();
  const arriving = () => {
    for (const folder of ['arriving', 'bytes']) makeFolder(join(cache, folder));
    return join(cache, 'arriving');
  };

  const digest = (artifact: Artifact): Digest | undefined => {
    const { source } = artifact;
    if (source.kind === 'url') {
      const locked = lockedOf(artifact);
      return locked?.url === source.url && existsSync(bytes(locked.sha256)) ? locked.sha256 : undefined;
    }
    const file = entry(artifact);
    const known = found.get(file) ?? readEntry(file);
    if (!known || !existsSync(bytes(known))) return undefined;
    found.set(file, known);
    return known;
  };
  return {
    digest,
    place: bytes,
    has: async (digest) => (await digestAt(bytes(digest), memo)) === digest,
    bytes: async (artifact, expected) => {
      const { name, source } = artifact;
      if (!expected && source.kind !== 'built') throw new Error(`the store has no bytes of ${name}`);
      const file = source.kind === 'built' ? source.path : bytes(expected!); // the line before shows it
      const found = await digestAt(file, memo);
      if (found !== undefined && found === (expected ?? found)) return { file, digest: found };
      const digests = expected && found ? { expected, found } : {};
      return fail({ kind: 'bytes-changed', artifact: name, path: file, ...digests });
    },
    locked: lockedOf,
    arriving: (artifact) => join(arriving(), `${artifact.name}.${process.pid}`),
    part: (of) => join(arriving(), of),
    copy: async (file) => {
      const { digestOfFile } = await import('../host/hash.ts'); // OpenSSL takes a while to load
      const digest = await digestOfFile(file);
      copies += 1;
      const part = join(arriving(), `${digest}.${process.pid}-${copies}`);
      copyFileSync(file, part);
      renameSync(part, bytes(digest));
      return digest;
    },
    keep: async (artifact, file, arrived, trust) => {
      renameSync(file, bytes(arrived));
      await writeDurably(
        entry(artifact),
        JSON.stringify({ name: artifact.name, from: origin(artifact), sha256: arrived, trust }),
      );
      found.set(entry(artifact), arrived);
    },
  };
}

function readEntry(file: string): Digest | undefined {
  if (!existsSync(file)) return undefined;
  try {
    if (!isOurs(file)) return undefined; // it would say of any bytes that they are the right ones
    const { sha256 } = JSON.parse(readFileSync(file, 'utf8')) as { sha256: string };
    return asDigest(sha256);
  } catch {
    return undefined; // a torn entry: the artifact is fetched again
  }
}

/** The digest of a file; undefined where there is none. */
async function digestAt(file: string, memo: DigestMemo): Promise<Digest | undefined> {
  try {
    return await memo.digest(file);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EISDIR'].includes(codeOf(error) ?? '')) return undefined;
    throw error;
  }
}
