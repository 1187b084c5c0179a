/** Snapshots of the etcd that runs on a control plane: taken when asked for, and kept on the controller. */
import { check, plugin, v } from '../core/mod.ts';
import { cluster } from './capabilities.ts';
import { snapshot } from './etcd/snapshot.ts';
import { PLANE } from './kubeadm/nodes.ts';
import { since } from './kubernetes/versions.ts';

const Count = v.pipe(v.number(), v.integer(), v.minValue(1));

export const etcd = plugin({
  name: 'etcd',
  help: 'saves a snapshot of the cluster, with the keys that it needs, to the controller: cc run etcd/snapshot',
  options: v.strictObject({
    snapshots: v.optional(
      v.strictObject({
        /** On the controller; default: in the folder of the recipe's state. */
        folder: v.optional(v.absolutePath()),
        /** How many stay there; the oldest go, but for the one that `kubeadm.restore` names. */
        keep: v.optional(Count, 5),
      }),
      {},
    ),
  }),
  build: ({ snapshots: { folder, keep = 5 } }, { use, state, refuse }) => {
    const { version, kubectl, kubeconfig, restore, externalEtcd } = use(cluster);
    if (externalEtcd)
      refuse(
        'snapshots',
        'are of an etcd on the control planes: whoever keeps that of kubeadm.etcd.external saves it',
      );
    if (!since('phases', version))
      refuse('snapshots', `are made of Kubernetes 1.13 and later, not of ${version}`);
    const kept = { folder: folder ?? `${state}/snapshots`, keep };
    return {
      steps: [
        check({
          name: 'snapshot',
          where: PLANE,
          // Not the nodes: a snapshot is wanted most where one of them is not well.
          needs: ['kubeadm/api'],
          timeout: 3600,
          title: `save a snapshot of etcd to ${kept.folder}`,
          inputs: kept,
          script: async (shell) => {
            const access = { kubectl, kubeconfig };
            const spared = restore === undefined ? {} : { restore };
            const made = await snapshot(shell, { version, access, ...kept, ...spared });
            const lines = [
              `${made.file}: revision ${made.revision}, ${made.keys} keys, SHA-256 ${made.digest}`,
            ];
            return { ...made, lines };
          },
        }),
      ],
    };
  },
});
