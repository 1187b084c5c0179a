/** A machine as its agent shows it: all that cc does there goes through this. */
import { fail, type Owner } from '../model/failure.ts';
import { agentFiles, agentRecords } from './files.ts';
import { call, execute } from './process.ts';
import { LOCK, MARK, type Transport } from './transport.ts';
import type { Agent } from './wire.ts';

/** `connected` opens the agent when it is first needed; `close` ends it. */
export function agentTransport(
  host: string,
  connected: () => Promise<Agent>,
  base: string,
  close: () => Promise<void>,
): Transport {
  /** The one whose guard holds the lock: with it the lock is gone, and nothing more may be changed. */
  let locked: Agent | undefined;
  const gone = new AbortController();
  const safely = async () => {
    const agent = await connected();
    if (locked && agent !== locked)
      fail({ kind: 'agent-lost', host, why: 'the lock on this host went with it' });
    return agent;
  };
  return {
    host,
    exec: async (argv, options) => execute(await safely(), argv, options),
    files: agentFiles(host, safely, base),
    records: agentRecords(host, safely, base),
    about: async () => (await safely()).hello(),
    reap: async (mark) => {
      const { stdout } = await call(await safely(), 'reap', [`${MARK}=${mark}`]);
      return Number(stdout);
    },
    lock: async (owner) => {
      const agent = await safely();
      const holder = await agent.lock(LOCK, JSON.stringify(owner));
      if (holder === undefined) {
        locked = agent;
        void agent.ended.then((why) => gone.abort(why));
      }
      // One machine may be two hosts of a run.
      else if (holderOf(holder, owner).run !== owner.run)
        fail({ kind: 'held', path: LOCK, host, owner: holderOf(holder, owner) });
    },
    gone: gone.signal,
    [Symbol.asyncDispose]: close,
  };
}

/** What the holder of a lock has written; one that has just taken it may not have come to that. */
function holderOf(text: string, mine: Owner): Owner {
  try {
    return JSON.parse(text) as Owner; // written by another cc
  } catch {
    const unknown = { pid: 0, started: '', boot: '', run: 'unknown', user: 'somebody', from: 'somewhere' };
    return { ...unknown, command: 'another cc', since: mine.since };
  }
}
