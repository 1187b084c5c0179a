/** Debian's archive through apt, with folders of cc's own: the host's apt is asked for its mirror and left alone. */
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { carefulWords } from '../host/careful-apt.ts';
import { digestOfFile } from '../host/hash.ts';
import { runProcess } from '../host/own-agent.ts';
import type { Source } from '../model/artifact.ts';
import { asDigest, type Digest } from '../model/digest.ts';
import { fail } from '../model/failure.ts';
import type { Fetching } from './download.ts';
import { proxyEnv } from './network.ts';
import { excerptIn, forgetExcerpt } from './paths.ts';

type DebianSource = Extract<Source, { kind: 'deb' | 'deb-source' }>;
type Debs = Extract<Source, { kind: 'debs' }>;

export interface DebianFile {
  readonly url: string;
  /** As the signed index of the archive states it. */
  readonly digest: Digest;
}

/**
 * apt with the folders below `apt`, which holds a `sources.list`; everything else of the host's apt stays as it is, but that it
 * believes nothing that is not signed.
 */
async function aptOptions(apt: string, signal: AbortSignal): Promise<readonly string[]> {
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
    'Acquire::ForceHash': 'SHA256',
    'Acquire::GzipIndexes': 'false',
  };
  const { stdout } = await runProcess(['apt-config', 'dump'], { signal });
  return [
    ...Object.entries(set).flatMap(([key, value]) => ['-o', `${key}=${value}`]),
    ...carefulWords(stdout),
  ];
}

/** What the host does after an update of its own, as desktops refresh their catalogues, is not for this one. */
const NO_HOOKS = ['Pre-Invoke', 'Post-Invoke', 'Post-Invoke-Success']
  .map((hook) => `#clear APT::Update::${hook};\n`)
  .join('');

/** One update for each folder and process; every fetch waits for the same one. */
const updated = new Map<string, Promise<void>>();

async function updating(apt: string, { network, signal }: Fetching): Promise<void> {
  // Of an index that it has already apt does not look whether somebody has changed it.
  await rm(join(apt, 'lists'), { recursive: true, force: true });
  await mkdir(join(apt, 'lists', 'partial'), { recursive: true });
  await mkdir(join(apt, 'cache', 'archives', 'partial'), { recursive: true });
  const quiet = join(apt, 'quiet.conf');
  await writeFile(quiet, NO_HOOKS);
  const options = await aptOptions(apt, signal);
  const exit = await runProcess(['apt-get', '-c', quiet, ...options, '-q', 'update'], {
    env: proxyEnv(network),
    signal,
  });
  if (exit.code === 0) return;
  signal.throwIfAborted(); // an interruption says nothing of the archive
  if (exit.code === 127) fail({ kind: 'missing-tool', host: 'controller', tool: 'apt-get', package: 'apt' });
  const why = exit.stderr.trim();
  if (!existsSync(excerptIn(apt))) fail({ kind: 'no-mirror', mirror: join(apt, 'sources.list'), why });
  forgetExcerpt(apt); // or it would be in the way of every other archive
  fail({ kind: 'bad-excerpt', why });
}

/** Asks the archive for its indices, because those that are here may be older than it. */
function update(apt: string, fetching: Fetching): Promise<void> {
  const known = updated.get(apt) ?? updating(apt, fetching);
  updated.set(apt, known);
  return known;
}

/** Where a package file is and what it must be. */
export async function resolveDebian(source: DebianSource, fetching: Fetching): Promise<DebianFile> {
  const { apt } = source;
  await update(apt, fetching);
  const name = `${source.package}/${source.suite}`;
  if (source.kind === 'deb' && source.follow) return followed(source, source.follow, fetching);
  const verb =
    source.kind === 'deb' ? ['download', name] : ['--download-only', '--only-source', 'source', name];
  const { files, why } = await named(await aptOptions(apt, fetching.signal), verb, fetching.signal);
  const file = files.find(({ url }) => source.kind === 'deb' || /\.orig\.tar\.\w+$/.test(url));
  return file ?? unnamed(source.package, name, why);
}

/** The file of the package that another one needs. */
async function followed(
  { apt, package: from, suite }: Extract<Source, { kind: 'deb' }>,
  begin: string,
  { signal }: Fetching,
): Promise<DebianFile> {
  const { files, why } = await installed(apt, suite, [from], signal);
  const named = (url: string) => url.slice(url.lastIndexOf('/') + 1).split('_')[0] ?? '';
  const file = files.find(({ url }) => named(url) !== from && named(url).startsWith(begin));
  const lacking = files.length > 0 ? `${from} needs no package whose name begins with "${begin}"` : why;
  return file ?? unnamed(`${begin}…`, `${from}/${suite}`, lacking);
}

/** The files of packages and of all they need, as a tool picks them that makes a system of one suite. */
export async function resolveDebs(
  { apt, packages, suite }: Debs,
  fetching: Fetching,
): Promise<readonly DebianFile[]> {
  await update(apt, fetching);
  const { files, why } = await installed(apt, suite, [SYSTEM, 'apt', ...packages], fetching.signal);
  return files.length > 0 ? files : unnamed(packages.join(', '), suite, why);
}

/** What apt would fetch of one suite to install packages where nothing is. */
async function installed(apt: string, suite: string, packages: readonly string[], signal: AbortSignal) {
  const list = `Dir::Etc::sourcelist=${join(apt, `${suite}.list`)}`;
  const options = [...(await aptOptions(apt, signal)), '-o', list];
  return named(options, ['--yes', '--no-install-recommends', 'install', ...packages], signal);
}

/** What every system has, whatever else is asked for: https://manpages.debian.org/apt-patterns */
const SYSTEM = '?or(?essential,?priority(required))';

/** The files that apt would fetch, by the signed indices; `why` it names none, where it does. */
async function named(
  options: readonly string[],
  verb: readonly string[],
  signal: AbortSignal,
): Promise<{ readonly files: readonly DebianFile[]; readonly why: string }> {
  const argv = ['apt-get', ...options, '--print-uris', '-q', ...verb];
  const { code, stdout, stderr } = await runProcess(argv, { signal });
  const files = stdout.split('\n').flatMap((line) => {
    const [, url, sum = ''] = /^'([^']+)' \S+ \d+ SHA256:([0-9a-f]{64})$/.exec(line.trim()) ?? [];
    const digest = asDigest(sum);
    return url && digest ? [{ url: plainUrl(url), digest }] : [];
  });
  return { files, why: stderr.trim() || `apt names no file with a SHA-256 (exit ${code})` };
}

/** `copy:` is apt's word for a folder whose files it copies. */
function plainUrl(address: string): string {
  return address.replace(/^copy:/, 'file://');
}

function unnamed(artifact: string, url: string, why: string): never {
  return fail({ kind: 'fetch-failed', artifact, attempts: [{ url, trouble: { kind: 'broken', why } }] });
}

/** One index of the archive, as apt has it. */
export interface Index {
  /** The archive's address, with a slash at its end. */
  readonly archive: string;
  readonly suite: string;
  /** Below the folder of the suite: `main/binary-amd64/Packages`. */
  readonly path: string;
  /** The signed list of all indices of the suite, whose signature apt has verified. */
  readonly release: string;
}

/** The indices that apt uses, after they were brought up to date. */
export async function indicesOf(apt: string, fetching: Fetching): Promise<readonly Index[]> {
  await update(apt, fetching);
  const format = '$(REPO_URI) $(RELEASE) $(METAKEY) $(FILENAME)';
  const options = await aptOptions(apt, fetching.signal);
  const argv = ['apt-get', ...options, 'indextargets', '--format', format];
  const { stdout } = await runProcess(argv, { signal: fetching.signal });
  return stdout.split('\n').flatMap((line) => {
    const [archive, suite, path, file] = line.split(' ');
    if (!archive || !suite || !path || !file) return [];
    const release = `${file.slice(0, file.lastIndexOf(`_${path.replaceAll('/', '_')}`))}_InRelease`;
    return [{ archive: plainUrl(archive), suite, path, release }];
  });
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
