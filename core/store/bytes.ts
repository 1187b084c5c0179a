/** The store: bytes by digest, and for each artifact which bytes it turned out to be and why they were trusted. */
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { type Artifact, artifactInput, origin } from '../model/artifact.ts';
import { asDigest, type Digest, digestOfData } from '../model/digest.ts';
import { writeDurably } from './durable.ts';
import { type Lock, type Locked, lockedIn } from './lock.ts';

/**
 * How the digest of bytes came to be trusted: it stands in `cc.lock`, or in an index that an archive signed, or the bytes
 * are the tree of a commit that was asked for by its hash.
 */
export type Trust = 'cc.lock' | 'archive' | 'commit';

export interface Store {
  /** The digest of an artifact whose bytes are here and are what `cc.lock` asks for; undefined otherwise. */
  digest(artifact: Artifact): Digest | undefined;
  /** requires: the bytes are here. */
  path(artifact: Artifact): string;
  /** What `cc.lock` says of an artifact, or of one of the same name from elsewhere. */
  locked(artifact: Artifact): Locked | undefined;
  /** The place of bytes by digest, whether or not they are here. */
  place(digest: Digest): string;
  /** A name for a file that is being made of bytes that have arrived, on the same file system. */
  arriving(artifact: Artifact): string;
  /** Where bytes gather that will have this digest, or are of this address; it outlives the run. */
  part(of: string): string;
  /** Takes in a copy of a file that stays where it is; answers its digest. */
  copy(file: string): Promise<Digest>;
  /** Takes in a file that was verified. */
  keep(artifact: Artifact, file: string, digest: Digest, trust: Trust): Promise<void>;
}

/** Tells the copies of one process apart. */
let copies = 0;

/** `locks` are laid over each other, that of the base recipe first. */
export function openStore(cache: string, locks: readonly Lock[]): Store {
  const bytes = (digest: string) => join(cache, 'bytes', digest);
  const entry = (artifact: Artifact) =>
    join(cache, 'artifacts', `${digestOfData(artifactInput(artifact))}.json`);
  const lockedOf = ({ name, source }: Artifact) =>
    lockedIn(locks, name, source.kind === 'url' ? source.url : undefined);
  const found = new Map<string, Digest>();
  const arriving = () => {
    for (const folder of ['arriving', 'bytes'])
      mkdirSync(join(cache, folder), { recursive: true, mode: 0o700 });
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
    path: (artifact) => {
      const known = digest(artifact);
      if (!known) throw new Error(`the store has no bytes of ${artifact.name}`);
      return bytes(known);
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
    const { sha256 } = JSON.parse(readFileSync(file, 'utf8')) as { sha256: string };
    return asDigest(sha256);
  } catch {
    return undefined; // a torn entry: the artifact is fetched again
  }
}
