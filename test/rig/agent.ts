/** Agents of a test's own. */
import { bootWords, newNonce, openAgent } from '../../core/host/agent.ts';
import type { Agent } from '../../core/host/wire.ts';
import type { Lasting } from './temp.ts';

/** One on this machine that is started by other words, which get its own as theirs: `env A=1`, `unshare --mount`. */
export function agentBehind(t: Lasting, words: readonly string[]): Promise<Agent> {
  return agentBy(t, (own) => [...words, ...own], true);
}

/** One that is started by what is made of its words; `near` says whether it sees the files of this machine. */
export async function agentBy(
  t: Lasting,
  argv: (words: readonly string[]) => readonly string[],
  near: boolean,
): Promise<Agent> {
  const nonce = newNonce();
  const agent = await openAgent({
    argv: argv(bootWords(nonce)),
    ...{ nonce, near, root: false, detached: true },
    failure: (end) => ({ kind: 'agent-lost', host: 'node-1', why: end.words }),
  });
  t.after(() => agent[Symbol.asyncDispose]());
  return agent;
}
