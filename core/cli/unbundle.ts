/** `cc run --bundle`: what tasks would take from the network comes from one file. */
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { type Artifact, artifactInput, type Source } from '../model/artifact.ts';
import { type Digest, sameData } from '../model/digest.ts';
import { codeOf, fail, unwritten } from '../model/failure.ts';
import { withSecrets } from '../model/secret.ts';
import type { Task } from '../model/task.ts';
import type { RunContext } from '../run/look.ts';
import { type Bundle, EXCERPT, openBundle, packOf, unreadable } from '../store/bundle.ts';
import type { Store } from '../store/bytes.ts';
import { archivesOf, type DebianSource, isDebian } from '../store/excerpt.ts';
import { type GitArtifact, isGit, readPack } from '../store/git.ts';
import { excerptIn, forgetExcerpt } from '../store/paths.ts';
import { usage } from './args.ts';
import { artifactsOf } from './fetching.ts';
import type { Project } from './project.ts';

/** Brings what tasks fetch from a bundle into the store; fails before anything starts when something is in neither. */
export async function unbundled(
  file: string,
  tasks: readonly Task[],
  project: Project,
  { store, signal }: Pick<RunContext, 'store' | 'signal'>,
): Promise<void> {
  const wanted = artifactsOf(project.tasks).filter((artifact) => isWanted(artifact, tasks));
  const away = await awayOf(wanted, store);
  if (wanted.length === 0)
    usage('Cannot use --bundle: none of these tasks takes anything from the network', 'run');
  if (away.length === 0 && !existsSync(file)) return; // a run that has all needs none
  const from = await openBundle(file);
  const excerpt = excerptOf(from);
  const names = excerpt.map(([path]) => path);
  const lacks = away.filter((artifact) => !holds(from, names, artifact, store));
  if (lacks.length > 0) fail({ kind: 'bundle-lacks', file, artifacts: namesOf(lacks) });
  try {
    for (const artifact of away) {
      const locked = artifact.source.kind === 'url' && store.locked(artifact);
      if (locked) await from.take(artifact.name, locked.sha256, store, signal);
      if (isGit(artifact)) await takeTree(from, artifact, project, store, signal);
    }
    for (const [apt, sources] of archivesOf(wanted))
      if (sources.every((source) => holdsDebian(names, source)))
        await pour(from, excerpt, apt, store, signal);
  } catch (error) {
    if (signal.aborted) fail({ kind: 'interrupted', signal: String(signal.reason) }, error);
    unwritten(project.paths.cache, error, 'take releases from the bundle');
  }
}

/** Fails before anything starts when the excerpt of an earlier bundle stands for the archive, and lacks what tasks would take of that. */
export async function sufficing(
  tasks: readonly Task[],
  project: Project,
  { store }: Pick<RunContext, 'store'>,
): Promise<void> {
  const wanted = artifactsOf(project.tasks).filter((artifact) => isWanted(artifact, tasks));
  for (const [apt, sources] of archivesOf(wanted)) {
    const file = excerptIn(apt);
    if (!existsSync(file)) continue;
    const names = poured(apt);
    const missing = new Set<Source>(sources.filter((source) => !holdsDebian(names, source)));
    const lacks = await awayOf(
      wanted.filter(({ source }) => missing.has(source)),
      store,
    );
    if (lacks.length > 0) fail({ kind: 'bundle-lacks', file, artifacts: namesOf(lacks), standing: true });
  }
}

/** What has to come from elsewhere yet. */
async function awayOf(artifacts: readonly Artifact[], store: Store): Promise<readonly Artifact[]> {
  const here = await Promise.all(artifacts.map((artifact) => isHere(artifact, store)));
  return artifacts.filter((_, index) => !here[index]);
}

function namesOf(artifacts: readonly Artifact[]): readonly string[] {
  return [...new Set(artifacts.map(({ name }) => name))].toSorted();
}

/** Whether one of these tasks fetches an artifact, or goes to the archive for it. */
function isWanted(artifact: Artifact, tasks: readonly Task[]): boolean {
  const { name, source } = artifact;
  return tasks.some(({ plugin, step }) =>
    source.kind === 'debs'
      ? step.artifacts?.some((artifact) => artifact.name === name)
      : plugin === 'fetch' &&
        step.inputs !== undefined &&
        sameData(withSecrets(step.inputs, String), artifactInput(artifact)),
  );
}

async function isHere(artifact: Artifact, store: Store): Promise<boolean> {
  const { source } = artifact;
  if (source.kind === 'debs') return holdsDebian(poured(source.apt), source);
  const digest = store.digest(artifact);
  return digest !== undefined && store.has(digest);
}

function holds(from: Bundle, names: readonly string[], artifact: Artifact, store: Store): boolean {
  const { source } = artifact;
  if (isDebian(source)) return holdsDebian(names, source);
  if (isGit(artifact)) return from.files.has(packOf(artifact));
  const locked = store.locked(artifact);
  return source.kind === 'url' && locked?.url === source.url && from.has(locked.sha256);
}

/** What a bundle has of Debian's archive: files, by their path below its address. */
type Excerpt = readonly (readonly [path: string, digest: Digest])[];

function excerptOf({ files }: Bundle): Excerpt {
  return [...files].flatMap(([path, digest]) =>
    path.startsWith(EXCERPT) ? [[path.slice(EXCERPT.length), digest] as const] : [],
  );
}

/** What stands there of the excerpt of an earlier bundle. */
function poured(apt: string): readonly string[] {
  const folder = excerptIn(apt);
  return existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: 'utf8' }) : [];
}

/** As far as names tell: what packages need, and in which version, apt says when it has verified the indices. */
function holdsDebian(paths: readonly string[], source: DebianSource): boolean {
  const names = paths.map((path) => path.slice(path.lastIndexOf('/') + 1));
  const packages = source.kind === 'debs' ? source.packages : [source.package];
  const end = source.kind === 'deb-source' ? /\.orig\.tar\.\w+$/ : /\.deb$/;
  return (
    paths.includes(releaseOf(source)) &&
    packages.every((wanted) => names.some((name) => name.startsWith(`${wanted}_`) && end.test(name)))
  );
}

const releaseOf = ({ suite }: DebianSource) => `dists/${suite}/InRelease`;

/**
 * Makes the folder that apt takes for Debian's archive, of links to the store, unless it is the one of this bundle. Nothing
 * is written into it: a link leads to bytes that the store has by their digest.
 */
async function pour(
  from: Bundle,
  files: Excerpt,
  apt: string,
  store: Store,
  signal: AbortSignal,
): Promise<void> {
  const folder = excerptIn(apt);
  const part = `${folder}.part`;
  const note = `${folder}.json`;
  const list = JSON.stringify(files);
  const same = existsSync(note) && readFileSync(note, 'utf8') === list;
  const standing = await Promise.all(
    files.map(([path, digest]) => stands(join(folder, path), digest, store)),
  );
  if (same && standing.every(Boolean)) return;
  rmSync(part, { recursive: true, force: true });
  try {
    for (const [path, digest] of files) {
      await from.take(path, digest, store, signal);
      link(store.place(digest), join(part, path), from);
    }
    for (const [path] of files) ofItsSuite(path, part, from);
    forgetExcerpt(apt);
    renameSync(part, folder);
  } finally {
    rmSync(part, { recursive: true, force: true });
  }
  writeFileSync(note, list);
}

/** Whether a link to the store's bytes stands there, and they are what they must be. */
async function stands(path: string, digest: Digest, store: Store): Promise<boolean> {
  const inode = (file: string) => statSync(file, { bigint: true, throwIfNoEntry: false })?.ino;
  return inode(path) !== undefined && inode(path) === inode(store.place(digest)) && store.has(digest);
}

/** What is signed of a list: not its head, nor that of the signature (RFC 9580, section 7), where anybody may add lines. */
const SIGNED =
  /^-----BEGIN PGP SIGNED MESSAGE-----\n(?:Hash: [^\n]*\n)*\n((?:(?!-----)[^\n]*\n)*)-----BEGIN PGP SIGNATURE-----\n/;

/** Refuses the list of another suite at the place of one: apt compares this for single packages alone. */
function ofItsSuite(path: string, folder: string, from: Bundle): void {
  const suite = /^dists\/(.+)\/InRelease$/.exec(path)?.[1];
  if (suite === undefined) return;
  const [, text] = SIGNED.exec(readFileSync(join(folder, path), 'utf8')) ?? [];
  if (text === undefined) unreadable(from.path, `its ${path} is not signed`);
  const names = [...text.matchAll(/^(?:Codename|Suite): (\S+)$/gm)].map(([, name]) => name);
  if (!names.includes(suite)) unreadable(from.path, `its ${path} is of another suite`);
}

function link(bytes: string, path: string, { path: bundle }: Bundle): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    linkSync(bytes, path);
  } catch (error) {
    // One name for a file and for a folder.
    if (['EEXIST', 'ENOTDIR'].includes(codeOf(error) ?? ''))
      unreadable(bundle, `two files at ${path}`, error);
    throw error;
  }
}

/** The tree of a commit, from the objects that the bundle has of it. */
async function takeTree(
  from: Bundle,
  artifact: GitArtifact,
  { network }: Project,
  store: Store,
  signal: AbortSignal,
): Promise<void> {
  const { name, source } = artifact;
  const digest = from.files.get(packOf(artifact))!; // it holds it
  const file = store.arriving(artifact);
  const reporter = { log: () => {}, attempt: () => {}, progress: () => {} };
  try {
    await from.take(name, digest, store, signal);
    const tree = await readPack(name, source, store.place(digest), file, { network, signal, reporter });
    await store.keep(artifact, file, tree, 'commit');
  } finally {
    rmSync(file, { force: true });
  }
}
