/** What goes into `cc.lock`: the bytes at an address, and what its makers say of them. */
import { readFileSync, statSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import type { Sigstore, Sums } from '../model/artifact.ts';
import { digestOf } from '../model/digest.ts';
import { fail, unwritten } from '../model/failure.ts';
import type { Store } from './bytes.ts';
import { type Sum, sumOf } from './checksums.ts';
import type { Take } from './cosign.ts';
import { download, type Fetching, type Wanted } from './download.ts';
import type { Locked, LockedFor, Said } from './lock.ts';
import { addresses, vouching, withoutSecrets } from './network.ts';
import { openPart, type Part } from './part.ts';

/** An artifact to be locked. */
export interface Wish {
  readonly name: string;
  readonly arch: LockedFor;
  readonly url: string;
  readonly sums?: Sums;
  readonly sigstore?: Sigstore;
  /** It is a container image, and at the address its registry has the manifest of it. */
  readonly image?: boolean;
}

export interface Vouched extends Sum {
  readonly said: Said;
}

/** Lists of many releases have a few megabytes. */
const SUMS_LIMIT = 32 * 1024 ** 2;

/** What the makers publish; undefined where they publish nothing. */
export async function publishedSum(
  { name, url, sums }: Wish,
  store: Store,
  fetching: Fetching,
): Promise<Vouched | undefined> {
  if (sums === undefined) return undefined;
  const { text, ...said } = await list(name, sums, store, fetching);
  const sum = sumOf(text, url, said.trust === 'signed sums');
  if (typeof sum !== 'string') return { ...sum, said };
  return fail({ kind: 'no-sum', artifact: name, sums: withoutSecrets(sums.url), why: sum });
}

/** The text of the sums, and who says it. */
async function list(name: string, sums: Sums, store: Store, fetching: Fetching) {
  const { url, signedBy, signature } = sums;
  const what = `the sums of ${name}`;
  return taken(url, what, store, fetching, async (file, from) => {
    if (signedBy === undefined) return { text: readFileSync(file, 'utf8'), trust: trustOf(from, url), from };
    const { verified } = await import('./signature.ts'); // most sums are not signed
    const found = await (signature === undefined
      ? verified({ file }, signedBy, fetching.signal)
      : taken(signature, `the signature of ${what}`, store, fetching, (apart) =>
          verified({ file, signature: apart }, signedBy, fetching.signal),
        ));
    if (typeof found === 'string')
      return fail({ kind: 'bad-signature', artifact: name, sums: from, why: found });
    return { text: found.text, trust: 'signed sums' as const, from, signedBy: found.by };
  });
}

/** Who could have made the sums what they are: their makers alone, or whoever is on the way to them. */
function trustOf(from: string, url: string): 'sums' | 'sums over http' | 'sums of a mirror' {
  if (from !== withoutSecrets(url)) return 'sums of a mirror';
  return new URL(url).protocol === 'http:' ? 'sums over http' : 'sums';
}

/** Uses the text at an address, which the store does not keep. Its makers are asked first, because they vouch by it. */
async function taken<Value>(
  url: string,
  what: string,
  store: Store,
  fetching: Fetching,
  use: (file: string, from: string) => Value | Promise<Value>,
): Promise<Value> {
  const part = await openPart(store.part(digestOf(url)));
  const wanted: Wanted = { name: what, by: 'sums', limit: SUMS_LIMIT };
  try {
    part.discard(); // an earlier one may be of an older list
    const arrived = await download(vouching(url, fetching.network), wanted, part, fetching);
    return await use(part.file, arrived.url);
  } catch (error) {
    return unwritten(part.file, error, `fetch ${wanted.name}`);
  } finally {
    part.discard();
    await part[Symbol.asyncDispose]();
  }
}

/** No registry takes larger ones. */
const MANIFEST_LIMIT = 4 * 1024 ** 2;

/** Of the second version, whose digest is that of its bytes. */
function isManifest(text: string): boolean {
  try {
    return (JSON.parse(text) as { schemaVersion?: unknown } | null)?.schemaVersion === 2;
  } catch {
    return false;
  }
}

function notManifest(artifact: string, url: string, part: Part): never {
  part.discard();
  const why = 'it is no manifest of an image, of the second version';
  return fail({ kind: 'fetch-failed', artifact, attempts: [{ url, trouble: { kind: 'broken', why } }] });
}

/** Brings the bytes into the store, and answers the entry for them. */
export async function resolved(
  wish: Wish,
  sum: Vouched | undefined,
  store: Store,
  fetching: Fetching,
): Promise<Locked> {
  const { name, sigstore } = wish;
  const locked = await arrived(wish, sum, store, fetching);
  if (sigstore === undefined) return locked;
  const { cosigned } = await import('./cosign.ts'); // most releases have no such signature
  const take: Take = (url, use) => taken(url, `the signature of ${name}`, store, fetching, use);
  const said = await cosigned(name, store.place(locked.sha256), sigstore, take, fetching);
  return { ...locked, ...said };
}

async function arrived(
  { name, url, image }: Wish,
  sum: Vouched | undefined,
  store: Store,
  fetching: Fetching,
): Promise<Locked> {
  const { sha256: known, sha512, said } = sum ?? {};
  if (said && known !== undefined && sha512 === undefined && (await store.has(known)))
    return { url, sha256: known, size: statSync(store.place(known)).size, ...said };
  const wanted = {
    name,
    by: 'sums',
    ...(known ? { sha256: known } : {}),
    ...(sha512 ? { sha512 } : {}),
    ...(image ? { ask: (await import('./registry.ts')).askManifest, limit: MANIFEST_LIMIT } : {}),
  } as const;
  const part = await openPart(store.part(known ?? digestOf(url)));
  try {
    // Without sums the bytes vouch for themselves, so their makers are asked first.
    const urls = (said ? addresses : vouching)(url, fetching.network);
    const { sha256, size, url: from } = await download(urls, wanted, part, fetching);
    if (image && !isManifest(readFileSync(part.file, 'utf8'))) notManifest(name, from, part);
    await rename(part.file, store.place(sha256));
    return { url, sha256, size, ...(said ?? { trust: 'first use', from }) };
  } catch (error) {
    return unwritten(part.file, error, `fetch ${name}`);
  } finally {
    await part[Symbol.asyncDispose]();
  }
}
