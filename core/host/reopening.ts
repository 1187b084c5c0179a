/** An agent that is opened when it is first needed, and another when that was lost. */
import type { Agent } from './wire.ts';

export function reopening(open: () => Promise<Agent>) {
  let agent: Promise<Agent> | undefined;
  const connected = (): Promise<Agent> => {
    if (agent) return agent;
    const opened = open();
    const gone = () => {
      if (agent === opened) agent = undefined;
    };
    agent = opened;
    opened.then(({ ended }) => ended).then(gone, gone);
    return opened;
  };
  const close = async () => {
    const opened = await agent?.catch(() => undefined);
    await opened?.[Symbol.asyncDispose]();
  };
  return { connected, close };
}
