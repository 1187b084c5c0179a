/** One address for the API of a cluster, whichever of its control planes answers there. */
import { type Host, net, v } from '../../core/mod.ts';
import { minorOf, since } from '../kubernetes/versions.ts';

/** As kubeadm asks for it: an address, or a name of RFC 1123. */
const NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/;

const Address = v.pipe(
  v.string(),
  v.check(
    (text) => net.isIpv4(text) || (NAME.test(text) && !/^[\d.]+$/.test(text)),
    ({ input }) => `expected an IPv4 address or a host name, as api.example.org, found "${input}"`,
  ),
);

/** The port on which the API server of each control plane listens. */
export const API_PORT = 6443;

const Image = v.pipe(
  v.string(),
  v.check(
    (text) => /^[a-z0-9][\w.:/-]*@sha256:[0-9a-f]{64}$/.test(text),
    'expected an image by its digest, as ghcr.io/kube-vip/kube-vip@sha256:…, with 64 digits',
  ),
);

export const Endpoint = v.strictObject({
  address: Address,
  port: v.optional(net.Port, API_PORT),
  /**
   * `given`: something outside cc leads there to a control plane whose API answers. `keepalived`, `kube-vip`: one of the control
   * planes has the address, whose API answers.
   */
  by: v.picklist(['given', 'keepalived', 'kube-vip']),
  /** Of kube-vip 0.6 or later, by its digest: it runs as root, with what the cluster's administrator can do. */
  image: v.optional(Image),
  /** The link on which kube-vip has the address; default: the one in whose network it lies. */
  interface: v.optional(net.Interface),
});
export type Endpoint = v.InferOutput<typeof Endpoint>;

/** As kubeadm is told of it. */
export function endpointOf({ address, port }: Endpoint): string {
  return `${address}:${port}`;
}

/** Why a cluster of this version and with these networks cannot have it; undefined where it can. */
export function endpointFault(
  endpoint: Endpoint,
  version: string,
  networks: readonly string[],
): string | undefined {
  const { address, port, by, image, interface: link } = endpoint;
  if (!since('endpoint', version))
    return `is nothing that kubeadm ${minorOf(version)} can be told: take Kubernetes 1.11 or later`;
  const isVirtual = by !== 'given';
  if (isVirtual && !net.isIpv4(address))
    return `is ${address}, and ${by} gives a host an IPv4 address: name one that no host has`;
  if (isVirtual && port !== API_PORT)
    return `has the port ${port}, and with ${by} it leads to the API server itself, which listens on ${API_PORT}`;
  const told = image === undefined ? link && 'interface' : 'image';
  if (by !== 'kube-vip' && told !== undefined) return `has an ${told}, which is for by: 'kube-vip' alone`;
  if (by === 'kube-vip' && image === undefined)
    return "has no image of kube-vip: image: 'ghcr.io/kube-vip/kube-vip@sha256:…', by the digest of the one that you trust";
  if (by === 'kube-vip' && !since('leases', version))
    return `cannot be by kube-vip with Kubernetes ${minorOf(version)}: its pods agree by Leases, which 1.14 has first; take keepalived`;
  const within = networks.find((network) => net.isIpv4(address) && net.overlap(address, network));
  return within === undefined
    ? undefined
    : `is ${address}, which lies in the network ${within} of the cluster itself`;
}

/** By which address others reach a host, as far as the recipe says so by itself. */
export function ownAddress({
  address,
  connection,
}: Pick<Host, 'address' | 'connection'>): string | undefined {
  const said = [address, connection.kind === 'ssh' ? connection.address : undefined];
  return address !== undefined && !net.isIpv4(address)
    ? undefined
    : said.find((text) => text && net.isIpv4(text));
}

/** Whose own address a virtual one is: that host would be reached no more. */
export function takenFrom({ address, by }: Endpoint, hosts: readonly Host[]): string | undefined {
  const owner = by === 'given' ? undefined : hosts.find((host) => ownAddress(host) === address);
  return owner && `is ${address}, which is the address of ${owner.name}: name one that no host has`;
}
