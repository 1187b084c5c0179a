/** Digests of files that have not changed since they were last read: large outputs are then looked at without reading them. */
import { type BigIntStats, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { asDigest, type Digest } from '../model/digest.ts';
import { fileText } from './own-files.ts';

export interface DigestMemo {
  /** `facts` are those of the file just now, for whoever has them. */
  digest(path: string, facts?: BigIntStats): Promise<Digest>;
  /** What to keep for the next run; undefined when nothing new was learnt. */
  learnt(): string | undefined;
}

/** Nanoseconds within which a change might leave the times of a file as they are. */
const RACY = 2_000_000_000n;

/** What is larger is no secret that could be guessed. */
const PRIVATE = 65_536n;

/** `known` is the file that keeps what an earlier memo learnt; without it every file is read. */
export function digestMemo(known?: string): DigestMemo {
  const entries = new Map<string, string>();
  let loaded = known === undefined;
  let fresh = false;
  return {
    digest: async (path, facts = statSync(path, { bigint: true })) => {
      const { ino, size, mtimeNs, ctimeNs } = facts;
      if (!loaded) for (const [key, value] of read(known!)) entries.set(key, value); // loaded is true without a file
      loaded = true;
      const signature = `${ino} ${size} ${mtimeNs} ${ctimeNs} `;
      const entry = entries.get(path);
      const remembered = entry?.startsWith(signature) ? asDigest(entry.slice(signature.length)) : undefined;
      if (remembered) return remembered;
      const { digestOfFile } = await import('./hash.ts'); // not needed where every file is remembered
      const digest = await digestOfFile(path);
      if (isPrivate(facts)) return digest;
      if (BigInt(Date.now()) * 1_000_000n - ctimeNs < RACY) return digest;
      entries.set(path, signature + digest);
      fresh = true;
      return digest;
    },
    learnt: () => (fresh ? JSON.stringify(Object.fromEntries(entries)) : undefined),
  };
}

/** What others cannot read may be a secret, and whoever has the digest of a short one can guess it. */
function isPrivate({ mode, size }: BigIntStats): boolean {
  return (mode & 0o007n) === 0n && size < PRIVATE;
}

/** What others may write is not believed: it would say of any bytes that they are the right ones. */
function read(file: string): [string, string][] {
  try {
    if (!isOurs(file)) return [];
    return Object.entries(JSON.parse(fileText(file)) as Record<string, string>); // written from `learnt`
  } catch {
    return []; // torn or not there: everything is read once more
  }
}

/** Whether nobody but root and whoever cc is may write a file, or put another one in its place; fails where there is none. */
export function isOurs(file: string): boolean {
  return [dirname(file), file].every((path) => {
    const { uid, mode } = statSync(path);
    return (uid === 0 || uid === process.geteuid?.()) && (mode & 0o022) === 0;
  });
}
