/** Whether all nodes hear which pods serve a Service: a node without its kube-proxy goes on sending requests to pods that left. */
import { cmd, type View } from '../../core/mod.ts';
import { type Access, asked, unanswered } from '../kubectl/api.ts';

/** How long kube-proxy may take to be replaced on all nodes, in seconds. */
export const PROXIES_WITHIN = 180;

/** `down`: nodes that are not ready, whose pods nobody waits for. Why not; undefined too where another program is kube-proxy. */
export async function proxiesBehind(view: View, access: Access, down: number): Promise<string | undefined> {
  const answer = await asked(
    view,
    access,
    cmd`-n kube-system get daemonset kube-proxy --ignore-not-found -o json`,
  );
  if (answer.kind !== 'answered') return unanswered(answer);
  if (answer.text.trim() === '') return undefined;
  const { metadata, status } = JSON.parse(answer.text) as DaemonSet;
  const { desiredNumberScheduled: all, updatedNumberScheduled: updated = 0, numberUnavailable = 0 } = status;
  if (status.observedGeneration < metadata.generation) return 'nobody has begun to replace it';
  if (updated < all - down) return `it is replaced on ${updated} of ${all} nodes`;
  return numberUnavailable > down ? `it does not run on ${numberUnavailable} of ${all} nodes` : undefined;
}

interface DaemonSet {
  readonly metadata: { readonly generation: number };
  readonly status: {
    readonly observedGeneration: number;
    readonly desiredNumberScheduled: number;
    /** Both are left out where they are 0. */
    readonly updatedNumberScheduled?: number;
    readonly numberUnavailable?: number;
  };
}
