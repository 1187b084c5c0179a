/** The machine cc runs on by way of an agent: as the user who runs cc, or as root by sudo. */
import { openAgent } from './agent.ts';
import { localCarrier, own } from './own-agent.ts';
import { agentTransport } from './remote.ts';
import { reopening } from './reopening.ts';
import type { Become } from './sudo.ts';
import { ROOT_BASE, type Transport } from './transport.ts';

/** This machine as the user who runs cc: all its transports share one agent. */
export function ownTransport(host: string, base: string): Transport {
  return agentTransport(host, own.connected, base, async () => {});
}

/** This machine as root. */
export function localAsRoot(host: string, become: Become): Transport {
  const root = reopening(() => openAgent(localCarrier(host, become)));
  return agentTransport(host, root.connected, ROOT_BASE, root.close);
}
