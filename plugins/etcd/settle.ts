/** What a cluster that goes on from a snapshot takes for true, and is not so any more: control planes that are gone, watches of later revisions. */
import { type Change, cmd, type Shell, type Step, step, type View } from '../../core/mod.ts';
import { forgotten } from '../kubeadm/etcd.ts';
import { isPlane, JOINING, NODE_KUBECONFIG, nodeName, nodes, PLANE } from '../kubeadm/nodes.ts';
import { kubeletStarted } from '../kubeadm/turn.ts';
import { type Access, asked, callOf, insisted, unanswered } from '../kubectl/api.ts';
import { restoredAt } from './restore.ts';

interface Cluster {
  readonly version: string;
  readonly access: Access;
}

export function settling(cluster: Cluster, why: string): Change {
  return {
    kind: 'script',
    title: 'have the cluster forget the control planes that are gone, and start its own pods anew',
    why,
    script: async (shell) => {
      await settled(shell, cluster);
      return undefined;
    },
  };
}

/** requires: this is the only control plane, as it is after a restore. Others join anew, also those that are alive. */
async function settled(shell: Shell, cluster: Cluster): Promise<void> {
  const { access } = cluster;
  const own = await nodeName(shell.view);
  let gone: readonly string[] = [];
  await shell.until('the API tells of its nodes', 180, async () => {
    const answer = await nodes(shell.view, access);
    if (answer.kind !== 'answered') return unanswered(answer);
    gone = answer.items.filter(isPlane).flatMap(({ metadata: { name } }) => (name === own ? [] : [name]));
    return undefined;
  });
  for (const name of gone) {
    await forgotten(shell, { name, addresses: [], within: 120 }, cluster);
    await insisted(shell, cmd`${callOf(access)} delete node ${name} --ignore-not-found`);
  }
  const pods = await running(shell.view, access);
  // Their kubelets may have to be started anew before they see it.
  if (pods.length > 0)
    await insisted(
      shell,
      cmd`${callOf(access)} -n kube-system delete pod ${pods} --ignore-not-found --wait=false`,
    );
}

interface Pod {
  readonly metadata: {
    readonly name: string;
    readonly ownerReferences?: readonly { readonly kind: string }[];
  };
}

/** Those that somebody makes again, but for those of manifests, which are as old as their host. */
async function running(view: View, access: Access): Promise<readonly string[]> {
  const answer = await asked(view, access, cmd`-n kube-system get pods -o json`);
  if (answer.kind !== 'answered') return [];
  const { items } = JSON.parse(answer.text) as { readonly items: readonly Pod[] }; // as the API lists them
  return items.flatMap(({ metadata: { name, ownerReferences: owners = [] } }) =>
    owners.some(({ kind }) => kind !== 'Node') ? [name] : [],
  );
}

/**
 * A kubelet that goes on asks for what is later than a revision that the restored cluster has yet to reach, and would miss all
 * until then: https://etcd.io/docs/v3.5/op-guide/recovery/
 */
export function resumed(): Step {
  return step<{ ahead: boolean }>({
    name: 'resumed',
    where: JOINING,
    needs: ['kubeadm/worker-kubelet'],
    probe: async (view) => {
      const plane = await view.on(PLANE).catch(() => undefined);
      const [conf, restored] = await Promise.all([view.stat(NODE_KUBECONFIG), plane && restoredAt(plane)]);
      return {
        ahead: conf !== undefined && restored !== undefined && (await kubeletStarted(view)) < restored,
      };
    },
    plan: ({ ahead }) =>
      ahead
        ? [
            {
              kind: 'run',
              command: cmd`systemctl restart kubelet.service`,
              why: 'its kubelet has seen later revisions than the cluster was restored with',
            },
          ]
        : [],
  });
}
