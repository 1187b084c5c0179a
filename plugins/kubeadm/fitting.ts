/** Which hosts a cluster can have: who may be what, by the version of kubeadm, and whether pods of several nodes reach each other. */
import type { Host } from '../../core/mod.ts';
import type { PodNetwork } from '../capabilities.ts';
import { minorOf, since } from '../kubernetes/versions.ts';
import { type Endpoint, takenFrom } from './endpoint.ts';

interface Fitting {
  readonly network: PodNetwork;
  readonly version: string;
  /** The one address for several control planes. */
  readonly endpoint: Endpoint | undefined;
  /** Whether etcd is elsewhere. */
  readonly external: boolean;
}

/** What is wrong with the hosts: who is what, whose address is taken, and whether pods of several nodes would reach each other. */
export function unfit(hosts: readonly Host[], fitting: Fitting) {
  const plane = hosts.find(({ roles }) => roles.includes('control-plane'));
  if (plane === undefined) return []; // it is told of each step
  const judged = hosts.map((host) => ({ host, message: faultOf(host.roles, host === plane, fitting) }));
  const faults = judged.flatMap(({ host, message }) =>
    message === undefined ? [] : [{ path: `hosts.${host.name}`, message: `${message}${maker(host)}` }],
  );
  const nodes = judged.filter(({ message }) => message === undefined).length;
  const apart = nodes > 1 ? apartIn(fitting.network, nodes) : [];
  const taken = fitting.endpoint && takenFrom(fitting.endpoint, hosts);
  return [...faults, ...(taken ? [{ path: 'kubeadm.endpoint', message: taken }] : []), ...apart];
}

/** A host that nobody has declared is told with what brings it. */
function maker({ madeBy }: Host): string {
  const [plugin] = madeBy?.split('/') ?? [];
  return plugin === undefined
    ? ''
    : `; the plugin ${plugin} makes it, and without: ['${plugin}'] leaves it out`;
}

/** Why pods of so many nodes would not reach each other. */
function apartIn({ overlay, subnet }: PodNetwork, nodes: number) {
  if (overlay === undefined) return [{ path: 'cni.network', message: APART }];
  const room = 2 ** (PART - Number(subnet.split('/')[1]));
  const message = `is ${subnet}, which has room for ${room === 1 ? 'one node' : `${room} nodes`}, a /${PART} each, and the recipe has ${nodes}: take a larger network`;
  return nodes > room ? [{ path: 'cni.subnet', message }] : [];
}

/** Bits of the network of a node's pods: the controller manager's `--node-cidr-mask-size`, as it is where nothing is said. */
const PART = 24;

function faultOf(
  roles: readonly string[],
  isFirst: boolean,
  { version, endpoint, external }: Fitting,
): string | undefined {
  const [isPlane, isWorker] = [roles.includes('control-plane'), roles.includes('worker')];
  if (isPlane && isWorker) return 'is for the control plane or for work: a host has one of these roles';
  if (!isPlane) return isWorker ? undefined : "would join nothing: roles: ['worker'] makes it a node";
  if (isFirst) return undefined;
  if (!since(external ? 'outerPlanes' : 'planes', version)) return tooOld(version);
  return endpoint ? undefined : ALONE;
}

/** kubeadm 1.12 joins a control plane where etcd is elsewhere; versions before know no such join. */
function tooOld(version: string): string {
  const [cannot, instead] = since('outerPlanes', version)
    ? ['join to etcd', 'have etcd elsewhere, by kubeadm.etcd.external, ']
    : ['have join', ''];
  return `would be a further control plane, which kubeadm ${minorOf(version)} cannot ${cannot}: take Kubernetes 1.13 or later, ${instead}or make it a worker`;
}

const ALONE =
  "would be a further control plane, and those need one address that all share: kubeadm.endpoint: { address: '192.0.2.10', by: 'keepalived' }; a cluster that was made without one cannot get it";
const APART =
  "leaves every node on its own, so that pods of different nodes would have the same addresses: take 'routes' or 'flannel'";
