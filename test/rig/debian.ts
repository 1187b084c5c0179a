/**
 * Programs as releases of Debian hold them, for tests that ask the real ones: fetched and verified by the code that does so
 * for recipes, unpacked, and kept below `node_modules/.cache`, so that only the first run asks the archive.
 */
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runProcess } from '../../core/host/process.ts';
import type { Artifact } from '../../core/model/artifact.ts';
import { Failed } from '../../core/model/failure.ts';
import { openStore, type Store } from '../../core/store/bytes.ts';
import type { Fetching } from '../../core/store/download.ts';
import { fetchArtifact } from '../../core/store/fetch.ts';
import { networkOf } from '../../core/store/network.ts';

const CACHE = fileURLToPath(new URL('../../node_modules/.cache/cc/debian', import.meta.url));
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
/** How long the archive may take; whoever waits longer has no usable one. */
const PATIENCE = 180_000;

export type Unpacked =
  | { readonly kind: 'here'; folder(name: string, suite: string): string }
  | { readonly kind: 'missing'; readonly why: string };

/** Packages of suites, or why there are none here: no apt, no archive that answers. */
export async function unpacked(names: readonly string[], suites: readonly string[]): Promise<Unpacked> {
  const store = openStore(CACHE, []);
  const fetching = quietly();
  const wanted = suites.flatMap((suite) => names.map((name) => packageOf(name, suite)));
  try {
    await writeSources(suites);
    const folders = await Promise.all(wanted.map((artifact) => brought(store, artifact, fetching)));
    const places = new Map(wanted.map(({ name }, index) => [name, folders[index]!])); // one for each
    return { kind: 'here', folder: (name, suite) => places.get(packageOf(name, suite).name)! }; // only what was asked for
  } catch (error) {
    if (!(error instanceof Failed) || !ABSENT.has(error.failure.kind)) throw error;
    const why = 'why' in error.failure ? error.failure.why.split('\n')[0] : undefined;
    return { kind: 'missing', why: `no packages of Debian here: ${why ?? error.failure.kind}` };
  }
}

/** What fetching fails with where there is no archive; anything else is a bug. */
const ABSENT: ReadonlySet<string> = new Set(['missing-tool', 'no-mirror', 'fetch-failed']);

function packageOf(name: string, suite: string): Artifact {
  return {
    name: `${name}-${suite}`,
    source: { kind: 'deb', apt: join(CACHE, 'apt'), package: name, suite },
  };
}

function quietly(): Fetching {
  return {
    network: networkOf([], {}, process.env),
    signal: AbortSignal.timeout(PATIENCE),
    telling: { log: () => {}, attempt: () => {}, progress: () => {} },
  };
}

/** Names the mirror of this machine's own apt, where it is a Debian's. */
async function writeSources(suites: readonly string[]): Promise<void> {
  const asked = ['apt-get', 'indextargets', '--format', '$(REPO_URI) $(RELEASE)', 'Created-By: Packages'];
  const { stdout } = await runProcess(asked);
  const own = /^(\S+) (?:bullseye|bookworm|trixie|sid)$/m.exec(stdout)?.[1];
  const mirror = own ?? 'http://deb.debian.org/debian';
  await mkdir(join(CACHE, 'apt'), { recursive: true });
  const lines = suites.map((suite) => `deb [signed-by=${KEYRING}] ${mirror} ${suite} main\n`);
  await writeFile(join(CACHE, 'apt', 'sources.list'), lines.join(''));
}

/** The folder that a package is unpacked in: by its digest, so that a newer one is another. */
async function brought(store: Store, artifact: Artifact, fetching: Fetching): Promise<string> {
  if (store.digest(artifact) === undefined) await fetchArtifact(store, artifact, fetching);
  const folder = join(CACHE, 'unpacked', store.digest(artifact)!); // it is there, or was just fetched
  if (existsSync(folder)) return folder;
  const making = `${folder}.${process.pid}`;
  await rm(making, { recursive: true, force: true });
  await mkdir(making, { recursive: true });
  const { code, stderr } = await runProcess(['dpkg-deb', '--extract', store.path(artifact), making]);
  if (code !== 0) throw new Error(`dpkg-deb cannot unpack ${artifact.name}: ${stderr}`);
  await rename(making, folder);
  return folder;
}
