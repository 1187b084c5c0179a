/** The hosts that a recipe has changed, as they were reached: they are known by this when nobody declares them any more. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sameData } from '../model/digest.ts';
import { codeOf, fail } from '../model/failure.ts';
import type { Host } from '../model/plugin.ts';
import { writeDurably } from './durable.ts';

const fileOf = (state: string) => join(state, 'hosts.json');

/** The file is written whole, so what cannot be read is not cc's, and no reason to forget hosts. */
export function knownHosts(state: string): readonly Host[] {
  const file = fileOf(state);
  try {
    const known: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (!Array.isArray(known) || !known.every(isHost)) throw new Error('it is no list of hosts');
    return known;
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return [];
    return fail({ kind: 'lock-unreadable', file, why: String(error) }, error);
  }
}

function isHost(value: unknown): value is Host {
  if (typeof value !== 'object' || value === null || !('name' in value) || !('connection' in value))
    return false;
  const { name, connection } = value;
  if (typeof name !== 'string' || typeof connection !== 'object' || connection === null) return false;
  const { kind, address } = connection as { kind?: unknown; address?: unknown };
  return kind === 'local' || (kind === 'ssh' && typeof address === 'string');
}

/** Notes a host before it is changed. */
export async function rememberHost(state: string, { name, roles, connection, arch }: Host): Promise<void> {
  const host: Host = { name, roles, connection, ...(arch === undefined ? {} : { arch }) };
  await inTurn(async () => {
    const known = knownHosts(state);
    if (!known.some((other) => isSame(other, host))) await keep(state, [...known, host]);
  });
}

/** Forgets a host that nothing of cc is left on. */
export async function forgetHost(state: string, host: Host): Promise<void> {
  await inTurn(async () => {
    const known = knownHosts(state);
    const others = known.filter((other) => !isSame(other, host));
    if (others.length < known.length) await keep(state, others);
  });
}

/** Hosts are entered at the same time, and the file is of all of them. */
let last: Promise<void> = Promise.resolve();
function inTurn(work: () => Promise<void>): Promise<void> {
  const done = last.then(work);
  last = done.catch(() => undefined);
  return done;
}

/** The same name at the same place. */
function isSame(a: Host, b: Host): boolean {
  return a.name === b.name && sameData({ ...a.connection }, { ...b.connection });
}

function keep(state: string, hosts: readonly Host[]): Promise<void> {
  return writeDurably(fileOf(state), `${JSON.stringify(hosts)}\n`);
}
