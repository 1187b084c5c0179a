/** A cluster by kubeadm: kubelet's unit, kernel settings, init on one host, join on others, nodes ready. */
import { composed, type Host, net, plugin, running, v, written } from '../core/mod.ts';
import {
  cluster,
  cri,
  criClient,
  kubernetesRelease,
  madeHosts,
  nodeImages,
  type PodNetwork,
  podNetwork,
  serviceNetwork,
  vmRuntime,
} from './capabilities.ts';
import { restorer } from './etcd/restore.ts';
import { address, addressesIn, declaredFor, withAddress } from './kubeadm/address.ts';
import { certificates } from './kubeadm/certificates.ts';
import { kubeadmConfig } from './kubeadm/config.ts';
import { Endpoint, endpointFault, endpointOf } from './kubeadm/endpoint.ts';
import { DOMAIN, existing } from './kubeadm/existing.ts';
import { cgroups, tools } from './kubeadm/host.ts';
import { CONFIG, init } from './kubeadm/init.ts';
import { join } from './kubeadm/join.ts';
import { joined } from './kubeadm/joining.ts';
import { keepalived, virtualOf } from './kubeadm/keepalived.ts';
import { kubeletDropIn, kubeletUnit } from './kubeadm/kubelet.ts';
import { Drain } from './kubeadm/leave.ts';
import { networks } from './kubeadm/networks.ts';
import { node } from './kubeadm/node.ts';
import { labels } from './kubeadm/node-labels.ts';
import { answering, JOINING, KUBECONFIG, PLANE, ready, registered, untainted } from './kubeadm/nodes.ts';
import { kubeconfigOffer, kubectlOffer } from './kubeadm/offers.ts';
import { kernel, lasting } from './kubeadm/settings.ts';
import { draining, returning } from './kubeadm/turn.ts';
import { reachable, upgrade } from './kubeadm/upgrade.ts';
import { minorOf, since } from './kubernetes/versions.ts';

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
    /** Cluster DNS; without it the smoke test goes by address. */
    dns: v.optional(v.boolean(), true),
    /** kubeadm's own checks before it starts, and the Debian packages they ask for; from 1.11 to 1.30 they need crictl too. */
    preflight: v.optional(v.boolean(), true),
    /** How many workers may be without pods at once, while what restarts kubelet or runtime goes from node to node. */
    maxUnavailable: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)), 1),
    /**
     * A file of `cc run etcd/snapshot` on the controller, from which a cluster goes on that is made anew; never one that is
     * there already.
     */
    restore: v.optional(v.pipe(v.string(), v.regex(/^\//, 'is no absolute path'))),
    /** How many days before its end a certificate is renewed. */
    certificates: v.optional(v.strictObject({ renewWithin: v.optional(Days, 30) }), { renewWithin: 30 }),
    drain: v.optional(Drain, {}),
  }),
  provides: [cluster, serviceNetwork],
  declares: ({ serviceSubnet }) => [serviceNetwork.of({ subnet: serviceSubnet, domain: DOMAIN })],
  build: (
    {
      serviceSubnet,
      endpoint,
      dns,
      preflight,
      restore,
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
    const all = [...hosts, ...(find(madeHosts) ?? [])].filter(({ roles }) => roles.includes(PLANE.firstOf));
    const virtual = endpoint?.by === 'keepalived' ? virtualOf(endpoint.address, all, version) : undefined;
    if (virtual && 'fault' in virtual) return refuse('endpoint', virtual.fault);
    // Addresses of a host that are not its own.
    const others = [podSubnet, ...(endpoint && net.isIpv4(endpoint.address) ? [endpoint.address] : [])];
    const { socket: criSocket, cgroupDriver } = runtime;
    const common = { version, criSocket, cgroupDriver, serviceSubnet };
    const patience = find(vmRuntime) ? { patience: PATIENCE } : {};
    const shared = endpoint ? { endpoint: endpointOf(endpoint) } : {};
    const declared = { ...common, imageRepository, podSubnet, ...shared, ...patience };
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
      file((own) => kubeletDropIn({ ...common, bin, cni: network, ...patience, ...own }), {
        name: 'drop-in',
        path: DROP_IN,
      }),
      file((own) => kubeadmConfig({ ...declared, ...own }), { name: 'config', path: CONFIG, where: PLANE }),
    ];
    const own = [...host, ...files].map(({ name }) => `kubeadm/${name}`);
    const before = [
      'kubernetes-release',
      'cri',
      ...(network.ahead ?? ['pod-network']),
      ...client,
      ...bytes,
      ...own,
    ];
    const making = { version, kubeadm: `${bin}/kubeadm`, preflight, runtime, network };
    const planes = all.map(({ name }) => name);
    const joining = { ...making, access, planes, addresses, others };
    const leaving = { version, access, drain };
    const ahead = [
      ...(virtual ? ['kubeadm/shared-address'] : []),
      // Where this host has no cluster, one of the others may have it.
      ...all.slice(1).flatMap(({ madeBy }) => madeBy ?? []),
    ];
    const begun = restore === undefined ? {} : { restore: { file: restore, alone: planes.length < 2 } };
    const renewing = { version, kubeadm: making.kubeadm, access, renewWithin };
    const snapshots = `${state}/before-upgrades`;
    const upgrading = { version, kubeadm: making.kubeadm, access, preflight, snapshots };
    const turning = { access, version, planes, maxUnavailable, drain };
    const kubelet = { disturbs: true, restartOn: [UNIT, DROP_IN, `${bin}/kubelet`] };
    return {
      unfit: (all) => unfit(all, { network, version, shared: endpoint !== undefined }),
      provides: [cluster.of({ version, ...access })],
      offers: [kubectlOffer(access), kubeconfigOffer(access, mine)],
      steps: [
        address(addresses, others),
        existing({
          ...declared,
          ...begun,
          addresses,
          others,
          ...(known === undefined ? {} : { declaredAddress: known }),
        }),
        reachable(upgrading),
        draining(turning, 'planes'),
        draining(turning, 'workers'),
        networks({ services: serviceSubnet, network }),
        ...lasting(),
        ...host,
        ...files,
        ...(virtual ? keepalived(virtual) : []),
        init({
          ...{ ...making, ...from, kubectl, access, dns, planes, before: [...before, ...ahead] },
          joined: (shell, by, name) => joined(shell, by, name, joining),
        }),
        upgrade(upgrading, { name: 'upgrade', first: true, where: PLANE, needs: ['kubeadm/init'] }),
        running('kubelet.service', { ...kubelet, name: 'kubelet', where: PLANE, needs: ['kubeadm/upgrade'] }),
        certificates(renewing, { name: 'certificates', where: PLANE, needs: ['kubeadm/kubelet'] }),
        answering(access, version),
        join({ ...joining, before: [...before, 'kubeadm/api'] }),
        upgrade(upgrading, { name: 'worker-upgrade', first: false, where: JOINING, needs: ['kubeadm/join'] }),
        running('kubelet.service', {
          ...{ ...kubelet, name: 'worker-kubelet', where: JOINING, needs: ['kubeadm/worker-upgrade'] },
        }),
        certificates(renewing, {
          ...{ name: 'node-certificates', where: JOINING, needs: ['kubeadm/worker-kubelet'] },
          oneByOne: PLANE.firstOf,
        }),
        registered(access, network.overlay),
        returning(turning, { name: 'uncordon', where: PLANE, needs: ['kubeadm/api'] }),
        returning(turning, { name: 'worker-uncordon', where: JOINING, needs: ['kubeadm/registered'] }),
        node({ name: 'node', where: JOINING, need: 'kubeadm/registered', planes }, leaving),
        ...(planes.length > 1
          ? [node({ name: 'plane-node', where: PLANE, need: 'kubeadm/api', planes }, leaving)]
          : []),
        untainted(access),
        labels(access, nodesOf([...hosts, ...(find(madeHosts) ?? [])])),
        ready(access),
      ],
    };
  },
});

function nodesOf(hosts: readonly Host[]): readonly Host[] {
  return hosts.filter(({ roles }) => roles.includes(PLANE.firstOf) || roles.includes('worker'));
}

interface Fitting {
  readonly network: PodNetwork;
  readonly version: string;
  /** Whether there is one address for several control planes. */
  readonly shared: boolean;
}

/** What is wrong with the hosts: who is what, and whether pods of several nodes would reach each other. */
function unfit(hosts: readonly Host[], fitting: Fitting) {
  const plane = hosts.find(({ roles }) => roles.includes('control-plane'));
  if (plane === undefined) return []; // it is told of each step
  const judged = hosts.map((host) => ({ host, message: faultOf(host.roles, host === plane, fitting) }));
  const faults = judged.flatMap(({ host, message }) =>
    message === undefined ? [] : [{ path: `hosts.${host.name}`, message }],
  );
  const joins = judged.some(({ host, message }) => host !== plane && message === undefined);
  return joins && fitting.network.overlay === undefined
    ? [...faults, { path: 'cni.network', message: APART }]
    : faults;
}

function faultOf(
  roles: readonly string[],
  isFirst: boolean,
  { version, shared }: Fitting,
): string | undefined {
  const [isPlane, isWorker] = [roles.includes('control-plane'), roles.includes('worker')];
  if (isPlane && isWorker) return 'is for the control plane or for work: a host has one of these roles';
  if (!isPlane) return isWorker ? undefined : "would join nothing: roles: ['worker'] makes it a node";
  if (isFirst) return undefined;
  if (!since('planes', version))
    return `would be a further control plane, which kubeadm ${minorOf(version)} cannot join to etcd: take Kubernetes 1.13 or later, or make it a worker`;
  return shared ? undefined : ALONE;
}

const ALONE =
  "would be a further control plane, and those need one address that all share: kubeadm.endpoint: { address: '192.0.2.10', by: 'keepalived' }; a cluster that was made without one cannot get it";
const APART =
  "leaves every node on its own, so that pods of different nodes would have the same addresses: take 'routes' or 'flannel'";
