/** Brings an artifact's bytes into the store, verified before anything can use them. */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type Artifact, origin, type Source } from '../model/artifact.ts';
import { type Digest, finish } from '../model/digest.ts';
import { codeOf, fail } from '../model/failure.ts';
import type { Store } from './bytes.ts';
import { extractMember, resolveDebian } from './debian.ts';
import { fetchTree } from './git.ts';

/** What fetching reports while it works. */
export type Progress = (text: string) => void;

/** Seconds without a byte after which a download counts as dead. */
const IDLE = 60;

/** Fetches one artifact; nothing is kept of bytes that are not what they must be. */
export async function fetchArtifact(
  store: Store,
  artifact: Artifact,
  signal: AbortSignal,
  progress: Progress,
): Promise<void> {
  const file = await store.arriving(artifact);
  try {
    await take(store, artifact, file, signal, progress);
  } catch (error) {
    if (codeOf(error) === 'ENOSPC')
      fail({ kind: 'disk-full', host: 'controller', what: `fetch ${artifact.name}` }, error);
    throw error;
  } finally {
    await rm(file, { force: true });
  }
}

async function take(
  store: Store,
  artifact: Artifact,
  file: string,
  signal: AbortSignal,
  progress: Progress,
): Promise<void> {
  const { source } = artifact;
  if (source.kind === 'built') throw new Error(`${artifact.name} is built, not fetched`);
  if (source.kind === 'url') {
    if (!store.locked(artifact)) fail({ kind: 'unlocked', artifact: artifact.name, url: source.url });
    return store.keep(
      artifact,
      file,
      await download(artifact, source.url, file, signal, progress),
      'cc.lock',
    );
  }
  if (source.kind === 'git')
    return store.keep(artifact, file, await fetchTree(artifact.name, source, file, signal), 'commit');
  const { url, digest: expected } = await resolveDebian(source, signal);
  const whole = store.place(expected);
  const arriving = packages.get(whole) ?? bring();
  packages.set(whole, arriving);
  await arriving.finally(() => packages.delete(whole));
  const member = memberOf(source);
  if (!member) return store.keep(artifact, whole, expected, 'archive');
  return store.keep(artifact, file, await extractMember(whole, member, file, signal), 'archive');

  async function bring(): Promise<void> {
    if (existsSync(whole)) return;
    const found = await download(artifact, url, file, signal, progress);
    if (found !== expected) {
      fail({ kind: 'digest-mismatch', artifact: artifact.name, url, expected, found, by: 'archive' });
    }
    await rename(file, whole);
  }
}

/** Packages on their way: several artifacts may be files of the same one. */
const packages = new Map<string, Promise<void>>();

function memberOf(source: Source): string | undefined {
  return source.kind === 'deb' ? source.member : undefined;
}

/** Streams a URL (http, https, file) into a file; answers the digest of what arrived. */
async function download(
  artifact: Artifact,
  url: string,
  file: string,
  signal: AbortSignal,
  progress: Progress,
): Promise<Digest> {
  progress(`from ${url}`);
  const failed = (why: string, cause?: unknown): never =>
    fail({ kind: 'fetch-failed', artifact: artifact.name, url, why }, cause);
  const hash = createHash('sha256');
  const target = await open(file, 'w', 0o600);
  const idle = new AbortController();
  let timer = setTimeout(() => idle.abort(), IDLE * 1000);
  try {
    for await (const piece of await body(url, AbortSignal.any([signal, idle.signal]), failed)) {
      clearTimeout(timer);
      timer = setTimeout(() => idle.abort(), IDLE * 1000);
      hash.update(piece);
      await target.write(piece);
    }
  } catch (error) {
    if (signal.aborted || codeOf(error) === 'ENOSPC') throw error;
    if (idle.signal.aborted) failed(`nothing arrived for ${IDLE} s`);
    if (error instanceof TypeError || codeOf(error)) failed(`${origin(artifact)}: ${causeOf(error)}`, error);
    throw error;
  } finally {
    clearTimeout(timer);
    await target.close();
  }
  return finish(hash);
}

async function body(
  url: string,
  signal: AbortSignal,
  failed: (why: string) => never,
): Promise<AsyncIterable<Uint8Array>> {
  if (url.startsWith('file:')) return createReadStream(fileURLToPath(url), { signal });
  const response = await fetch(url, { signal });
  if (!response.ok || !response.body)
    return failed(`the server answered ${response.status} ${response.statusText}`.trim());
  return response.body;
}

/** fetch hides the system's error in `cause`. */
function causeOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  return cause instanceof Error ? cause.message : String(cause);
}
