/** The agent of whoever runs cc, on the machine it runs on: programs are run by it, also those that are no task's. */
import { codeOf } from '../model/failure.ts';
import { bootWords, type Carrier, newNonce, openAgent } from './agent.ts';
import { execute } from './process.ts';
import { reopening } from './reopening.ts';
import { type Become, sudo } from './sudo.ts';
import type { ExecOptions, Exit } from './transport.ts';

export const own = reopening(() => openAgent(localCarrier('controller')));

/** Runs a program as the user who runs cc; see `execute`. */
export async function runProcess(argv: readonly string[], options?: ExecOptions): Promise<Exit> {
  return execute(await own.connected(), argv, options);
}

export function localCarrier(host: string, become?: Become): Carrier {
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
