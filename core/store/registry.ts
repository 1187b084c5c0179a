/**
 * A registry of container images asked for a manifest, whose digest is that of the image:
 * https://github.com/opencontainers/distribution-spec, and https://distribution.github.io/distribution/spec/auth/token/.
 */
import type { IncomingMessage } from 'node:http';
import type { Network } from './network.ts';
import { type Answer, answered, ask, opened, type Range, reasonOf, Troubled, troubled } from './web.ts';

/** The lists of all processors first: one of these is what a name stands for on every host. */
const MANIFESTS = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ');

/** As `ask`, for a manifest; a registry may want a token of whoever asks, and gives one to anybody for what is public. */
export async function askManifest(
  url: string,
  range: Range,
  network: Network,
  signal: AbortSignal,
): Promise<Answer> {
  if (!/^https?:/.test(url)) return ask(url, range, network, signal);
  const accept = { accept: MANIFESTS };
  const first = await opened(url, accept, network, signal);
  const challenge = first.statusCode === 401 ? first.headers['www-authenticate'] : undefined;
  if (challenge === undefined) return answered(first);
  first.destroy();
  const authorization = `Bearer ${await token(challenge, url, network, signal)}`;
  return answered(await opened(url, { ...accept, authorization }, network, signal));
}

/** What a registry's own service gives to somebody without a name, who only reads. */
async function token(challenge: string, url: string, network: Network, signal: AbortSignal): Promise<string> {
  const fields = Object.fromEntries(
    [...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, key = '', value = '']) => [key, value]),
  );
  const { realm = '', service, scope } = fields;
  if (!/^bearer /i.test(challenge) || !URL.canParse(realm))
    return troubled({ kind: 'refused', status: 401, text: 'it wants a password' });
  const at = new URL(realm);
  const { protocol } = new URL(url);
  if (at.protocol !== 'https:' && at.protocol !== protocol)
    return troubled({ kind: 'broken', why: `it leads from ${protocol} to ${at.protocol} for a token` });
  if (service !== undefined) at.searchParams.set('service', service);
  if (scope !== undefined) at.searchParams.set('scope', scope);
  const response = await opened(at.href, {}, network, signal);
  if (response.statusCode !== 200) {
    response.destroy();
    const text = `${response.statusMessage} (for a token)`;
    return troubled({ kind: 'refused', status: response.statusCode ?? 0, text });
  }
  return tokenIn(await textOf(response));
}

/** A token has a few kilobytes. */
const LIMIT = 1024 * 1024;

async function textOf(response: IncomingMessage): Promise<string> {
  let text = '';
  try {
    for await (const piece of response.setEncoding('utf8') as AsyncIterable<string>) {
      text += piece;
      if (text.length > LIMIT) return troubled({ kind: 'too-large', limit: LIMIT });
    }
  } catch (error) {
    if (error instanceof Troubled) throw error;
    return troubled({ kind: 'broken', why: reasonOf(error) }, error);
  } finally {
    response.destroy();
  }
  return text;
}

function tokenIn(text: string): string {
  try {
    const { token, access_token: other } = JSON.parse(text) as { token?: unknown; access_token?: unknown };
    const found = token ?? other;
    if (typeof found === 'string' && /^[\x21-\x7e]+$/.test(found)) return found;
  } catch {
    // told below
  }
  return troubled({ kind: 'broken', why: 'it gives no token' });
}
