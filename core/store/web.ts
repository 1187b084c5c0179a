/** One address asked for bytes: over HTTP, through the proxy that is meant for it, or from a file system. */
import { createReadStream, statSync } from 'node:fs';
import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';
import { Agent as TlsAgent, request as tlsRequest } from 'node:https';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { fail, type Trouble } from '../model/failure.ts';
import { type Network, type Proxies, withoutSecrets } from './network.ts';

/** What to ask for: the bytes from `from` on, if what is there is still what `validator` says. */
export interface Range {
  readonly from: number;
  readonly validator?: string;
}

export interface Answer {
  /** Where in the file the body begins: what was asked for, or 0 when the server sends all of it. */
  readonly start: number;
  /** Bytes of the whole file, where the server says so. */
  readonly total: number | undefined;
  /** Tells these bytes from later ones of the same address (RFC 9110, section 13.1.5). */
  readonly validator: string | undefined;
  /** The server calls it a web page. */
  readonly page: boolean;
  readonly body: Readable;
}

/** Carries why an address would not do to whoever may try another one. */
export class Troubled extends Error {
  readonly trouble: Trouble;

  constructor(trouble: Trouble, cause?: unknown) {
    super(trouble.kind, { cause });
    this.trouble = trouble;
  }
}

export function troubled(trouble: Trouble, cause?: unknown): never {
  throw new Troubled(trouble, cause);
}

const REDIRECTS = 10;

/** ensures: the body begins at `range.from` or at 0; an address that gives no bytes is `Troubled`. */
export async function ask(url: string, range: Range, network: Network, signal: AbortSignal): Promise<Answer> {
  if (url.startsWith('file:')) return fromDisk(url, range, signal);
  if (!/^https?:$/.test(URL.canParse(url) ? new URL(url).protocol : ''))
    return troubled({ kind: 'broken', why: 'it is no URL of https, http or file' });
  const { from, validator } = range;
  const headers = {
    ...(from > 0 ? { range: `bytes=${from}-` } : {}),
    ...(from > 0 && validator ? { 'if-range': validator } : {}),
  };
  const response = await opened(url, headers, network, signal);
  const answer = read(response, range);
  if (answer) return answer;
  if (from === 0) return answered(response);
  response.destroy();
  return ask(url, { from: 0 }, network, signal); // it cannot go on from there
}

/** A whole file; what is no such answer is `Troubled`. */
export function answered(response: IncomingMessage): Answer {
  const answer = read(response, { from: 0 });
  if (answer) return answer;
  response.destroy();
  const { statusCode: status = 0, statusMessage: text = '' } = response;
  return troubled({ kind: 'refused', status, text });
}

/** undefined: there are no bytes in it, or other ones than were asked for. */
function read(response: IncomingMessage, { from }: Range): Answer | undefined {
  const { statusCode, headers } = response;
  const { etag, 'last-modified': modified, 'content-type': type, 'content-length': length } = headers;
  const rest = {
    validator: etag?.startsWith('"') ? etag : modified,
    page: /^\s*text\/html\b/i.test(type ?? ''),
    body: response,
  };
  if (statusCode === 200) return { start: 0, total: length ? Number(length) : undefined, ...rest };
  if (statusCode !== 206) return undefined;
  const [, start, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers['content-range'] ?? '') ?? [];
  if (start === undefined || Number(start) !== from) return undefined;
  return { start: from, total: total === '*' ? undefined : Number(total), ...rest };
}

/** Follows redirects, but never from https to http; who is given authority at one place has none at another. */
export async function opened(
  url: string,
  { authorization, ...headers }: Readonly<Record<string, string>>,
  network: Network,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  let at = new URL(url);
  const { origin } = at;
  for (let hop = 0; hop <= REDIRECTS; hop++) {
    const own = authorization !== undefined && at.origin === origin ? { authorization } : {};
    const response = await sent(at, { ...headers, ...own }, network, signal);
    const { location } = response.headers;
    if (!/^30[12378]$/.test(String(response.statusCode)) || location === undefined) return response;
    response.destroy();
    if (!URL.canParse(location, at.href))
      return troubled({ kind: 'broken', why: 'it leads to no address at all' });
    const next = new URL(location, at);
    if (next.protocol !== 'https:' && next.protocol !== at.protocol)
      return troubled({ kind: 'broken', why: `it leads from ${at.protocol} to ${next.protocol}` });
    at = next;
  }
  return troubled({ kind: 'broken', why: `it leads on more than ${REDIRECTS} times` });
}

function sent(url: URL, more: Readonly<Record<string, string>>, network: Network, signal: AbortSignal) {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const headers = { 'user-agent': 'cc-kubernetes', ...more };
  const secure = url.protocol === 'https:';
  const proxyEnv = usable(network.proxies);
  let asking: ClientRequest;
  try {
    asking = secure
      ? // Whatever the environment says: an address that anybody may answer for vouches for nothing.
        tlsRequest(url, { headers, signal, agent: new TlsAgent({ proxyEnv }), rejectUnauthorized: true })
      : request(url, { headers, signal, agent: new Agent({ proxyEnv }) });
  } catch (error) {
    return troubled({ kind: 'broken', why: `it cannot be asked: ${reasonOf(error)}` }, error); // %zz in a password
  }
  asking.on('response', resolve);
  asking.on('error', (error) => reject(new Troubled({ kind: 'broken', why: reasonOf(error) }, error)));
  asking.end();
  return promise;
}

/** An error's message, or that of the first cause that has one; addresses in it lose their passwords. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return reasonOf(error.errors[0]);
  return withoutSecrets(error instanceof Error ? error.message || error.name : String(error));
}

/** Agents take proxies from Node 24.5 and 22.21 on; an older one would go around them without a word. */
function usable(proxies: Proxies): Proxies {
  for (const name of ['http_proxy', 'https_proxy'] as const) {
    const proxy = proxies[name];
    if (proxy === undefined) continue;
    const { protocol, host } = URL.canParse(proxy) ? new URL(proxy) : { protocol: '', host: '' };
    // Without a host there is no telling which part of it is a password.
    const shown = host === '' ? `the value of ${name}` : `the proxy ${withoutSecrets(proxy)}`;
    if (!/^https?:$/.test(protocol)) {
      const fix = `set ${name}, or ${name.replace(/(.*)_proxy/, 'proxy.$1')} of the recipe, to an http:// or https:// URL`;
      fail({ kind: 'proxy-unusable', proxy: shown, why: 'cc knows proxies of http and https only', fix });
    }
    if (!takesProxies(process.versions.node)) {
      const why = `Node ${process.versions.node} cannot go through proxies`;
      fail({ kind: 'proxy-unusable', proxy: shown, why, fix: 'run cc on Node 24.5 or newer, or on 22.21' });
    }
  }
  return proxies;
}

/** Whether `http.Agent` of a version of Node knows `proxyEnv` (Node's doc/api/http.md). */
export function takesProxies(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 24 || (major === 24 && minor >= 5) || (major === 22 && minor >= 21);
}

function fromDisk(url: string, { from }: Range, signal: AbortSignal): Answer {
  try {
    const path = fileURLToPath(url);
    const total = statSync(path).size;
    const start = from < total ? from : 0;
    const body = createReadStream(path, { start, highWaterMark: 256 * 1024, signal });
    return { start, total, validator: undefined, page: false, body };
  } catch (error) {
    return troubled({ kind: 'broken', why: reasonOf(error) }, error);
  }
}
