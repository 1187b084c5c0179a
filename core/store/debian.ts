/** Debian's archive through apt, with folders of cc's own: the host's apt is asked for its mirror and left alone. */
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOfFile } from '../host/hash.ts';
import { runProcess } from '../host/process.ts';
import type { Source } from '../model/artifact.ts';
import { asDigest, type Digest } from '../model/digest.ts';
import { fail } from '../model/failure.ts';
import type { Fetching } from './download.ts';
import { proxyEnv } from './network.ts';

type DebianSource = Extract<Source, { kind: 'deb' | 'deb-source' }>;

export interface DebianFile {
  readonly url: string;
  /** As the signed index of the archive states it. */
  readonly digest: Digest;
}

/** apt with the folders below `apt`, which holds a `sources.list`; everything else of the host's apt stays as it is. */
function aptOptions(apt: string): string[] {
  const set = {
    'Dir::Etc::sourcelist': join(apt, 'sources.list'),
    'Dir::Etc::sourceparts': '/dev/null',
    'Dir::Etc::preferences': '/dev/null',
    'Dir::Etc::preferencesparts': '/dev/null',
    'Dir::State::lists': join(apt, 'lists'),
    'Dir::State::status': '/dev/null',
    'Dir::Cache': join(apt, 'cache'),
    'Dir::Cache::pkgcache': '',
    'Dir::Cache::srcpkgcache': '',
    'APT::Sandbox::User': '',
    'Acquire::Languages': 'none',
    'APT::Update::Error-Mode': 'any',
  };
  return Object.entries(set).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
}

/** One update for each folder and process; every fetch waits for the same one. */
const updated = new Map<string, Promise<void>>();

async function update(apt: string, { network, signal }: Fetching): Promise<void> {
  await mkdir(join(apt, 'lists', 'partial'), { recursive: true });
  await mkdir(join(apt, 'cache', 'archives', 'partial'), { recursive: true });
  const exit = await runProcess(['apt-get', ...aptOptions(apt), '-q', 'update'], {
    env: proxyEnv(network),
    signal,
  });
  if (exit.code === 0) return;
  if (exit.code === 127) fail({ kind: 'missing-tool', host: 'controller', tool: 'apt-get', package: 'apt' });
  fail({ kind: 'no-mirror', mirror: join(apt, 'sources.list'), why: exit.stderr.trim() });
}

/** Where a package file is and what it must be; asks the archive again when the index here may be older than it. */
export async function resolveDebian(source: DebianSource, fetching: Fetching): Promise<DebianFile> {
  const { apt } = source;
  const indexed = updated.get(apt) ?? update(apt, fetching);
  updated.set(apt, indexed);
  await indexed;
  const name = `${source.package}/${source.suite}`;
  const verb =
    source.kind === 'deb' ? ['download', name] : ['--download-only', '--only-source', 'source', name];
  const { code, stdout, stderr } = await runProcess(
    ['apt-get', ...aptOptions(apt), '--print-uris', '-q', ...verb],
    { signal: fetching.signal },
  );
  const line = stdout.split('\n').find((text) => wanted(source, text));
  const match = /^'([^']+)' \S+ \d+ SHA256:([0-9a-f]{64})$/.exec(line?.trim() ?? '');
  const digest = asDigest(match?.[2] ?? '');
  if (match?.[1] && digest) return { url: match[1], digest };
  const why = `apt names no file with a SHA-256 (exit ${code})`;
  return fail({
    kind: 'fetch-failed',
    artifact: source.package,
    attempts: [{ url: name, trouble: { kind: 'broken', why: stderr.trim() || why } }],
  });
}

/** The line of a deb, or of a source package's upstream tarball. */
function wanted({ kind }: DebianSource, line: string): boolean {
  return line.startsWith("'") && (kind === 'deb' || /\.orig\.tar\.\w+' /.test(line));
}

/** Takes one file out of a .deb; answers its digest. */
export async function extractMember(
  deb: string,
  member: string,
  file: string,
  signal: AbortSignal,
): Promise<Digest> {
  const folder = `${file}.d`;
  const exit = await runProcess(['dpkg-deb', '--extract', deb, folder], { signal });
  try {
    const what = `take ${member} out of ${deb}`;
    if (exit.code !== 0)
      return fail({ kind: 'cannot-tell', host: 'controller', what, why: exit.stderr.trim() });
    await rename(join(folder, member), file);
    return await digestOfFile(file);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
