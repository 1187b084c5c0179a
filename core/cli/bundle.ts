/** `cc bundle`: all that a recipe takes from the network, in one file, for where there is none. */
import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Artifact } from '../model/artifact.ts';
import type { Digest } from '../model/digest.ts';
import { Failed } from '../model/failure.ts';
import { type Contents, EXCERPT, packOf, writeBundle } from '../store/bundle.ts';
import { openStore, type Store } from '../store/bytes.ts';
import type { Fetching } from '../store/download.ts';
import { archivesOf, bringPiece, isDebian, piecesOf } from '../store/excerpt.ts';
import { fetchArtifact } from '../store/fetch.ts';
import { fetchPack, isGit } from '../store/git.ts';
import { type Entries, type Entry, readLocks } from '../store/lock.ts';
import type { Wish } from '../store/resolve.ts';
import type { Options } from './args.ts';
import { artifactsOf, forEach, reporterOf } from './fetching.ts';
import { labelOf, wishesOf } from './lock.ts';
import type { CliContext, Project } from './project.ts';
import { run } from './run.ts';

/** Writes a bundle of all that tasks of the recipe would fetch, and fetches what is not here yet. */
export async function bundle(
  [file = '']: readonly string[],
  options: Options,
  cli: CliContext,
): Promise<number> {
  const { project, wishes } = await wishesOf(options, cli);
  const artifacts = artifactsOf(project.tasks);
  const stop = new AbortController();
  cli.onStop((signal) => stop.abort(new Failed({ kind: 'interrupted', signal })));
  const fetching = (label: string): Fetching => ({
    network: project.network,
    signal: stop.signal,
    reporter: reporterOf(label, cli),
  });
  const gathering = { project, store: openStore(project.paths, []), stop, fetching };
  const path = resolve(cli.cwd, file);
  let exit = 0;
  const gather = async (): Promise<Contents | undefined> => {
    exit = await prepared(artifacts, options, cli);
    if (exit !== 0) return undefined;
    // Images are taken by the hosts' own runtimes, which a bundle cannot serve.
    const own = wishes.filter(({ image }) => !image);
    const entries = await releases(own, gathering);
    const git = await commits(artifacts, gathering);
    return { entries, files: new Map([...git, ...(await excerpts(artifacts, gathering))]) };
  };
  await writeBundle(path, gather, gathering.store, stop.signal);
  if (exit !== 0) return exit;
  const names = [...new Set(artifacts.map(({ name }) => name))].toSorted();
  if (options.json) cli.out(`${JSON.stringify({ file: path, artifacts: names })}\n`);
  else cli.out(`wrote ${path}: ${names.join(', ') || 'no releases'}\n`);
  return 0;
}

/** Which archive of Debian is meant, tasks find out; they tell of themselves beside the answer. */
async function prepared(artifacts: readonly Artifact[], options: Options, cli: CliContext): Promise<number> {
  const needs = artifacts.flatMap(({ source, needs = [] }) => (isDebian(source) ? needs : []));
  if (needs.length === 0) return 0;
  return run([...new Set(needs)], { ...options, json: false }, { ...cli, out: cli.say, terminal: false });
}

interface Gathering {
  readonly project: Project;
  readonly store: Store;
  readonly stop: AbortController;
  readonly fetching: (label: string) => Fetching;
}

async function releases(wishes: readonly Wish[], { project, stop, fetching }: Gathering): Promise<Entries> {
  const entries = new Map<string, Entry>();
  await forEach(wishes, stop, async (wish) => {
    const { name, arch, url } = wish;
    const store = openStore(project.paths, readLocks(project.locks, arch));
    const artifact: Artifact = { name, source: { kind: 'url', url } };
    await fetchArtifact(store, artifact, fetching(labelOf(wish)));
    entries.set(name, { ...entries.get(name), [arch]: store.locked(artifact)! }); // without one it could not be fetched
  });
  return entries;
}

async function commits(
  artifacts: readonly Artifact[],
  { store, stop, fetching }: Gathering,
): Promise<ReadonlyMap<string, Digest>> {
  const files = new Map<string, Digest>();
  await forEach(artifacts.filter(isGit), stop, async (artifact) => {
    const file = store.arriving(artifact);
    try {
      await fetchPack(artifact.name, artifact.source, file, fetching(artifact.name));
      files.set(packOf(artifact), await store.copy(file));
    } finally {
      await rm(file, { force: true });
    }
  });
  return files;
}

async function excerpts(
  artifacts: readonly Artifact[],
  { store, stop, fetching }: Gathering,
): Promise<ReadonlyMap<string, Digest>> {
  const files = new Map<string, Digest>();
  for (const [apt, sources] of archivesOf(artifacts)) {
    const pieces = await piecesOf(apt, sources, store, fetching('archive'));
    await forEach(pieces, stop, async (piece) => {
      await bringPiece(piece, store, fetching(piece.path));
      files.set(`${EXCERPT}${piece.path}`, piece.sha256);
    });
  }
  return files;
}
