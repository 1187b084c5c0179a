/** Whether the API of a cluster that stands is reached at an address that somebody outside cc leads there. */
import { cmd, type View } from '../../core/mod.ts';

export interface Reach {
  /** `api.example.org:6443` */
  readonly at: string;
  readonly answers: readonly {
    readonly from: string;
    readonly answer: { readonly kind: 'open' } | { readonly kind: 'closed' | 'untold'; readonly why: string };
  }[];
}

/** Seconds that an address has to answer. */
const PATIENCE = 5;

/** What bash connects to as a file; timeout ends with 124, and 127 is a program that is not there. */
const CONNECT = ': <"/dev/tcp/$0/$1"';

export async function reachedFrom(
  view: View,
  { address, port }: { readonly address: string; readonly port: number },
): Promise<Reach['answers'][number]['answer']> {
  const command = cmd`timeout ${PATIENCE} bash -c ${CONNECT} ${address} ${port}`;
  const { code, stderr } = await view.result({ ...command, title: `connect to ${address}:${port}` });
  if (code === 0) return { kind: 'open' };
  if (code === 124) return { kind: 'closed', why: `no answer within ${PATIENCE} s` };
  const last = stderr.trim().split('\n').at(-1) ?? '';
  if (code === 127) return { kind: 'untold', why: last };
  return { kind: 'closed', why: last.slice(last.lastIndexOf(': ') + 1).trim() || `exit ${code}` };
}
