/** `cc run --bundle`: what tasks would take from the network comes from one file. */
import { existsSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Artifact } from '../model/artifact.ts';
import { fail, unwritten } from '../model/failure.ts';
import type { Task } from '../model/task.ts';
import { type Bundle, EXCERPT, openBundle, packOf } from '../store/bundle.ts';
import { openStore, type Store } from '../store/bytes.ts';
import { archivesOf, excerptIn, isDebian } from '../store/excerpt.ts';
import { type GitArtifact, isGit, readPack } from '../store/git.ts';
import { readLocks } from '../store/lock.ts';
import { artifactsOf } from './fetching.ts';
import type { Session } from './session.ts';

/** Brings what tasks fetch from a bundle into the store; fails before anything starts when something is in neither. */
export async function unbundled(
  file: string,
  tasks: readonly Task[],
  session: Session,
  signal: AbortSignal,
): Promise<void> {
  const store = openStore(session.paths.cache, readLocks(session.locks, session.arch));
  const away = artifactsOf(session.tasks)
    .filter((artifact) => isWanted(artifact, tasks))
    .filter((artifact) => artifact.source.kind === 'debs' || !store.digest(artifact));
  if (away.length === 0) return;
  const from = await openBundle(file);
  const lacks = away.filter((artifact) => !holds(from, artifact, store)).map(({ name }) => name);
  if (lacks.length > 0) fail({ kind: 'bundle-lacks', file, artifacts: lacks.toSorted() });
  try {
    for (const artifact of away) {
      const locked = artifact.source.kind === 'url' && store.locked(artifact);
      if (locked) await from.take(artifact.name, locked.sha256, 'cc.lock', store, signal);
      if (isGit(artifact)) await takeTree(from, artifact, session, store, signal);
    }
    for (const [apt] of archivesOf(away)) await pour(from, excerptIn(apt), store, signal);
  } catch (error) {
    if (signal.aborted) fail({ kind: 'interrupted', signal: String(signal.reason) }, error);
    unwritten(session.paths.cache, error, 'take releases from the bundle');
  }
}

/** Whether one of these tasks fetches an artifact, or goes to the archive for it. */
function isWanted({ name, source }: Artifact, tasks: readonly Task[]): boolean {
  return tasks.some(({ plugin, step }) =>
    source.kind === 'debs'
      ? step.artifacts?.some((artifact) => artifact.name === name)
      : plugin === 'fetch' && step.name === name,
  );
}

function holds(from: Bundle, artifact: Artifact, store: Store): boolean {
  const { source } = artifact;
  if (isDebian(source)) return [...from.files.keys()].some((path) => path.startsWith(EXCERPT));
  if (isGit(artifact)) return from.files.has(packOf(artifact));
  const locked = store.locked(artifact);
  return source.kind === 'url' && locked?.url === source.url && from.has(locked.sha256);
}

/** Makes the folder that apt takes for Debian's archive, of links to the store, unless it is the one of this bundle. */
async function pour(from: Bundle, folder: string, store: Store, signal: AbortSignal): Promise<void> {
  const files = [...from.files].filter(([path]) => path.startsWith(EXCERPT));
  const list = JSON.stringify(files);
  if (existsSync(join(folder, LIST)) && readFileSync(join(folder, LIST), 'utf8') === list) return;
  const part = `${folder}.part`;
  rmSync(part, { recursive: true, force: true });
  for (const [path, digest] of files) {
    await from.take(path, digest, 'bundle', store, signal);
    const to = join(part, path.slice(EXCERPT.length));
    mkdirSync(dirname(to), { recursive: true });
    linkSync(store.place(digest), to);
  }
  writeFileSync(join(part, LIST), list);
  rmSync(folder, { recursive: true, force: true });
  renameSync(part, folder);
}

/** Tells one excerpt from another. */
const LIST = 'files.json';

/** The tree of a commit, from the objects that the bundle has of it. */
async function takeTree(
  from: Bundle,
  artifact: GitArtifact,
  { network }: Session,
  store: Store,
  signal: AbortSignal,
): Promise<void> {
  const { name, source } = artifact;
  const digest = from.files.get(packOf(artifact))!; // it holds it
  const file = store.arriving(artifact);
  const telling = { log: () => {}, attempt: () => {}, progress: () => {} };
  try {
    await from.take(name, digest, 'bundle', store, signal);
    const tree = await readPack(name, source, store.place(digest), file, { network, signal, telling });
    await store.keep(artifact, file, tree, 'commit');
  } finally {
    rmSync(file, { force: true });
  }
}
