/**
 * An excerpt of Debian's archive, which apt takes for the whole: the signed indices as they are, and some of the packages.
 * Nobody has to trust where it comes from, because apt verifies it like any other mirror.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Artifact, Source } from '../model/artifact.ts';
import { asDigest, type Digest } from '../model/digest.ts';
import { fail } from '../model/failure.ts';
import type { Store } from './bytes.ts';
import { type DebianFile, type Index, indicesOf, resolveDebian, resolveDebs } from './debian.ts';
import type { Fetching } from './download.ts';
import { brought } from './fetch.ts';

export type DebianSource = Extract<Source, { kind: 'deb' | 'deb-source' | 'debs' }>;

export function isDebian(source: Source): source is DebianSource {
  return source.kind === 'deb' || source.kind === 'deb-source' || source.kind === 'debs';
}

/** What is taken through each folder of cc's own apt. */
export function archivesOf(artifacts: readonly Artifact[]): ReadonlyMap<string, readonly DebianSource[]> {
  const sources = artifacts.map(({ source }) => source).filter(isDebian);
  return Map.groupBy(sources, ({ apt }) => apt);
}

/** One file of an excerpt: where it belongs below the archive, where it can be had, and what it must be. */
export interface Piece {
  readonly path: string;
  readonly urls: readonly string[];
  readonly sha256: Digest;
}

/** What has to be in an excerpt that these can be taken from; `apt` is the folder that all of them name. */
export async function piecesOf(
  apt: string,
  sources: readonly DebianSource[],
  store: Store,
  fetching: Fetching,
): Promise<readonly Piece[]> {
  const indices = await indicesOf(apt, fetching);
  const pieces = new Map<string, Piece>();
  const add = (piece: Piece) => pieces.set(piece.path, piece);
  for (const [release, own] of Map.groupBy(indices, ({ release }) => release)) {
    add(await releasePiece(own[0]!, store)); // no group is empty
    const text = await readFile(release, 'utf8');
    for (const index of own) add(indexPiece(index, text));
  }
  for (const source of sources) {
    const files =
      source.kind === 'debs' ? await resolveDebs(source, fetching) : [await resolveDebian(source, fetching)];
    for (const file of files) add(filePiece(file, indices));
  }
  return [...pieces.values()].toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

/** Brings a piece into the store. */
export async function bringPiece(piece: Piece, store: Store, fetching: Fetching): Promise<void> {
  await brought(piece.urls, { name: piece.path, sha256: piece.sha256, by: 'archive' }, { store, fetching });
}

/** The signed list of the suite: apt has verified it, and keeps it. */
async function releasePiece({ archive, suite, release }: Index, store: Store): Promise<Piece> {
  if (!existsSync(release))
    return fail({ kind: 'no-mirror', mirror: archive, why: `it has no InRelease of ${suite}` });
  return { path: `dists/${suite}/InRelease`, urls: [], sha256: await store.copy(release) };
}

/** An index in the form that the archive gives out; what apt keeps of it is another. */
function indexPiece({ archive, suite, path }: Index, release: string): Piece {
  const name = `${path}.xz`;
  const sums = /^SHA256:\n((?: .*\n)+)/m.exec(release)?.[1] ?? '';
  const line = sums.split('\n').find((text) => text.endsWith(` ${name}`));
  const sha256 = asDigest(line?.trim().split(' ')[0] ?? '');
  if (!sha256) return fail({ kind: 'no-mirror', mirror: archive, why: `it has no ${name} of ${suite}` });
  const folder = `${archive}dists/${suite}/${path.slice(0, path.lastIndexOf('/'))}`;
  // By its digest first: the archive may be changing at this moment.
  const urls = [`${folder}/by-hash/SHA256/${sha256}`, `${archive}dists/${suite}/${name}`];
  return { path: `dists/${suite}/${name}`, urls, sha256 };
}

function filePiece({ url, digest }: DebianFile, indices: readonly Index[]): Piece {
  const archive = indices.find((index) => url.startsWith(index.archive))?.archive;
  if (archive === undefined) throw new Error(`${url} is of no archive that apt uses`);
  return { path: decodeURIComponent(url.slice(archive.length)), urls: [url], sha256: digest };
}
