/** Brings an artifact's bytes into the store, verified before anything can use them. */
import { rename, rm } from 'node:fs/promises';
import type { Artifact, Source } from '../model/artifact.ts';
import type { Digest } from '../model/digest.ts';
import { fail, unwritten } from '../model/failure.ts';
import type { Store } from './bytes.ts';
import { extractMember, resolveDebian } from './debian.ts';
import { download, type Fetching, type Wanted } from './download.ts';
import { fetchTree } from './git.ts';
import { addresses } from './network.ts';
import { openPart } from './part.ts';

/** Fetches one artifact; nothing is kept of bytes that are not what they must be. */
export async function fetchArtifact(store: Store, artifact: Artifact, fetching: Fetching): Promise<void> {
  const file = store.arriving(artifact);
  try {
    await TAKEN[artifact.source.kind](artifact.source as never, { store, artifact, file, fetching }); // typed by kind
  } catch (error) {
    return unwritten(file, error, `fetch ${artifact.name}`);
  } finally {
    await rm(file, { force: true });
  }
}

interface Taking {
  readonly store: Store;
  readonly artifact: Artifact;
  /** For what is made of bytes that have arrived. */
  readonly file: string;
  readonly fetching: Fetching;
}

type Take<K extends Source['kind']> = (source: Extract<Source, { kind: K }>, taking: Taking) => Promise<void>;

const TAKEN: { readonly [K in Source['kind']]: Take<K> } = {
  url: takeUrl,
  git: async (source, { store, artifact, file, fetching }) =>
    store.keep(artifact, file, await fetchTree(artifact.name, source, file, fetching), 'commit'),
  deb: takePackage,
  'deb-source': takePackage,
  debs: (_, { artifact }) => Promise.reject(new Error(`${artifact.name} is not fetched by a run`)),
  built: (_, { artifact }) => Promise.reject(new Error(`${artifact.name} is built, not fetched`)),
};

async function takeUrl({ url }: Extract<Source, { kind: 'url' }>, taking: Taking): Promise<void> {
  const { store, artifact, fetching } = taking;
  const { name } = artifact;
  const locked = store.locked(artifact);
  if (locked?.url !== url)
    return fail({ kind: 'unlocked', artifact: name, url, ...(locked ? { locked: locked.url } : {}) });
  const { sha256, size } = locked;
  const wanted = { name, sha256, by: 'cc.lock', ...(size === undefined ? {} : { size }) } as const;
  await brought(addresses(url, fetching.network), wanted, taking);
}

async function takePackage(
  source: Extract<Source, { kind: 'deb' | 'deb-source' }>,
  taking: Taking,
): Promise<void> {
  const { store, artifact, file, fetching } = taking;
  const { url, digest: sha256 } = await resolveDebian(source, fetching);
  const whole = await brought([url], { name: artifact.name, sha256, by: 'archive' }, taking);
  const member = source.kind === 'deb' ? source.member : undefined;
  if (member === undefined) return store.keep(artifact, whole, sha256, 'archive');
  return store.keep(artifact, file, await extractMember(whole, member, file, fetching.signal), 'archive');
}

/** Bytes on their way by their digest: several artifacts may be of the same ones. */
const arriving = new Map<Digest, Promise<string>>();

/** Where bytes of a known digest are, once they are; they may have come before, under another name. */
export async function brought(
  urls: readonly string[],
  wanted: Wanted & { readonly sha256: Digest },
  { store, fetching }: Pick<Taking, 'store' | 'fetching'>,
): Promise<string> {
  const place = store.place(wanted.sha256);
  const bringing = arriving.get(wanted.sha256) ?? bring();
  arriving.set(wanted.sha256, bringing);
  return bringing.finally(() => arriving.delete(wanted.sha256));

  async function bring(): Promise<string> {
    if (await store.has(wanted.sha256)) return place;
    const part = await openPart(store.part(wanted.sha256));
    try {
      await download(urls, wanted, part, fetching);
      await rename(part.file, place);
      return place;
    } finally {
      await part[Symbol.asyncDispose]();
    }
  }
}
