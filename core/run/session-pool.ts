/** The hosts of a run: connected when first needed, looked at and changed through one place, closed at the end. */
import { join } from 'node:path';
import { CONTROLLER } from '../graph/expand.ts';
import { local } from '../host/local.ts';
import { type DigestMemo, digestMemo } from '../host/memo.ts';
import { natureOf } from '../host/platform.ts';
import { asRoot, ROOT_BASE } from '../host/root.ts';
import type { Transport } from '../host/transport.ts';
import type { Host } from '../model/plugin.ts';
import type { Platform } from '../model/view.ts';
import { writeDurably } from '../store/durable.ts';
import { localStamps, remoteStamps, type Stamps } from '../store/stamp.ts';

/** One host as a task with certain rights sees it. */
export interface Session {
  readonly transport: Transport;
  readonly platform: Platform;
  readonly stamps: Stamps;
}

export interface SessionPool extends AsyncDisposable {
  session(host: Host, root: boolean): Promise<Session>;
  /** Keeps what was learnt about files of this machine; a reading command does not ask for it. */
  remember(): Promise<void>;
  /** The hosts that have been connected to. */
  connected(): Promise<readonly Transport[]>;
}

/** `connect` is the seam where tests put a machine of paper. */
export function sessionPool(state: string, connect?: (host: Host) => Promise<Transport>): SessionPool {
  const memory = join(state, 'digests.json');
  const memo = digestMemo(memory);
  const kept = localStamps(join(state, 'stamps.tsv'));
  const reach = connect ?? connected(state, memo);
  const plain = new Map<string, Promise<Transport>>();
  const sessions = new Map<string, Promise<Session>>();

  const transportOf = (host: Host): Promise<Transport> => {
    const known = plain.get(host.name) ?? reach(host);
    plain.set(host.name, known);
    // A host that could not be reached may be there later in the same run, once a task has made it.
    known.catch(() => plain.delete(host.name));
    return known;
  };
  const enter = async (host: Host, root: boolean): Promise<Session> => {
    const reached = await transportOf(host);
    const { platform, user } = await natureOf(reached);
    const transport = root ? await asRoot(reached, user) : reached;
    const stamps = host.name === CONTROLLER ? kept : remoteStamps(transport, `${ROOT_BASE}/stamps`);
    return { transport, platform, stamps };
  };
  return {
    session: (host, root) => {
      const key = `${host.name} ${root}`;
      const known = sessions.get(key) ?? enter(host, root);
      sessions.set(key, known);
      known.catch(() => sessions.delete(key));
      return known;
    },
    remember: async () => {
      const learnt = memo.learnt();
      if (learnt !== undefined) await writeDurably(memory, learnt);
    },
    connected: async () => {
      const all = await Promise.allSettled(plain.values());
      return all.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    },
    [Symbol.asyncDispose]: async () => {
      await kept[Symbol.asyncDispose]();
      const all = await Promise.allSettled(plain.values());
      await Promise.all(
        all.map((result) =>
          result.status === 'fulfilled' ? result.value[Symbol.asyncDispose]() : undefined,
        ),
      );
    },
  };
}

function connected(state: string, memo: DigestMemo): (host: Host) => Promise<Transport> {
  return async ({ name, connection }) => {
    if (connection.kind === 'ssh') return (await import('../host/ssh.ts')).ssh(name, connection);
    return local(name, process.getuid?.() === 0 ? ROOT_BASE : state, memo);
  };
}
