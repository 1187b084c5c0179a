/** Trees of commits, fetched by git itself: its hash of the commit says what they must be. */
import { rename, rm } from 'node:fs/promises';
import { digestOfFile } from '../host/hash.ts';
import { runProcess } from '../host/own-agent.ts';
import type { ExecOptions, Exit } from '../host/transport.ts';
import type { Artifact, Source } from '../model/artifact.ts';
import type { Digest } from '../model/digest.ts';
import { type Attempt, fail } from '../model/failure.ts';
import type { Fetching } from './download.ts';
import { addresses, proxyEnv, withoutSecrets } from './network.ts';

type GitSource = Extract<Source, { kind: 'git' }>;
export type GitArtifact = Artifact & { readonly source: GitSource };

export function isGit(artifact: Artifact): artifact is GitArtifact {
  return artifact.source.kind === 'git';
}

/** Nobody is there to answer a question. */
const ENV = { GIT_TERMINAL_PROMPT: '0' };

/** Writes the tree of a commit to a file, as a tar archive; answers the digest of the file. */
export function fetchTree(
  name: string,
  source: GitSource,
  file: string,
  fetching: Fetching,
): Promise<Digest> {
  return withCommit(name, source, `${file}.git`, fetching, (git) => writeTree(git, name, source, file));
}

/** Without settings, attributes and templates of the user or the system: what is made of a commit depends on it alone. */
const ALONE = {
  ...{ HOME: '/dev/null', XDG_CONFIG_HOME: '/dev/null', GIT_CONFIG_GLOBAL: '/dev/null' },
  ...{ GIT_CONFIG_NOSYSTEM: '1', GIT_ATTR_NOSYSTEM: '1', GIT_CONFIG_COUNT: '0' },
};

/** With what a server had packed made anew, the same version of git makes the same bytes; how, many threads race for. */
const PACK = ['-c', 'pack.writeReverseIndex=false', 'pack-objects', '-q', '--revs', '--threads=1'];
const ANEW = ['--no-reuse-delta', '--no-reuse-object'];

/** Writes all objects of a commit to a file, as a pack: what `readPack` makes the tree of again. */
export function fetchPack(name: string, source: GitSource, file: string, fetching: Fetching): Promise<void> {
  return withCommit(name, source, `${file}.git`, fetching, async (git) => {
    const hash = await done(git, name, [...PACK, ...ANEW, file], { env: ALONE, input: `${source.commit}\n` });
    await rename(`${file}-${hash.trim()}.pack`, file);
    await rm(`${file}-${hash.trim()}.idx`);
  });
}

/** Like `fetchTree`, from a pack, whoever it is from: git names objects by what is in them. */
export async function readPack(
  name: string,
  source: GitSource,
  pack: string,
  file: string,
  fetching: Fetching,
): Promise<Digest> {
  const folder = `${file}.git`;
  const git = gitIn(folder, fetching);
  try {
    await done(git, name, INIT);
    await done(git, name, ['index-pack', '--stdin'], { input: { file: pack } });
    return await writeTree(git, name, source, file);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

type Given = Pick<ExecOptions, 'env' | 'input'>;
type Git = (words: readonly string[], given?: Given) => Promise<Exit>;

const INIT = ['init', '--quiet', '--bare', '--template='];

function gitIn(folder: string, { network, signal }: Fetching): Git {
  return (words, { env, ...given } = {}) =>
    runProcess(['git', `--git-dir=${folder}`, ...words], {
      ...given,
      env: { ...ENV, ...proxyEnv(network), ...env },
      signal,
    });
}

async function writeTree(git: Git, name: string, { commit }: GitSource, file: string): Promise<Digest> {
  const archive = ['-c', 'tar.umask=0022', 'archive', '--format=tar', `--output=${file}`, commit];
  await done(git, name, archive, { env: ALONE });
  return digestOfFile(file);
}

/** What git says when it does as it was told. */
async function done(git: Git, name: string, words: readonly string[], given?: Given): Promise<string> {
  const { code, stdout, stderr } = await git(words, given);
  if (code === 0) return stdout;
  const what = `read the commit of ${name}`;
  return fail({ kind: 'cannot-tell', host: 'controller', what, why: stderr.trim() });
}

/**
 * Fetches a commit into a repository that is there as long as it is used. A server need not give out a commit by its
 * hash; then the branch or tag that is said to hold it is fetched.
 */
async function withCommit<Value>(
  name: string,
  { repository, commit, ref }: GitSource,
  folder: string,
  fetching: Fetching,
  use: (git: Git) => Promise<Value>,
): Promise<Value> {
  const { network, reporter, signal } = fetching;
  const git = gitIn(folder, fetching);
  try {
    await git(INIT);
    const attempts: Attempt[] = [];
    for (const address of addresses(repository, network)) {
      const url = withoutSecrets(address);
      reporter.log(`from ${url}`);
      const said: string[] = [];
      for (const wanted of [commit, ...(ref === undefined ? [] : [ref])]) {
        const { code, stderr } = await git(['fetch', '--quiet', '--depth=1', '--no-tags', address, wanted]);
        if (code === 127) fail({ kind: 'missing-tool', host: 'controller', tool: 'git', package: 'git' });
        said.push(stderr.trim());
        if ((await git(['cat-file', '-e', `${commit}^{tree}`])).code === 0) return await use(git);
      }
      signal.throwIfAborted();
      const why = withoutSecrets(said.filter(Boolean).join('; ') || `${ref} there is another commit`);
      attempts.push({ url, trouble: { kind: 'broken', why } });
      reporter.attempt(attempts.at(-1)!); // just put there
    }
    return fail({ kind: 'fetch-failed', artifact: name, attempts });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
