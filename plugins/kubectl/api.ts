/** Asking a cluster on its own host: what its API answers, that there is no cluster, or that this cannot be told. */
import { type Command, cmd, fail, type View } from '../../core/mod.ts';
import type { Cluster } from '../capabilities.ts';

export type Answer =
  | { readonly kind: 'answered'; readonly text: string }
  /** Neither credentials nor an API are there. */
  | { readonly kind: 'none' }
  /** It may hold anything. */
  | { readonly kind: 'silent'; readonly why: string };

/** The API server of a host's own control plane, which kubelet runs as long as this file is there. */
const API_SERVER = '/etc/kubernetes/manifests/kube-apiserver.yaml';

/** Where an API is asked, and with what. */
export type Access = Pick<Cluster, 'kubectl' | 'kubeconfig'>;

export function callOf({ kubectl, kubeconfig }: Access): readonly string[] {
  return [kubectl, '--kubeconfig', kubeconfig, '--request-timeout=10s'];
}

/** `words` must succeed where nothing is found: `--ignore-not-found`. */
export async function asked(view: View, access: Access, { argv, ...rest }: Command): Promise<Answer> {
  const [credentials, server] = await Promise.all([view.stat(access.kubeconfig), view.stat(API_SERVER)]);
  if (!credentials && !server) return { kind: 'none' };
  const { code, stdout, stderr } = await view.result({ ...rest, ...cmd`${callOf(access)} ${argv}` });
  if (code === 0) return { kind: 'answered', text: stdout };
  // What the API has no kind for, it has none of.
  if (/no matches for kind/.test(stderr)) return { kind: 'answered', text: '' };
  return { kind: 'silent', why: saidIn(stderr) || stderr.trim() || `kubectl exited ${code}` };
}

/** What kubectl says in the end, without what its library logs before: `E1127 03:54:05.181313 …`. */
function saidIn(stderr: string): string {
  const lines = stderr.split('\n').filter((line) => !/^[EWIF]\d{4} /.test(line));
  return lines.join('\n').trim();
}

export function cannotTell(host: string, why: string): never {
  return fail({ kind: 'cannot-tell', host, what: 'ask the API of the cluster', why });
}

/** Why there is no answer, for a reason that stands on a line. */
export function unanswered(answer: Exclude<Answer, { kind: 'answered' }>): string {
  return answer.kind === 'none'
    ? 'there is no cluster yet'
    : `the API does not answer: ${answer.why.split('\n').at(-1)}`;
}
