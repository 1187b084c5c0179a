/** Digests of bytes and of data; the one place that makes a `Digest`. */
import type { Hash } from 'node:crypto';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import type { Json } from './json.ts';

/** A SHA-256 in lower-case hexadecimal, 64 characters. */
export type Digest = string & { readonly [brand]: 'Digest' };
declare const brand: unique symbol;

const SHAPE = /^[0-9a-f]{64}$/;

/** Reads a digest written by a person or a file; undefined when it is not one. */
export function asDigest(text: string): Digest | undefined {
  const bare = text
    .trim()
    .toLowerCase()
    .replace(/^sha256:/, '');
  return SHAPE.test(bare) ? (bare as Digest) : undefined;
}

/**
 * The digest of bytes or of UTF-8 text that is in memory; without node:crypto, which takes longer to load than a run
 * takes to look at ten files.
 */
export function digestOf(bytes: string | Uint8Array): Digest {
  return bytesToHex(sha256(typeof bytes === 'string' ? utf8ToBytes(bytes) : bytes)) as Digest;
}

/** The digest of what a SHA-256 of Node's was fed: for files, where speed is in the hashing. */
export function finish(hash: Hash): Digest {
  return hash.digest('hex') as Digest;
}

/** The digest of data, independent of the order of keys and of how it was formatted. */
export function digestOfData(value: Json): Digest {
  return digestOf(canonical(value));
}

/**
 * Text that two values share only when they are equal: keys sorted, every part tagged with its type and length, so
 * that ["ab","c"] and ["a","bc"] differ. A key whose value is undefined counts as not there.
 */
export function canonical(value: Json): string {
  if (value === null) return 'z';
  if (typeof value === 'string') return part('s', value.normalize('NFC'));
  if (typeof value === 'number') return part('n', String(value));
  if (typeof value === 'boolean') return value ? 't' : 'f';
  if (isList(value)) return part('l', value.map(canonical).join(''));
  const entries = Object.keys(value).sort();
  const text = entries.flatMap((key) => {
    const item = value[key];
    return item === undefined ? [] : [part('k', key) + canonical(item)];
  });
  return part('o', text.join(''));
}

export function sameData(a: Json, b: Json): boolean {
  return canonical(a) === canonical(b);
}

function part(tag: string, text: string): string {
  return `${tag}${text.length}:${text}`;
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
