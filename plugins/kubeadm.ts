/** A cluster by kubeadm: kubelet's unit, kernel settings, init on one host, join on others, nodes ready. */
import { composed, type Host, net, plugin, running, v, written } from '../core/mod.ts';
import {
  cluster,
  cri,
  criClient,
  kubernetesRelease,
  madeHosts,
  nodeImages,
  podNetwork,
  serviceNetwork,
  vmRuntime,
} from './capabilities.ts';
import { restorer } from './etcd/restore.ts';
import { resumed } from './etcd/settle.ts';
import { address, addressesIn, declaredFor, withAddress } from './kubeadm/address.ts';
import { answering } from './kubeadm/answering.ts';
import { certificates } from './kubeadm/certificates.ts';
import { kubeadmConfig } from './kubeadm/config.ts';
import { controllers } from './kubeadm/controllers.ts';
import { Endpoint, endpointFault, endpointOf } from './kubeadm/endpoint.ts';
import { DOMAIN, existing, existingNode } from './kubeadm/existing.ts';
import { Etcd, etcdFiles, externalEtcd } from './kubeadm/external-etcd.ts';
import { unfit } from './kubeadm/fitting.ts';
import { cgroups, tools } from './kubeadm/host.ts';
import { CONFIG, init } from './kubeadm/init.ts';
import { join } from './kubeadm/join.ts';
import { joined } from './kubeadm/joining.ts';
import { keepalived, virtualOf } from './kubeadm/keepalived.ts';
import { kubeVip, kubeVipOf, settled } from './kubeadm/kube-vip.ts';
import { kubeletDropIn, kubeletUnit } from './kubeadm/kubelet.ts';
import { KubeletFlags } from './kubeadm/kubelet-flags.ts';
import { Drain } from './kubeadm/leave.ts';
import { networks } from './kubeadm/networks.ts';
import { node } from './kubeadm/node.ts';
import { labels } from './kubeadm/node-labels.ts';
import { JOINING, KUBECONFIG, PLANE, planesOf, ready, registered, untainted } from './kubeadm/nodes.ts';
import { kubeconfigOffer, kubectlOffer } from './kubeadm/offers.ts';
import { kernel, lasting } from './kubeadm/settings.ts';
import { draining, returning } from './kubeadm/turn.ts';
import { reachable, upgrade } from './kubeadm/upgrade.ts';
import { since } from './kubernetes/versions.ts';

const UNIT = '/etc/systemd/system/kubelet.service';
const DROP_IN = `${UNIT}.d/10-kubeadm.conf`;
/** A virtual machine takes longer to start than a process, most of all where it has no help of the processor. */
const PATIENCE = '30m0s';

/** kubeadm makes certificates for a year. */
const Days = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(300));

export const kubeadm = plugin({
  name: 'kubeadm',
  help: 'brings up a control plane on the first host with the role control-plane, has others with it and with the role worker join, and nodes ready',
  options: v.strictObject({
    /** The API server takes no wider one, and cluster DNS has the tenth address of it. */
    serviceSubnet: v.optional(net.subnet(12, 28), '10.96.0.0/12'),
    /**
     * One address for the API, in its certificates and in every kubeconfig. A cluster that was made without one cannot have
     * further control planes.
     */
    endpoint: v.optional(Endpoint),
    /** An etcd that somebody else keeps, in place of one on the control planes; a cluster stays with what it was made with. */
    etcd: v.optional(Etcd),
    /** More flags of kubelet, by name: `{ 'max-pods': 50 }`. */
    kubelet: v.optional(KubeletFlags, {}),
    /** kubeadm's own cluster DNS. Without it the plugin coredns may bring one; without either the smoke test goes by address. */
    dns: v.optional(v.boolean(), true),
    /** kubeadm's own checks before it starts, and the Debian packages they ask for; from 1.11 to 1.30 they need crictl too. */
    preflight: v.optional(v.boolean(), true),
    /** How many workers may be without pods at once, while what restarts kubelet or runtime goes from node to node. */
    maxUnavailable: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)), 1),
    /**
     * A file of `cc run etcd/snapshot` on the controller, from which a cluster goes on that is made anew; never one that is
     * there already.
     */
    restore: v.optional(v.absolutePath()),
    /** How many days before its end a certificate is renewed. */
    certificates: v.optional(v.strictObject({ renewWithin: v.optional(Days, 30) }), { renewWithin: 30 }),
    drain: v.optional(Drain, {}),
  }),
  byHost: ['kubelet'],
  provides: [cluster, serviceNetwork],
  declares: ({ serviceSubnet, dns }) => [serviceNetwork.of({ subnet: serviceSubnet, domain: DOMAIN, dns })],
  build: (
    {
      serviceSubnet,
      endpoint,
      dns,
      preflight,
      restore,
      etcd,
      kubelet: flags,
      maxUnavailable,
      certificates: { renewWithin },
      drain,
    },
    { use, find, refuse, hosts, state, recipe },
  ) => {
    const runtime = use(cri);
    const { version, imageRepository, bin } = use(kubernetesRelease);
    const network = use(podNetwork);
    const podSubnet = network.subnet;
    if (net.overlap(podSubnet, serviceSubnet))
      refuse('serviceSubnet', `shares addresses with the network of pods: ${serviceSubnet}, ${podSubnet}`);
    if (!dns && !since('phases', version)) refuse('dns', `cannot be left out by kubeadm ${version}`);
    const fault = endpoint && endpointFault(endpoint, version, [podSubnet, serviceSubnet]);
    if (fault !== undefined) refuse('endpoint', fault);
    if (etcd && restore !== undefined)
      refuse(
        'restore',
        'is for an etcd on the control planes: restore that of etcd.external where it is kept',
      );
    const all = planesOf([...hosts, ...(find(madeHosts) ?? [])]);
    const virtual = endpoint?.by === 'keepalived' ? virtualOf(endpoint.address, all, version) : undefined;
    if (virtual && 'fault' in virtual) return refuse('endpoint', virtual.fault);
    // Addresses of a host that are not its own.
    const others = [podSubnet, ...(endpoint && net.isIpv4(endpoint.address) ? [endpoint.address] : [])];
    const { socket: criSocket, cgroupDriver } = runtime;
    const common = { version, criSocket, cgroupDriver, serviceSubnet };
    const patience = find(vmRuntime) ? { patience: PATIENCE } : {};
    const shared = endpoint ? { endpoint: endpointOf(endpoint) } : {};
    const kept = find(nodeImages) ? ({ keepsImages: true } as const) : {};
    const elsewhere = etcd ? { etcd: externalEtcd(etcd.external) } : {};
    const declared = { ...common, imageRepository, podSubnet, ...shared, ...elsewhere, ...patience, ...kept };
    const known = declaredFor(hosts);
    const addresses = addressesIn(hosts);
    const file = (
      text: (own: { address?: string }) => string,
      at: { name: string; path: string; where?: typeof PLANE },
    ) =>
      addresses.size === 0
        ? written(text({}), { ...at, needs: [] })
        : composed(withAddress(addresses, others, text), {
            ...at,
            needs: preflight ? ['kubeadm/tools'] : [],
          });
    const kubectl = `${bin}/kubectl`;
    const access = { kubectl, kubeconfig: KUBECONFIG };
    const mine = { name: recipe.name, owner: recipe.owner, shared: endpoint !== undefined };
    const bytes = find(nodeImages) ? ['node-images'] : [];
    const client = find(criClient) ? ['cri-client'] : [];
    const from = restore === undefined ? {} : { restore };
    const host = [
      ...(preflight ? [tools()] : []),
      ...(restore === undefined ? [] : [restorer()]),
      ...cgroups(version),
      kernel(),
    ];
    const files = [
      written(kubeletUnit(bin), { name: 'unit', path: UNIT, needs: [] }),
      file((own) => kubeletDropIn({ ...common, bin, cni: network, flags, ...patience, ...own }), {
        name: 'drop-in',
        path: DROP_IN,
      }),
      file((own) => kubeadmConfig({ ...declared, ...own }), { name: 'config', path: CONFIG, where: PLANE }),
    ];
    const outside = etcd ? etcdFiles({ external: etcd.external, access, version }) : [];
    const planes = all.map(({ name }) => name);
    const vip = endpoint?.by === 'kube-vip' ? kubeVipOf(endpoint, { version, access, planes }) : undefined;
    const pods = vip ? kubeVip(vip) : [];
    const own = [...host, ...files, ...outside, ...pods].map(({ name }) => `kubeadm/${name}`);
    const before = [
      'kubernetes-release',
      'cri',
      ...(network.ahead ?? ['pod-network']),
      ...client,
      ...bytes,
      ...own,
    ];
    const making = {
      ...{ version, kubeadm: `${bin}/kubeadm`, preflight, runtime, network },
      ...(vip ? ({ manifests: true } as const) : {}),
    };
    const ending = vip ? settled(vip) : [];
    const made = ending.at(-1)?.name ?? 'init';
    const joining = { ...making, access, planes, addresses, others };
    const leaving = { version, access, drain };
    const ahead = [
      ...(virtual ? ['kubeadm/shared-address'] : []),
      // Where this host has no cluster, one of the others may have it.
      ...all.slice(1).flatMap(({ madeBy }) => madeBy ?? []),
    ];
    const given = endpoint?.by === 'given' ? { endpoint } : {};
    const named = nodesOf([...hosts, ...(find(madeHosts) ?? [])]);
    const renewing = { version, kubeadm: making.kubeadm, access, planes, renewWithin };
    const saved = etcd ? {} : { snapshots: `${state}/before-upgrades` };
    const upgrading = { version, kubeadm: making.kubeadm, access, preflight, planes, ...saved };
    const turning = { access, version, runtime: runtime.unit, planes, maxUnavailable, drain };
    const kubelet = { disturbs: true, restartOn: [UNIT, DROP_IN, `${bin}/kubelet`] };
    return {
      unfit: (all) => unfit(all, { network, version, endpoint, external: etcd !== undefined }),
      provides: [
        cluster.of({ version, ...access, ...from, ...given, ...(etcd ? { externalEtcd: true } : {}) }),
      ],
      offers: [kubectlOffer(access), kubeconfigOffer(access, mine)],
      steps: [
        address(addresses, others),
        existing({
          ...declared,
          ...from,
          access,
          addresses,
          others,
          ...(known === undefined ? {} : { declaredAddress: known }),
        }),
        existingNode(declared),
        reachable(upgrading),
        draining(turning, 'planes'),
        draining(turning, 'workers'),
        networks({ services: serviceSubnet, network }),
        ...lasting(),
        ...host,
        ...files,
        ...outside,
        ...pods,
        ...(virtual ? keepalived(virtual) : []),
        init({
          ...{ ...making, ...from, kubectl, access, dns, planes, before: [...before, ...ahead] },
          nodes: named.map(({ name }) => name),
          joined: (shell, by, name) => joined(shell, by, name, joining),
        }),
        ...ending,
        upgrade(upgrading, { name: 'upgrade', first: true, where: PLANE, needs: [`kubeadm/${made}`] }),
        // With a certificate that has expired kubelet does not start.
        certificates(renewing, { name: 'certificates', where: PLANE, needs: ['kubeadm/upgrade'] }),
        running('kubelet.service', {
          ...{ ...kubelet, name: 'kubelet', where: PLANE, needs: ['kubeadm/certificates'] },
        }),
        answering({ access, version, planes }),
        join({ ...joining, before: before.filter((need) => need !== 'kubeadm/config') }),
        upgrade(upgrading, { name: 'worker-upgrade', first: false, where: JOINING, needs: ['kubeadm/join'] }),
        certificates(renewing, {
          ...{ name: 'node-certificates', where: JOINING, needs: ['kubeadm/worker-upgrade'] },
          oneByOne: PLANE.firstOf,
        }),
        running('kubelet.service', {
          ...{ ...kubelet, name: 'worker-kubelet', where: JOINING, needs: ['kubeadm/node-certificates'] },
        }),
        ...(restore === undefined ? [] : [resumed()]),
        registered(access, network.overlay),
        returning(turning, { name: 'uncordon', where: PLANE, needs: ['kubeadm/api'] }),
        returning(turning, { name: 'worker-uncordon', where: JOINING, needs: ['kubeadm/registered'] }),
        node({ name: 'node', where: JOINING, need: 'kubeadm/registered', planes }, leaving),
        ...(planes.length > 1
          ? [node({ name: 'plane-node', where: PLANE, need: 'kubeadm/api', planes }, leaving)]
          : []),
        untainted(access, planesOf(hosts)[0]?.taints ?? []),
        labels(access, named),
        ready(access),
        ...(planes.length > 1
          ? [
              controllers({
                ...{ access, planes },
                needs: ['kubeadm/api', 'kubeadm/join'],
                // Who tells an API something does so before one may start anew.
                spares: ['untaint', 'labels', 'uncordon', 'worker-uncordon'].map((name) => `kubeadm/${name}`),
              }),
            ]
          : []),
      ],
    };
  },
});

function nodesOf(hosts: readonly Host[]): readonly Host[] {
  return hosts.filter(({ roles }) => roles.includes(PLANE.firstOf) || roles.includes('worker'));
}
