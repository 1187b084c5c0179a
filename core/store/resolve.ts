/** What goes into `cc.lock`: the bytes at an address, and what its makers say of them. */
import { readFileSync, statSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import type { Arch } from '../model/artifact.ts';
import { digestOf } from '../model/digest.ts';
import { fail, unwritten } from '../model/failure.ts';
import type { Store } from './bytes.ts';
import { type Sum, sumOf } from './checksums.ts';
import { download, type Fetching, type Wanted } from './download.ts';
import type { Locked } from './lock.ts';
import { addresses, withoutSecrets } from './network.ts';
import { openPart } from './part.ts';

/** An artifact to be locked. */
export interface Wish {
  readonly name: string;
  readonly arch: Arch;
  readonly url: string;
  readonly sums?: string;
}

/** Lists of many releases have a few megabytes. */
const SUMS_LIMIT = 32 * 1024 ** 2;

/** What the makers publish; undefined where they publish nothing. */
export async function publishedSum(wish: Wish, store: Store, fetching: Fetching): Promise<Sum | undefined> {
  const { name, url, sums } = wish;
  if (sums === undefined) return undefined;
  const text = await taken(
    sums,
    { name: `the sums of ${name}`, by: 'sums', limit: SUMS_LIMIT },
    store,
    fetching,
  );
  const sum = sumOf(text, url);
  return typeof sum === 'string'
    ? fail({ kind: 'no-sum', artifact: name, sums: withoutSecrets(sums), why: sum })
    : sum;
}

/** The text at an address, which the store does not keep. */
async function taken(url: string, wanted: Wanted, store: Store, fetching: Fetching): Promise<string> {
  const part = await openPart(store.part(digestOf(url)));
  try {
    part.discard(); // an earlier one may be of an older list
    await download(addresses(url, fetching.network), wanted, part, fetching);
    return readFileSync(part.file, 'utf8');
  } catch (error) {
    return unwritten(part.file, error, `fetch ${wanted.name}`);
  } finally {
    part.discard();
    await part[Symbol.asyncDispose]();
  }
}

/** Brings the bytes into the store, and answers the entry for them. */
export async function resolved(
  { name, url }: Wish,
  sum: Sum | undefined,
  store: Store,
  fetching: Fetching,
): Promise<Locked> {
  const { sha256: known, sha512, signed } = sum ?? { signed: false };
  const trust = sum === undefined ? 'first use' : signed ? 'sums, signature not verified' : 'sums';
  if (known !== undefined && sha512 === undefined && (await store.has(known)))
    return { url, sha256: known, size: statSync(store.place(known)).size, trust };
  const wanted = {
    name,
    by: 'sums',
    ...(known ? { sha256: known } : {}),
    ...(sha512 ? { sha512 } : {}),
  } as const;
  const part = await openPart(store.part(known ?? digestOf(url)));
  try {
    const { sha256, size } = await download(addresses(url, fetching.network), wanted, part, fetching);
    await rename(part.file, store.place(sha256));
    return { url, sha256, size, trust };
  } catch (error) {
    return unwritten(part.file, error, `fetch ${name}`);
  } finally {
    await part[Symbol.asyncDispose]();
  }
}
