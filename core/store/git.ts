/** Trees of commits, fetched by git itself: its hash of the commit says what they must be. */
import { rm } from 'node:fs/promises';
import { digestOfFile } from '../host/hash.ts';
import { runProcess } from '../host/process.ts';
import type { Source } from '../model/artifact.ts';
import type { Digest } from '../model/digest.ts';
import { type Attempt, fail } from '../model/failure.ts';
import type { Fetching } from './download.ts';
import { addresses, proxyEnv, withoutSecrets } from './network.ts';

type GitSource = Extract<Source, { kind: 'git' }>;

/** Nobody is there to answer a question. */
const ENV = { GIT_TERMINAL_PROMPT: '0' };

/**
 * Writes the tree of a commit to a file, as a tar archive; answers the digest of the file.
 * A server need not give out a commit by its hash; then the branch or tag that is said to hold it is fetched.
 */
export async function fetchTree(
  name: string,
  { repository, commit, ref }: GitSource,
  file: string,
  { network, telling, signal }: Fetching,
): Promise<Digest> {
  const folder = `${file}.git`;
  const git = (...words: readonly string[]) =>
    runProcess(['git', `--git-dir=${folder}`, ...words], { env: { ...ENV, ...proxyEnv(network) }, signal });
  try {
    await git('init', '--quiet', '--bare');
    const attempts: Attempt[] = [];
    for (const address of addresses(repository, network)) {
      const url = withoutSecrets(address);
      telling.log(`from ${url}`);
      const said: string[] = [];
      for (const wanted of [commit, ...(ref === undefined ? [] : [ref])]) {
        const { code, stderr } = await git('fetch', '--quiet', '--depth=1', '--no-tags', address, wanted);
        if (code === 127) fail({ kind: 'missing-tool', host: 'controller', tool: 'git', package: 'git' });
        said.push(stderr.trim());
        // Through a variable of the user's own, tar.umask would make other bytes of the same tree.
        const archive = ['archive', '--format=tar', `--output=${file}`, commit];
        if ((await git('-c', 'tar.umask=0022', ...archive)).code === 0) return await digestOfFile(file);
      }
      signal.throwIfAborted();
      const why = withoutSecrets(said.filter(Boolean).join('; ') || `${ref} there is another commit`);
      attempts.push({ url, trouble: { kind: 'broken', why } });
      telling.attempt(attempts.at(-1)!); // just put there
    }
    return fail({ kind: 'fetch-failed', artifact: name, attempts });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
