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
import { remoteStamps } from '../store/host-stamps.ts';
import type { Site } from '../store/site.ts';
import { localStamps, type Stamps } from '../store/stamp.ts';
import { doors } from './gates.ts';
import { limited } from './limit.ts';
import { keyOf, type Machines, machines } from './machines.ts';

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
  /** Those of the recipe. */
  readonly hosts?: readonly Host[];
  /** Whether everything is taken back. */
  readonly undo?: boolean;
  /** Whether nothing is changed on a host: it is neither locked nor noted. */
  readonly looked?: ((host: Host) => boolean) | undefined;
  /** Called for each host before root changes it: takes its lock. */
  readonly lock?: ((transport: Transport) => Promise<void>) | undefined;
  /** Called for each host that root may change, once it is known whose it is, and again when its machine has got an identity. */
  readonly note?: ((host: Host, identity: string | undefined) => Promise<void>) | undefined;
  /** The seam where tests put a machine of paper. */
  readonly connect?: (host: Host, root: boolean) => Promise<Transport>;
}

export function sessionPool(state: string, options: PoolOptions = {}): SessionPool {
  const memory = join(state, 'digests.json');
  const memo = digestMemo(memory);
  const kept = localStamps(join(state, 'stamps.tsv'));
  const connect = options.connect ?? ((host, root) => connected(host, root, { state, memo, ...options }));
  const { known, enter, close } = entrance(kept, connect, options);
  const once = onceEach(options);
  const sessions = new Map<string, Promise<Session>>();
  return {
    memo,
    session: async (host, root) => {
      const session = await once(sessions, host, root, enter);
      known.check(host);
      return session;
    },
    remember: async () => {
      const learnt = memo.learnt();
      if (learnt !== undefined) await writeDurably(memory, learnt);
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.allSettled(sessions.values());
      await close();
      await kept[Symbol.asyncDispose]();
    },
  };
}

/** Opens hosts, and enters those that are what the recipe takes them for. */
function entrance(
  kept: Stamps,
  connect: (host: Host, root: boolean) => Promise<Transport>,
  given: PoolOptions,
) {
  const known = machines(given.hosts ?? []);
  const once = onceEach(given);
  const transports: Transport[] = [];
  const opened = new Map<string, Promise<Opened>>();
  const door = doors();
  const open = async (host: Host, root: boolean): Promise<Opened> => {
    const namesake = known.namesake(host);
    if (namesake) await once(opened, namesake, root, open).catch(() => undefined); // its own tasks will say so
    const transport = await door(() => connect(host, root));
    transports.push(transport);
    const within = <Value>(work: () => Promise<Value>) => entering(host, given.signal, work);
    const platform = asDeclared(host, await within(() => platformOf(transport)));
    const options = optionsFor(host, given);
    if (root) await options.lock?.(transport);
    if (host.name === CONTROLLER) return { transport, platform, stamps: kept, enter: async () => undefined };
    const other = (another: Host) => once(opened, another, root, open);
    const stamps = await within(() => stampsOn(transport, { host, root, known, other, options }));
    return { transport, platform, ...stamps };
  };
  return {
    known,
    enter: async (host: Host, root: boolean): Promise<Session> => {
      const { enter, ...session } = await once(opened, host, root, open);
      await enter();
      return session;
    },
    close: async () => {
      await Promise.allSettled(opened.values());
      await Promise.all(transports.map((transport) => transport[Symbol.asyncDispose]()));
    },
  };
}

/** Seconds for each question that a host is asked before its first task; a dead disk would never answer. */
const ENTERING = 120;

function entering<Value>(
  { name }: Host,
  stop: AbortSignal = new AbortController().signal,
  work: () => Promise<Value>,
): Promise<Value> {
  const what = "reading what cc keeps there, before the host's first task";
  return limited({ host: name, what, seconds: ENTERING, stop, grace: 0 }, work);
}

/** A host that nothing is changed on is neither locked nor noted. */
function optionsFor(host: Host, options: PoolOptions): PoolOptions {
  return options.looked?.(host) ? { ...options, lock: undefined, note: undefined } : options;
}

interface Opening {
  readonly host: Host;
  readonly root: boolean;
  readonly known: Machines;
  /** Opens another host. */
  readonly other: (host: Host) => Promise<unknown>;
  /** As they are for this host. */
  readonly options: PoolOptions;
}

/** The stamps of a host; from when it is entered, it is noted by the identity of its machine. */
async function stampsOn(
  transport: Transport,
  { host, root, known, other, options }: Opening,
): Promise<Pick<Opened, 'stamps' | 'enter'>> {
  const { note, lock, site, undo = false } = options;
  let isEntered = false;
  const meet = async (identity: string) => {
    known.meet(host, identity);
    if (root && isEntered) await note?.(host, identity);
  };
  const stamps = remoteStamps(transport, site, meet);
  const entered = await stamps.enter(root && lock !== undefined);
  const enter = async () => {
    await known.apart(host, entered, other, undo);
    isEntered = true;
    if (root) await note?.(host, entered.identity);
  };
  return { stamps, enter };
}

/** A host that somebody was let in to; `enter` fails where it is not what the recipe takes it for. */
interface Opened extends Session {
  enter(): Promise<void>;
}

/** Does something once for each host and right; where hosts are taken back, none of them comes that is not there. */
function onceEach({ undo = false }: PoolOptions) {
  return <Value>(
    all: Map<string, Promise<Value>>,
    host: Host,
    root: boolean,
    work: (host: Host, root: boolean) => Promise<Value>,
  ): Promise<Value> => {
    const key = `${root} ${keyOf(host)}`;
    const known = all.get(key) ?? work(host, root);
    all.set(key, known);
    // What is tried again is a host that a task of this run makes, and that may be there later.
    if (host.madeBy && !undo) known.catch(() => all.delete(key));
    return known;
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
    const sockets = join(state, 'logins');
    return ssh(name, connection, { ...login, sockets, become: root ? become : undefined });
  }
  if (process.getuid?.() === 0) return local(name, ROOT_BASE, memo);
  if (root) return (await import('../host/local-agent.ts')).localAsRoot(name, become);
  return local(name, state, memo);
}
