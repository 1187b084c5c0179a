/** CoreDNS: gives pods the names of Services, where kubeadm does not bring it. Built from source, so no registry is asked for it. */
import { type Artifact, awaited, type Context, net, plugin, v } from '../core/mod.ts';
import {
  cluster,
  clusterDns,
  cri,
  goToolchain,
  overlayNetwork,
  refuseForeign,
  serviceNetwork,
  Version,
} from './capabilities.ts';
import { unanswering, unready } from './coredns/asking.ts';
import { BUILDABLE, treeOf } from './coredns/build.ts';
import { objects } from './coredns/manifest.ts';
import { compiled, outputOf } from './golang/compile.ts';
import { loaded } from './images/load.ts';
import { packed } from './images/pack.ts';
import { dnsAddress } from './kubeadm/kubelet.ts';
import { PLANE } from './kubeadm/nodes.ts';
import { applied } from './kubectl/applied.ts';

/** A server by its address, or a file that lists servers; nothing that could end a line of the Corefile. */
const Server = v.pipe(
  v.string(),
  v.check((text) => /^[\w.:[\]/-]+$/.test(text), 'expected an address or the path of a file'),
);

export const coredns = plugin({
  name: 'coredns',
  help: 'gives the cluster a DNS: CoreDNS, built from source',
  options: v.strictObject({
    version: v.optional(
      v.pipe(
        Version,
        v.check(
          (version) => BUILDABLE.includes(version),
          `cannot be built: there is all that it takes of ${BUILDABLE.join(', ')} only`,
        ),
      ),
      '1.4.0',
    ),
    replicas: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)), 2),
    /** Who answers for names outside the cluster: addresses, or a file of the node that lists them. */
    forward: v.optional(v.pipe(v.array(Server), v.minLength(1)), ['/etc/resolv.conf']),
    /** Seconds that its pods may take to be ready. */
    within: v.optional(v.pipe(v.number(), v.minValue(1)), 300),
  }),
  provides: [clusterDns],
  build: ({ version, replicas, forward, within }, context) => {
    const { subnet, domain, dns } = context.use(serviceNetwork);
    if (dns) context.refuse('version', 'would stand beside that of kubeadm: expected kubeadm.dns: false');
    refuseForeign(context, { version: 'let kubeadm bring its own, with kubeadm.dns: true' });
    const access = context.use(cluster);
    const address = dnsAddress(subnet);
    const image = `localhost/cc-coredns:${version}`;
    const overlay = context.find(overlayNetwork) ? ['overlay-network'] : [];
    // The API has the first address of the Services' network: pkg/controlplane, ServiceIPRange.
    const known = { name: `kubernetes.default.svc.${domain}`, address: net.addressAt(subnet, 1) };
    return {
      provides: [clusterDns.of({ address })],
      steps: [
        ...imageOf(version, image, context),
        applied({
          name: 'objects',
          needs: ['cluster', 'pod-network', ...overlay, 'coredns/loaded'],
          cluster: access,
          objects: objects({ version: access.version, image, replicas, domain, address, forward }),
        }),
        awaited({
          name: 'ready',
          where: PLANE,
          needs: ['coredns/objects'],
          what: 'CoreDNS runs in the cluster',
          within,
          look: (view) => unready(view, access),
        }),
        awaited({
          name: 'answers',
          needs: ['coredns/ready'],
          what: 'the cluster DNS answers the node',
          within: 60,
          look: (view) => unanswering(view, { server: address, ...known }),
        }),
      ],
    };
  },
});

/** Compiled and packed on the controller, and taken in by every node. */
function imageOf(version: string, ref: string, { cache, use, refuse }: Context) {
  const runtime = use(cri);
  const folder = `${cache}/coredns/${version}`;
  const file = `${folder}.tar`;
  const made = (name: string, by: string, path: string): Artifact => ({
    name,
    source: { kind: 'built', by: `coredns/${by}`, path },
  });
  const program = made('coredns', 'compile', outputOf(folder, 'coredns'));
  const take =
    runtime.importImages ??
    refuse('version', 'is no use: the container runtime of this recipe cannot take in images');
  return [
    compiled({ toolchain: use(goToolchain), ...treeOf(version), needs: ['go-toolchain'], folder }),
    packed({ file, images: [{ ref, program, entrypoint: ['/usr/local/bin/coredns'] }], needs: [] }),
    ...loaded('coredns', made('coredns-image', 'archive', file), [ref], { runtime, take }),
  ];
}
