/** The hosts of a run: connected when first needed, looked at and changed through one place, closed at the end. */
import { join } from 'node:path';
import { CONTROLLER } from '../graph/place.ts';
import { local } from '../host/local.ts';
import { type DigestMemo, digestMemo } from '../host/memo.ts';
import { asDeclared, platformOf } from '../host/platform.ts';
import type { Login } from '../host/ssh.ts';
import { ROOT_BASE, type Transport } from '../host/transport.ts';
import type { Host } from '../model/plugin.ts';
import type { Platform } from '../model/view.ts';
import { writeDurably } from '../store/durable.ts';
import type { Site } from '../store/site.ts';
import { localStamps, remoteStamps, type Stamps } from '../store/stamp.ts';

/** One host as a task with certain rights sees it. */
export interface Session {
  readonly transport: Transport;
  readonly platform: Platform;
  readonly stamps: Stamps;
}

export interface SessionPool extends AsyncDisposable {
  /** What is known of files of this machine. */
  readonly memo: DigestMemo;
  session(host: Host, root: boolean): Promise<Session>;
  /** Keeps what was learnt about files of this machine; a reading command does not ask for it. */
  remember(): Promise<void>;
}

export interface PoolOptions extends Login {
  /** Whose the hosts shall be. */
  readonly site?: Site | undefined;
  /** Called for each host before root changes it: takes its lock. */
  readonly lock?: ((transport: Transport) => Promise<void>) | undefined;
  /** The seam where tests put a machine of paper. */
  readonly connect?: (host: Host, root: boolean) => Promise<Transport>;
}

export function sessionPool(state: string, options: PoolOptions = {}): SessionPool {
  const memory = join(state, 'digests.json');
  const memo = digestMemo(memory);
  const kept = localStamps(join(state, 'stamps.tsv'));
  const connect = options.connect ?? ((host, root) => connected(host, root, { state, memo, ...options }));
  const transports: Transport[] = [];
  const sessions = new Map<string, Promise<Session>>();

  const enter = async (host: Host, root: boolean): Promise<Session> => {
    const transport = await connect(host, root);
    transports.push(transport);
    const platform = asDeclared(host, await platformOf(transport));
    if (root) await options.lock?.(transport);
    const stamps = host.name === CONTROLLER ? kept : remoteStamps(transport, options.site);
    return { transport, platform, stamps };
  };
  return {
    memo,
    session: (host, root) => {
      // Another machine may have had the name before.
      const key = JSON.stringify([host.name, host.connection, root]);
      const known = sessions.get(key) ?? enter(host, root);
      sessions.set(key, known);
      // What is tried again is a host that a task of this run makes, and that may be there later.
      if (host.madeBy) known.catch(() => sessions.delete(key));
      return known;
    },
    remember: async () => {
      const learnt = memo.learnt();
      if (learnt !== undefined) await writeDurably(memory, learnt);
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.allSettled(sessions.values());
      await Promise.all(transports.map((transport) => transport[Symbol.asyncDispose]()));
      await kept[Symbol.asyncDispose]();
    },
  };
}

interface Reaching extends Login {
  readonly state: string;
  readonly memo: DigestMemo;
}

async function connected(
  { name, connection }: Host,
  root: boolean,
  { state, memo, become = {}, ...login }: Reaching,
): Promise<Transport> {
  if (connection.kind === 'ssh') {
    const { ssh } = await import('../host/ssh.ts');
    return ssh(name, connection, { ...login, become: root ? become : undefined });
  }
  if (process.getuid?.() === 0) return local(name, ROOT_BASE, memo);
  if (root) return (await import('../host/local-agent.ts')).localAsRoot(name, become);
  return local(name, state, memo);
}
