/** `cc.lock`: what released bytes must be, by artifact and processor; a run reads it, `cc lock` alone writes it. */
import type { Arch } from '../model/artifact.ts';
import { asDigest, type Digest } from '../model/digest.ts';
import { fail } from '../model/failure.ts';
import { checked } from '../model/schema.ts';
import { ABSENT, type Refuse, textIn, unfit } from '../model/text-file.ts';
import { jsonEnd, jsonWords, placeAt } from '../model/text-place.ts';
import { messageOf } from '../model/thrown.ts';
import * as v from '../model/vocabulary.ts';

/**
 * How the digest came to be known when it was locked, the best first: the release itself is signed; from sums that the makers
 * signed, or that came from their own address, with nobody able to change them on the way; from where others recorded it, and then not seen by cc; from sums
 * that a mirror gave, or that came without encryption; or from the first bytes that arrived.
 */
const TRUSTS = [
  'signed',
  'signed sums',
  'sums',
  'recorded',
  'sums of a mirror',
  'sums over http',
  'first use',
] as const;
export type LockTrust = (typeof TRUSTS)[number];

/** What locks had for sums that were signed, when no signature was verified. */
const UNVERIFIED = 'sums, signature not verified';

/** Who vouches for a digest. */
export interface Said {
  readonly trust: LockTrust;
  /** Where that was said: the address of the signature, of the sums, or of the first bytes. Older locks do not have it. */
  readonly from?: string;
  /** Who signed: a fingerprint of OpenPGP, or an identity of Sigstore. */
  readonly signedBy?: string;
}

export interface Locked extends Said {
  /** The address as the recipe has it: the entry is about the bytes from there and no others. */
  readonly url: string;
  readonly sha256: Digest;
  /** Bytes; not known of what was only recorded. */
  readonly size?: number;
}

/**
 * How much the word of an entry counts. Sums without an address are of a time when mirrors were asked for them first, so they
 * may be the word of a mirror.
 */
export function strengthOf({ trust, from }: Said): number {
  const known = trust === 'sums' && from === undefined ? 'recorded' : trust;
  return TRUSTS.length - TRUSTS.indexOf(known);
}

/** Whether others than the makers could have made an entry what it is, though these were asked. */
export function isDoubtful({ url, trust, from = url }: Locked): boolean {
  return (
    trust === 'sums of a mirror' || trust === 'sums over http' || (trust === 'first use' && from !== url)
  );
}

export const ARCHES: readonly Arch[] = ['amd64', 'arm64'];

/** What an entry is for: a processor, or any, as with the lists of images by processor. */
export type LockedFor = Arch | 'any';

export const LOCKED_FOR: readonly LockedFor[] = ['any', ...ARCHES];

export type Entry = { readonly [A in LockedFor]?: Locked };

/** A lock file: entries by the name of the artifact. */
export type Entries = ReadonlyMap<string, Entry>;

/** What one lock file says that artifacts must be on one processor, by name. */
export type Lock = ReadonlyMap<string, Locked>;

const Shape = v.strictObject({
  url: v.string(),
  sha256: v.pipe(
    v.string(),
    v.check((text) => asDigest(text) === text, 'expected a SHA-256 in hexadecimal'),
  ),
  size: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0))),
  trust: v.picklist([...TRUSTS, UNVERIFIED]),
  from: v.optional(v.string()),
  signedBy: v.optional(v.string()),
});

const LockShape = v.strictObject({
  version: v.literal(1),
  artifacts: v.record(
    v.string(),
    v.strictObject({ any: v.optional(Shape), amd64: v.optional(Shape), arm64: v.optional(Shape) }),
  ),
});

/** Reads a lock file; none is an empty one. Fails with `lock-unreadable` rather than run without what it says. */
export function readEntries(file: string): Entries {
  const refuse: Refuse = (why, { at } = {}) =>
    fail({ kind: 'lock-unreadable', file, why, ...(at ? { at } : {}) });
  const fault = unfit(file);
  if (fault === ABSENT) return new Map();
  if (fault !== undefined) return refuse(fault);
  const text = textIn(file, refuse);
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (error) {
    return refuse(jsonWords(messageOf(error)), { at: placeAt(file, text, jsonEnd(text)) });
  }
  if (typeof data !== 'object' || data === null) return refuse('it is no lock');
  const result = checked(LockShape, data, '');
  if (!result.ok) return refuse(result.problems.map(({ path, message }) => `${path}: ${message}`).join('\n'));
  const { artifacts } = data as { artifacts: Record<string, Entry> }; // of that shape
  return new Map(Object.entries(artifacts).map(([name, entry]) => [name, ofToday(entry)]));
}

/** An entry in the words that locks have today. */
function ofToday(entry: Entry): Entry {
  const arches = Object.entries(entry) as readonly (readonly [LockedFor, Locked])[];
  return Object.fromEntries(
    arches.map(([arch, locked]) => [
      arch,
      (locked.trust as string) === UNVERIFIED ? { ...locked, trust: 'sums' } : locked,
    ]),
  );
}

/** What lock files, the base's first, say for these processors, each for itself. */
export function readLocks(files: readonly string[], ...arches: readonly LockedFor[]): readonly Lock[] {
  return files.flatMap((file) => {
    const entries = [...readEntries(file)];
    return arches.map(
      (arch) =>
        new Map(entries.flatMap(([name, { [arch]: locked }]) => (locked ? [[name, locked] as const] : []))),
    );
  });
}

/**
 * What locks laid over each other, the base's first, say of an artifact: the uppermost entry for its address, so that one
 * for another address hides none below it; where there is none, the uppermost of its name.
 */
export function lockedIn(locks: readonly Lock[], name: string, url: string | undefined): Locked | undefined {
  const said = locks.flatMap((lock) => lock.get(name) ?? []);
  return said.findLast((locked) => locked.url === url) ?? said.at(-1);
}

/** The text of a lock file: the same entries give the same bytes. */
export function lockText(entries: Entries): string {
  const sorted = [...entries].toSorted(([a], [b]) => (a < b ? -1 : 1));
  const artifacts = sorted.map(([name, entry]) => [
    name,
    Object.fromEntries(
      LOCKED_FOR.flatMap((arch) => {
        const locked = entry[arch];
        if (!locked) return [];
        const { url, sha256, size, trust, from, signedBy } = locked;
        return [[arch, { url, sha256, size, trust, from, signedBy }]];
      }),
    ),
  ]);
  return `${JSON.stringify({ version: 1, artifacts: Object.fromEntries(artifacts) }, null, 2)}\n`;
}
