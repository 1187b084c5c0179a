/** From what a user says of hosts to the hosts that are meant: `--limit w-3,control-plane,zone=a`. */
import { addressOf, machineOf } from '../model/address.ts';
import { fail } from '../model/failure.ts';
import type { Host } from '../model/plugin.ts';
import { nearest } from './near.ts';

/** The hosts of all words; `left` are hosts that left the recipe, which are meant by name or address alone. */
export function meant(text: string, hosts: readonly Host[], left: readonly Host[] = []): readonly Host[] {
  const found = new Set(text.split(',').flatMap((word) => byWord(word.trim(), hosts, left)));
  return [...hosts, ...left].filter((host) => found.has(host));
}

/** The one host that is meant by its name or its address. */
export function hostMeant(word: string, hosts: readonly Host[]): Host {
  const [found] = calledBy(word, hosts, 'ssh');
  if (found) return found;
  const near = nearest(
    word,
    hosts.map(({ name }) => name),
  );
  return fail({ kind: 'unknown-name', what: 'a host', name: word, ...(near ? { near } : {}) });
}

function byWord(word: string, hosts: readonly Host[], left: readonly Host[]): readonly Host[] {
  const all = [...hosts, ...left];
  const called = calledBy(word, all, 'run');
  const sorted = hosts.filter((host) => kindsOf(host).includes(word));
  if (called.length === 0 && sorted.length === 0) return unknown(word, all);
  if (called.length === 0 || sorted.every((host) => called.includes(host)))
    return called.length > 0 ? called : sorted;
  const names = sorted.map(({ name }) => name).join(',');
  return unclear(
    `Cannot tell what is meant by ${word}: a host is called so, and ${names} have this role; name hosts`,
  );
}

/** Several names of one machine, maybe; where a word calls several machines, it is refused. */
function calledBy(word: string, hosts: readonly Host[], command: string): readonly Host[] {
  const called = hosts.filter((host) => isCalled(host, word));
  if (new Set(called.map(machineOf)).size < 2) return called;
  const each = called.map((host) => `${host.name} at ${addressOf(host)}`).join(', ');
  const isNamed = new Set(called.map(({ name }) => name)).size === called.length;
  const way = isNamed ? 'a host' : 'an address';
  return unclear(`Cannot tell which host is meant by ${word}: ${each}; name ${way}`, command);
}

/** By its name or its address, with or without the port. */
function isCalled(host: Host, word: string): boolean {
  const { name, connection } = host;
  return [name, addressOf(host), connection.kind === 'ssh' ? connection.address : name].includes(word);
}

/** Its roles, and its labels as `key=value`. */
export function kindsOf({ roles, labels = {} }: Pick<Host, 'roles' | 'labels'>): readonly string[] {
  return [...roles, ...Object.entries(labels).map(([key, value]) => `${key}=${value}`)];
}

function unknown(word: string, hosts: readonly Host[]): never {
  const near = nearest(
    word,
    hosts.flatMap((host) => [host.name, ...kindsOf(host)]),
  );
  return fail({
    kind: 'unknown-name',
    what: 'a host, a role or a label',
    name: word,
    ...(near ? { near } : {}),
  });
}

function unclear(message: string, command = 'run'): never {
  return fail({ kind: 'usage', message, command });
}
