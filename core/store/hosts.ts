/** The hosts that a recipe has changed, as they were reached: they are known by this when nobody declares them any more. */

import { join } from 'node:path';
import { fileText } from '../host/own-files.ts';
import { machineOf } from '../model/address.ts';
import { sameData } from '../model/digest.ts';
import { codeOf, fail } from '../model/failure.ts';
import type { Json } from '../model/json.ts';
import type { Host } from '../model/plugin.ts';
import { messageOf } from '../model/thrown.ts';
import { writeDurably } from './durable.ts';

export interface KnownHost extends Host {
  /** The identity that the machine has answered with; an older cc noted none. */
  readonly identity?: string;
}

const fileOf = (state: string) => join(state, 'hosts.json');

/** The file is written whole, so what cannot be read is not cc's, and no reason to forget hosts. */
export function knownHosts(state: string): readonly KnownHost[] {
  const file = fileOf(state);
  try {
    const known: unknown = JSON.parse(fileText(file));
    if (!Array.isArray(known) || !known.every(isHost)) throw new Error('it is no list of hosts');
    return known;
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return [];
    return fail({ kind: 'hosts-unreadable', file, why: messageOf(error) }, error);
  }
}

function isHost(value: unknown): value is KnownHost {
  if (typeof value !== 'object' || value === null || !('name' in value) || !('connection' in value))
    return false;
  const { name, connection } = value;
  if (typeof name !== 'string' || typeof connection !== 'object' || connection === null) return false;
  if ('identity' in value && typeof value.identity !== 'string') return false;
  const { kind, address } = connection as { kind?: unknown; address?: unknown };
  return kind === 'local' || (kind === 'ssh' && typeof address === 'string');
}

/** Notes a host before it is changed, in place of what was known of this machine or of this address. */
export async function rememberHost(state: string, host: Host, identity?: string): Promise<void> {
  const { name, roles, connection, arch } = host;
  const entry: KnownHost = {
    ...{ name, roles, connection },
    ...(arch === undefined ? {} : { arch }),
    ...(identity === undefined ? {} : { identity }),
  };
  await inTurn(async () => {
    const known = knownHosts(state);
    if (known.some((other) => sameData(other as unknown as Json, entry as unknown as Json))) return; // read as JSON
    await keep(state, [...known.filter((other) => !isSame(other, host, identity)), entry]);
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

/** The same machine, or the same address, whatever the name and the way in. */
function isSame(known: KnownHost, host: Host, identity?: string): boolean {
  return machineOf(known) === machineOf(host) || (identity !== undefined && known.identity === identity);
}

function keep(state: string, hosts: readonly KnownHost[]): Promise<void> {
  return writeDurably(fileOf(state), `${JSON.stringify(hosts)}\n`);
}
