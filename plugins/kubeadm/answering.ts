/** The API of a cluster answers; where it does not, whether hosts tell why: etcd needs most of its members. */
import { awaited, cmd, type View } from '../../core/mod.ts';
import { type Access, asked, unanswered } from '../kubectl/api.ts';
import { since } from '../kubernetes/versions.ts';
import { PLANE } from './nodes.ts';
import { majorityOf, planeOn } from './parts.ts';

export interface Asking {
  readonly access: Access;
  readonly version: string;
  /** The hosts of the control plane. */
  readonly planes: readonly string[];
}

export function answering(asking: Asking) {
  return awaited({
    name: 'api',
    where: PLANE,
    // With certificates that have expired it answers nobody.
    needs: ['kubeadm/certificates', 'kubeadm/kubelet'],
    what: 'the API answers',
    within: 180,
    look: (view) => silence(view, asking),
  });
}

/** Why the API of a host does not answer; undefined where it does. */
export async function silence(view: View, { access, version, planes }: Asking): Promise<string | undefined> {
  const path = since('readyz', version) ? '/readyz' : '/healthz';
  const answer = await asked(view, access, cmd`get --raw ${path}`);
  if (answer.kind === 'answered') return undefined;
  if (answer.kind === 'none') return unanswered(answer);
  return [unanswered(answer), ...(await lost(view, planes))].join('; ');
}

async function lost(view: View, planes: readonly string[]): Promise<readonly string[]> {
  const all = await Promise.all(planes.map((name) => hasPlane(view, name)));
  const whole = all.filter(Boolean).length;
  const must = majorityOf(planes.length);
  // A single one whose data are lost is told by the task that would make it.
  if (whole >= must || planes.length === 1) return [];
  return [
    `${whole} of ${planes.length} control planes can be reached with their data, and etcd may need ${must}: see "When most control planes are gone" in docs/restoring.md`,
  ];
}

async function hasPlane(view: View, name: string): Promise<boolean> {
  const other = name === view.name ? view : await view.on(name).catch(() => undefined);
  return other !== undefined && (await planeOn(other)) === 'whole';
}
