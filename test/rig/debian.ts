/**
 * Programs as releases of Debian hold them, for tests that ask the real ones: fetched and verified by the code that does so
 * for recipes, unpacked, and kept in the cache, so that only the first run asks the archive.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runProcess } from '../../core/host/own-agent.ts';
import type { Artifact, Source } from '../../core/model/artifact.ts';
import { codeOf, Failed } from '../../core/model/failure.ts';
import { openStore, type Store } from '../../core/store/bytes.ts';
import type { Fetching } from '../../core/store/download.ts';
import { fetchArtifact } from '../../core/store/fetch.ts';
import { networkOf } from '../../core/store/network.ts';
import { CACHE } from './cache.ts';

const FOLDER = join(CACHE, 'debian');
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
/** How long the archive may take; whoever waits longer has no usable one. */
const PATIENCE = 180_000;

export type Unpacked =
  | { readonly kind: 'here'; folder(name: string, suite: string): string }
  | { readonly kind: 'missing'; readonly why: string };

/** A package. */
interface Deb extends Artifact {
  readonly source: Extract<Source, { kind: 'deb' }>;
}

/** Packages of a suite. */
type Wanted = readonly [suite: string, packages: readonly string[]];

/** The packages, or why there are none here: no apt, no archive that answers. */
export async function unpacked(...wanted: readonly Wanted[]): Promise<Unpacked> {
  const all = wanted.flatMap(([suite, names]) => names.map((name) => packageOf(name, suite)));
  const why = await lacking(() => {
    const absent = all.filter(({ name }) => !existsSync(placeOf(name)));
    return absent.length === 0 ? [] : bring(absent, unpack);
  });
  if (why !== undefined) return { kind: 'missing', why };
  return { kind: 'here', folder: (name, suite) => placeOf(packageOf(name, suite).name) };
}

export type Files =
  | { readonly kind: 'here'; readonly files: ReadonlyMap<string, string> }
  | { readonly kind: 'missing'; readonly why: string };

/** The packages as files, by the names of artifacts that a recipe has from Debian's archive. */
export async function packed(artifacts: readonly Artifact[]): Promise<Files> {
  const files = new Map<string, string>();
  const own = artifacts.flatMap(({ name, source }) => {
    if (source.kind !== 'deb') throw new Error(`${name} is no package`);
    return [{ name: `${name}-${source.suite}`, source: { ...source, apt: aptOf(source.suite) } }];
  });
  const why = await lacking(() =>
    bring(own, async ({ name, source }, file) => {
      files.set(name.slice(0, -source.suite.length - 1), file);
    }),
  );
  return why === undefined ? { kind: 'here', files } : { kind: 'missing', why };
}

/** Does work that asks the archive, and says why there is none here. */
async function lacking(work: () => unknown): Promise<string | undefined> {
  try {
    await alone(FOLDER, async () => work());
    return undefined;
  } catch (error) {
    const why = absence(error);
    if (why === undefined) throw error;
    return `no packages of Debian here: ${why}`;
  }
}

/** All come to their end, also beside one that fails: an apt that goes on would be in the way of the next process. */
async function bring(
  wanted: readonly Deb[],
  arrived: (deb: Deb, file: string) => Promise<void>,
): Promise<void> {
  const [store, fetching] = [openStore({ cache: FOLDER, state: FOLDER }, []), quietly()];
  const mirror = await mirrorOf();
  const suites = new Set(wanted.map(({ source }) => source.suite));
  await Promise.all([...suites].map((suite) => writeSources(suite, mirror)));
  const all = await Promise.allSettled(
    wanted.map(async (deb) => arrived(deb, await brought(store, deb, fetching))),
  );
  for (const one of all) if (one.status === 'rejected') throw one.reason;
}

/** Whatever version of it came first: the suites that tests ask for have a range of them. */
function placeOf(name: string): string {
  return join(FOLDER, 'unpacked', name);
}

/** Why there is no archive; undefined for what is a bug. */
function absence(error: unknown): string | undefined {
  if (codeOf(error) === 'ENOENT') return 'flock is missing';
  if (!(error instanceof Failed)) return undefined;
  const { failure } = error;
  if (failure.kind === 'no-mirror') return failure.why.split('\n')[0] ?? '';
  return failure.kind === 'missing-tool' || failure.kind === 'fetch-failed' ? failure.kind : undefined;
}

/** One process at a time in a folder: test files run beside each other, and apt takes no second one in its folders. */
export async function alone<Value>(folder: string, work: () => Promise<Value>): Promise<Value> {
  await mkdir(folder, { recursive: true });
  const lock = spawn('flock', [join(folder, 'lock'), 'sh', '-c', 'echo; exec cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await Promise.all([once(lock, 'spawn'), once(lock.stdout, 'data')]);
  try {
    return await work();
  } finally {
    const ended = once(lock, 'close');
    lock.stdin.end();
    await ended;
  }
}

function packageOf(name: string, suite: string): Deb {
  return {
    name: `${name}-${suite}`,
    source: { kind: 'deb', apt: aptOf(suite), package: name, suite },
  };
}

function quietly(): Fetching {
  return {
    network: networkOf([], {}, process.env),
    signal: AbortSignal.timeout(PATIENCE),
    reporter: { log: () => {}, attempt: () => {}, progress: () => {} },
  };
}

/** apt takes a second to read an index, for each question again; so it is asked about one suite at a time. */
function aptOf(suite: string): string {
  return join(FOLDER, 'apt', suite);
}

/** The mirror of this machine's own apt, where it is a Debian's; apt names it also before its first update. */
export async function mirrorOf(): Promise<string> {
  const { stdout } = await runProcess(['apt-get', '-o', 'Debug::NoLocking=1', '--print-uris', 'update']);
  const [, mirror] = /^'(\S+?)\/*\/dists\/(?:bullseye|bookworm|trixie|sid)\/InRelease'/m.exec(stdout) ?? [];
  return mirror ?? 'http://deb.debian.org/debian';
}

async function writeSources(suite: string, mirror: string): Promise<void> {
  await mkdir(aptOf(suite), { recursive: true });
  // A mirror that is behind is signed all the same, and any version of the suite will do.
  const line = `deb [signed-by=${KEYRING} check-valid-until=no] ${mirror} ${suite} main\n`;
  for (const name of ['sources', suite]) await writeFile(join(aptOf(suite), `${name}.list`), line);
}

async function brought(store: Store, artifact: Artifact, fetching: Fetching): Promise<string> {
  if (store.digest(artifact) === undefined) await fetchArtifact(store, artifact, fetching);
  return (await store.bytes(artifact, store.digest(artifact)!)).file; // it is there, or was just fetched
}

async function unpack({ name }: Artifact, file: string): Promise<void> {
  const folder = placeOf(name);
  const making = `${folder}.making`;
  await rm(making, { recursive: true, force: true });
  await mkdir(making, { recursive: true });
  const { code, stderr } = await runProcess(['dpkg-deb', '--extract', file, making]);
  if (code !== 0) throw new Error(`dpkg-deb cannot unpack ${name}: ${stderr}`);
  await rename(making, folder);
}
