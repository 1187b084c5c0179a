/**
 * Signatures of Sigstore on releases themselves, verified by cosign where that is installed: it knows the authorities and
 * the public log that such signatures rest on. Nothing here stands in for it.
 */
import { runProcess } from '../host/own-agent.ts';
import type { Sigstore } from '../model/artifact.ts';
import { Failed, fail } from '../model/failure.ts';
import type { Fetching } from './download.ts';
import type { Said } from './lock.ts';
import { proxyEnv } from './network.ts';

/** Brings what is at an address for as long as it is used. */
export type Take = <Value>(
  url: string,
  use: (file: string, from: string) => Promise<Value>,
) => Promise<Value>;

const OPTIONS = { bundle: '--bundle', signature: '--signature', certificate: '--certificate' } as const;

/** Who has signed a file; undefined where that was not verified, which is said. Fails where cosign does not confirm it. */
export async function cosigned(
  name: string,
  file: string,
  sigstore: Sigstore,
  take: Take,
  fetching: Fetching,
): Promise<Said | undefined> {
  const { reporter, signal } = fetching;
  const said = `is signed by ${sigstore.identity}, which is not verified`;
  if ((await runProcess(['cosign', 'version'], { signal })).code === 127) {
    reporter.log(`${said}: cosign is not installed`);
    return undefined;
  }
  const urls = Object.entries(sigstore.files) as readonly (readonly [keyof typeof OPTIONS, string])[];
  try {
    return await confirmed(urls, [], take, async (words, from) => {
      await confirm(name, file, sigstore, words, fetching);
      return { trust: 'signed', from, signedBy: sigstore.identity } as const;
    });
  } catch (error) {
    if (!(error instanceof Failed) || error.failure.kind !== 'fetch-failed') throw error;
    reporter.log(`${said}: its signature cannot be had`);
    return undefined;
  }
}

/** Has all files of a signature while it is used; `from` is where the first one came from. */
async function confirmed<Value>(
  [first, ...rest]: readonly (readonly [keyof typeof OPTIONS, string])[],
  words: readonly string[],
  take: Take,
  use: (words: readonly string[], from: string) => Promise<Value>,
): Promise<Value> {
  const [option, url] = first!; // there is at least one
  return take(url, (file, from) => {
    const all = [...words, OPTIONS[option], file];
    return rest.length === 0 ? use(all, from) : confirmed(rest, all, take, (given) => use(given, from));
  });
}

async function confirm(
  name: string,
  file: string,
  { identity, issuer }: Sigstore,
  words: readonly string[],
  { network, signal }: Fetching,
): Promise<void> {
  const whose = ['--certificate-identity', identity, '--certificate-oidc-issuer', issuer];
  const argv = ['cosign', 'verify-blob', ...words, ...whose, file];
  const { code, stderr } = await runProcess(argv, { env: proxyEnv(network), signal });
  if (code === 0) return;
  const what = `confirm by cosign that ${identity} has signed ${name}`;
  fail({ kind: 'cannot-tell', host: 'controller', what, why: stderr.trim() || `cosign exited ${code}` });
}
