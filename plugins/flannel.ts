/** flannel: carries pods' traffic from node to node. Its daemon runs in the cluster; `cni` hands pods over to it. */
import { awaited, cmd, plugin, type View, v } from '../core/mod.ts';
import { atLeast, cluster, overlayNetwork, podNetwork, refuseSeveral, Version } from './capabilities.ts';
import { daemon, imageOf, LISTS, NAMESPACE } from './flannel/manifest.ts';
import { PLANE } from './kubeadm/nodes.ts';
import { type Access, asked, unanswered } from './kubectl/api.ts';
import { applied } from './kubectl/applied.ts';

/** The subnet that flannel has for a node, as its CNI plugin reads it. */
const SUBNET = '/run/flannel/subnet.env';

export const flannel = plugin({
  name: 'flannel',
  help: "runs flannel, which carries pods' traffic from node to node",
  options: v.strictObject({
    version: v.optional(Version, '0.28.9'),
    /** From elsewhere than its makers publish it; the version still says how it is run. */
    image: v.optional(v.string()),
    backend: v.optional(v.picklist(['vxlan', 'host-gw']), 'vxlan'),
    /** Seconds until it runs on every node: its image has to be pulled. */
    within: v.optional(v.pipe(v.number(), v.minValue(1)), 300),
  }),
  provides: [overlayNetwork],
  build: ({ version, image: given, backend, within }, context) => {
    const { arch, hosts, image, use, refuse } = context;
    const { subnet, overlay } = use(podNetwork);
    if (overlay !== 'flannel')
      refuse(
        'backend',
        'expected pods to be handed over: cni needs the option network: "flannel"; with another network, leave this plugin out: without: ["flannel"]',
      );
    if (given === undefined && !atLeast(version, LISTS)) refuseSeveral(context, LISTS);
    const addressed = hosts.some(({ address }) => address !== undefined);
    const named = image(given ?? imageOf(version, arch));
    const objects = daemon({ version, image: named, backend, subnet, addressed });
    return {
      provides: [overlayNetwork.of({ backend })],
      steps: [
        applied({
          name: 'daemon',
          needs: ['cluster', 'pod-network'],
          cluster: use(cluster),
          objects,
        }),
        awaited({
          name: 'ready',
          where: PLANE,
          needs: ['flannel/daemon'],
          what: 'flannel runs on every node',
          within,
          look: (view) => unready(view, use(cluster)),
        }),
        awaited({
          name: 'subnet',
          needs: ['flannel/ready'],
          what: 'flannel has a subnet for the node',
          within: 60,
          look: async (view) =>
            (await view.stat(SUBNET)) === undefined ? `${SUBNET} is not there` : undefined,
        }),
      ],
    };
  },
});

interface DaemonSet {
  readonly metadata: { readonly generation: number };
  readonly status: {
    readonly observedGeneration?: number;
    readonly desiredNumberScheduled: number;
    readonly updatedNumberScheduled?: number;
    readonly numberReady: number;
  };
}

/** Why the daemon does not run on every node; undefined when it does. */
async function unready(view: View, access: Access): Promise<string | undefined> {
  const ask = cmd`-n ${NAMESPACE} get daemonset ${NAMESPACE} --ignore-not-found -o json`;
  const answer = await asked(view, access, ask);
  if (answer.kind !== 'answered') return unanswered(answer);
  if (answer.text.trim() === '') return 'the cluster has no daemon of flannel';
  const { metadata, status } = JSON.parse(answer.text) as DaemonSet;
  const { desiredNumberScheduled: nodes, updatedNumberScheduled: updated = 0, numberReady: ready } = status;
  if (status.observedGeneration !== metadata.generation || nodes === 0)
    return 'it has not been scheduled yet';
  return updated < nodes || ready < nodes
    ? `ready on ${Math.min(updated, ready)} of ${nodes} nodes`
    : undefined;
}
