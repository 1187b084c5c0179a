/** Agents on the machine cc runs on: one as the user who runs it, and one as root by sudo. */
import { codeOf } from '../model/failure.ts';
import { bootWords, type Carrier, newNonce, openAgent } from './agent.ts';
import { execute } from './process.ts';
import { agentTransport, reopening } from './remote.ts';
import { type Become, sudo } from './sudo.ts';
import { type ExecOptions, type Exit, ROOT_BASE, type Transport } from './transport.ts';

const own = reopening(() => openAgent(carrier('controller')));

/** Runs a program as the user who runs cc; see `execute`. */
export async function runProcess(argv: readonly string[], options?: ExecOptions): Promise<Exit> {
  return execute(await own.connected(), argv, options);
}

/** This machine as the user who runs cc: all its transports share one agent. */
export function ownTransport(host: string, base: string): Transport {
  return agentTransport(host, own.connected, base, async () => {});
}

/** This machine as root. */
export function localAsRoot(host: string, become: Become): Transport {
  const root = reopening(() => openAgent(carrier(host, become)));
  return agentTransport(host, root.connected, ROOT_BASE, root.close);
}

function carrier(host: string, become?: Become): Carrier {
  const nonce = newNonce();
  const { words, password } = become ? sudo(become, nonce) : { words: [], password: undefined };
  return {
    argv: bootWords(nonce, words),
    nonce,
    root: become !== undefined,
    near: true,
    detached: true,
    password,
    failure: ({ stage, user, words: why, code, signal, cause }) => {
      if (stage === 'work')
        return { kind: 'agent-lost', host, why: why || `perl ended: ${signal ?? `exit ${code}`}` };
      if (stage === 'root') return { kind: 'no-root', host, user, why };
      if (code === 127 || codeOf(cause) === 'ENOENT')
        return { kind: 'missing-tool', host, tool: 'perl', package: 'perl-base' };
      return {
        kind: 'cannot-tell',
        host,
        what: 'start processes',
        why: why || String(cause ?? signal ?? code),
      };
    },
  };
}
