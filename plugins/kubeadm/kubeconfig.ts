/** What kubectl needs to reach the cluster from elsewhere, and how it stands beside what somebody has already. */
import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { getBuiltinModule } from 'node:process';
import { fail, type Host, type Json } from '../../core/mod.ts';

/** By what name it stands in a kubeconfig, and who put it there. */
export interface Mine {
  readonly name: string;
  readonly owner: string;
  /** Whether the cluster has an address of its own, which is in its credentials already. */
  readonly shared: boolean;
}

type Document = { readonly [key: string]: Json | undefined };

/** The kinds of entries, each a list of a kubeconfig, and where in an entry its content is. */
const LISTS = { clusters: 'cluster', users: 'user', contexts: 'context' } as const;
type List = keyof typeof LISTS;
const ALL = Object.keys(LISTS) as readonly List[];

/** By this kubectl keeps what others have noted in an entry. */
const NOTE = 'cc';

/** From the credentials of the administrator on a host, and the certificate of its API behind them. */
export function ownFrom(printed: string, { name, owner, shared }: Mine, host: Host) {
  const end = printed.indexOf('-----BEGIN CERTIFICATE-----');
  const admin = parsed(end < 0 ? printed : printed.slice(0, end));
  const [cluster, user] = [contentIn(admin, 'clusters'), contentIn(admin, 'users')];
  const { server, says } = shared
    ? { server: String(cluster['server']), says: [] }
    : reached(String(cluster['server']), host, end < 0 ? undefined : certificateIn(printed.slice(end)));
  const extensions = [{ name: NOTE, extension: { owner } }];
  const entry = (list: List, content: Document) => [{ name, [LISTS[list]]: { ...content, extensions } }];
  const config: Document = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: entry('clusters', { ...cluster, server }),
    users: entry('users', user),
    contexts: entry('contexts', { cluster: name, user: name }),
    'current-context': name,
  };
  return { config, says };
}

/** An error of the parser would quote what is a secret. */
function parsed(text: string): Document {
  try {
    return JSON.parse(text) as Document; // as kubectl prints it
  } catch {
    throw new Error('kubectl printed no JSON');
  }
}

/** OpenSSL takes a while to load, and recipes are read far more often than this. */
function certificateIn(text: string): X509Certificate {
  const { X509Certificate } = getBuiltinModule('node:crypto');
  return new X509Certificate(text);
}

/** kubeadm writes one of each. */
function contentIn(admin: Document, list: List): Document {
  const [first] = entriesOf(admin, list);
  return (first?.[LISTS[list]] ?? {}) as Document; // as kubectl prints it
}

/** The address by which cc itself reaches the host, where the certificate has it; else that of the credentials. */
function reached(server: string, { connection }: Host, certificate: X509Certificate | undefined) {
  const url = new URL(server);
  if (connection.kind === 'local' || connection.address === url.hostname) return { server, says: [] };
  const { address } = connection;
  const carried = isIP(address) ? certificate?.checkIP(address) : certificate?.checkHost(address);
  const port = url.port === '' ? '' : `:${url.port}`;
  const named = isIP(address) === 6 ? `[${address}]` : address;
  if (carried !== undefined) return { server: `https://${named}${port}`, says: [] };
  const names = (certificate?.subjectAltName ?? 'none').replaceAll(/(DNS|IP Address):/g, '');
  return {
    server,
    says: [
      `the address is that of the credentials, ${server}: the certificate of the API does not have ${address}, by which cc reaches the host`,
      `it has ${names}`,
    ],
  };
}

/** Beside all that is there. What stands there under its name is replaced only where it came from here. */
export function mergedInto(
  there: Json | undefined,
  own: Document,
  { path, mine }: { readonly path: string; readonly mine: Mine },
): Document {
  const before = documentIn(there, path);
  const foreign = ALL.filter((list) => entriesOf(before, list).some((each) => isForeign(each, list, mine)));
  if (foreign.length > 0)
    fail({
      kind: 'cannot-change',
      host: 'controller',
      what: `the entries "${mine.name}" of ${path}`,
      differences: foreign.map((list) => ({
        ...{
          what: `the ${LISTS[list]} of that name`,
          is: 'not from cc for this recipe',
          declared: 'from it',
        },
      })),
      fix: 'rename them there, or have another file: KUBECONFIG=FILE cc kubeconfig --merge',
    });
  const lists = ALL.map((list) => {
    const others = entriesOf(before, list).filter(({ name }) => name !== mine.name);
    return [list, [...others, ...entriesOf(own, list)]] as const;
  });
  const current = before['current-context'] || own['current-context'];
  return { ...own, ...before, ...Object.fromEntries(lists), 'current-context': current };
}

function isForeign(entry: Document, list: List, { name, owner }: Mine): boolean {
  if (entry['name'] !== name) return false;
  const { extensions } = (entry[LISTS[list]] ?? {}) as { extensions?: Json };
  const notes = Array.isArray(extensions) ? (extensions as readonly Document[]) : [];
  return !notes.some(
    ({ name, extension }) => name === NOTE && isDocument(extension) && extension['owner'] === owner,
  );
}

/** The lists of what is no kubeconfig would be lost. */
function documentIn(there: Json | undefined, path: string): Document {
  if (there === undefined || there === null) return {};
  const odd = (why: string) =>
    fail({ kind: 'config-unreadable', file: path, why: `it is no kubeconfig: ${why}` });
  if (!isDocument(there)) return odd('it holds no keys');
  for (const list of ALL) {
    const value = there[list] ?? [];
    if (!Array.isArray(value) || !value.every((each) => isDocument(each)))
      odd(`${list} is no list of entries`);
  }
  return there;
}

function entriesOf(document: Document, list: List): readonly Document[] {
  return (document[list] ?? []) as readonly Document[]; // as kubectl prints it, or `documentIn` has seen
}

function isDocument(value: Json | undefined): value is Document {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
