/** `cc bundle` and `cc run --bundle`: a recipe's releases in one file, for where there is no network. */
import { resolve } from 'node:path';
import type { Artifact } from '../model/artifact.ts';
import { Failed, fail, unwritten } from '../model/failure.ts';
import type { Task } from '../model/task.ts';
import { openBundle, writeBundle } from '../store/bundle.ts';
import { openStore } from '../store/bytes.ts';
import { fetchArtifact } from '../store/fetch.ts';
import { type Entry, readLocks } from '../store/lock.ts';
import type { Options } from './args.ts';
import { tellingOf, wishesOf } from './lock.ts';
import type { Edges, Session } from './session.ts';

/** Writes a bundle of what `cc.lock` names, and fetches what is not here yet. */
export async function bundle(
  [file = '']: readonly string[],
  options: Options,
  edges: Edges,
): Promise<number> {
  const { session, wishes } = await wishesOf(options, edges);
  const { network, paths, locks } = session;
  const stop = new AbortController();
  edges.onStop((signal) => stop.abort(new Failed({ kind: 'interrupted', signal })));
  const entries = new Map<string, Entry>();
  const gather = async () => {
    for (const wish of wishes) {
      const { name, arch, url } = wish;
      const store = openStore(paths.cache, readLocks(locks, arch));
      const artifact: Artifact = { name, source: { kind: 'url', url } };
      await fetchArtifact(store, artifact, { network, signal: stop.signal, telling: tellingOf(wish, edges) });
      entries.set(name, { ...entries.get(name), [arch]: store.locked(artifact)! }); // without one it could not be fetched
    }
    return entries;
  };
  const path = resolve(edges.cwd, file);
  await writeBundle(path, gather, openStore(paths.cache, []));
  if (options.json)
    edges.out(`${JSON.stringify({ file: path, artifacts: [...entries.keys()].toSorted() })}\n`);
  else edges.out(`wrote ${path}: ${[...entries.keys()].toSorted().join(', ') || 'no releases'}\n`);
  return 0;
}

/** Brings what tasks fetch from a bundle into the store; fails before anything starts when something is in neither. */
export async function unbundled(
  file: string,
  tasks: readonly Task[],
  session: Session,
  signal: AbortSignal,
): Promise<void> {
  const store = openStore(session.paths.cache, readLocks(session.locks, session.arch));
  const away = fetchedBy(tasks, session).filter((artifact) => !store.digest(artifact));
  if (away.length === 0) return;
  const from = await openBundle(file);
  const found = away.flatMap((artifact) => {
    const { name, source } = artifact;
    const locked = store.locked(artifact);
    return source.kind === 'url' && locked?.url === source.url && from.has(locked) ? [{ name, locked }] : [];
  });
  const lacks = away.map(({ name }) => name).filter((name) => !found.some((each) => each.name === name));
  if (lacks.length > 0) fail({ kind: 'bundle-lacks', file, artifacts: lacks.toSorted() });
  try {
    for (const { name, locked } of found) await from.take(name, locked, store, signal);
  } catch (error) {
    if (signal.aborted) fail({ kind: 'interrupted', signal: String(signal.reason) }, error);
    unwritten(session.paths.cache, error, 'take releases from the bundle');
  }
}

/** What tasks would ask the network for. Debian's archive has a mirror of its own. */
function fetchedBy(tasks: readonly Task[], session: Session): readonly Artifact[] {
  const names = new Set(tasks.filter(({ plugin }) => plugin === 'fetch').map(({ step }) => step.name));
  const all = session.tasks.flatMap(({ step }) => step.artifacts ?? []);
  const wanted = all.filter(({ name, source }) => names.has(name) && /^(url|git)$/.test(source.kind));
  return [...new Map(wanted.map((artifact) => [artifact.name, artifact])).values()];
}
