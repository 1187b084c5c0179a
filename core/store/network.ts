/** How bytes from elsewhere are reached: mirrors to try first, and proxies to go through. */
import { pathToFileURL } from 'node:url';
import type { Host } from '../model/plugin.ts';
import { hostProxy, type Proxied, proxyVariables } from '../model/proxy.ts';
import type { Mirror } from '../model/recipe.ts';

export interface Network {
  readonly mirrors: readonly Mirror[];
  /** Proxies by the names that programs read in their environment; what is not set goes direct. */
  readonly proxies: Proxies;
  /** The same for programs on hosts, of the recipe alone: what this machine's environment says is for this machine. */
  readonly onHosts: Proxies;
  /** Milliseconds without a byte after which a download counts as dead. */
  readonly idle: number;
}

/** Lower case alone, because libcurl reads no other `http_proxy`. */
export type Proxies = { readonly [K in 'http_proxy' | 'https_proxy' | 'no_proxy']?: string };

const IDLE = 60_000;

/** What the recipe says wins over what the environment says, each for itself. */
export function networkOf(
  mirrors: readonly Mirror[],
  { http, https, no }: Proxied,
  env: Readonly<Record<string, string | undefined>>,
  hosts: readonly Host[] = [],
): Network {
  const onHosts = hostProxy(
    { ...(http ? { http } : {}), ...(https ? { https } : {}), ...(no ? { no } : {}) },
    hosts,
  );
  const setting = (name: string, given: string | undefined) => {
    const value = given ?? env[name] ?? env[name.toUpperCase()];
    return value ? { [name]: value } : {};
  };
  const proxies = {
    ...setting('http_proxy', http),
    ...setting('https_proxy', https),
    ...setting('no_proxy', no),
  };
  return { mirrors, proxies, onHosts: onHosts ? proxyVariables(onHosts) : {}, idle: IDLE };
}

/** The environment that gives a program these proxies and no others. */
export function proxyEnv({ proxies }: Network): Readonly<Record<string, string>> {
  return Object.fromEntries(
    (['http_proxy', 'https_proxy', 'no_proxy'] as const).flatMap((name) => {
      const value = proxies[name] ?? '';
      return [
        [name, value],
        [name.toUpperCase(), value],
      ];
    }),
  );
}

/** Where to look for a URL, the best place first: mirrors of its longest known prefix in their order, then itself. */
export function addresses(url: string, { mirrors }: Network): readonly string[] {
  const plain = URL.canParse(url) ? new URL(url).href : url;
  const fitting = mirrors.filter(({ from }) => plain.startsWith(new URL(from).href));
  const longest = Math.max(...fitting.map(({ from }) => new URL(from).href.length));
  const best = fitting.filter(({ from }) => new URL(from).href.length === longest);
  return [...best.map(({ to }) => baseOf(to) + plain.slice(longest)), url];
}

/** The same for what vouches for bytes: itself before all mirrors, because a mirror must not vouch for what it serves. */
export function vouching(url: string, network: Network): readonly string[] {
  const [own = url, ...mirrors] = addresses(url, network).toReversed();
  return [own, ...mirrors.toReversed()];
}

function baseOf(to: string): string {
  return to.startsWith('/') ? `${pathToFileURL(to).href.replace(/\/$/, '')}/` : to;
}

/** An address, or a text that may hold some, without the user names and passwords in them. */
export function withoutSecrets(text: string): string {
  return plain(text).replaceAll(/\/\/[^/\s]*@/g, '//');
}

/** An address that is one as a whole may have any character in its password. */
function plain(text: string): string {
  if (!URL.canParse(text)) return text;
  const url = new URL(text);
  if (url.username === '' && url.password === '') return text;
  url.username = '';
  url.password = '';
  return url.href;
}
