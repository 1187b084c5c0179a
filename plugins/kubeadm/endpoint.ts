/** One address for the API of a cluster, whichever of its control planes answers there. */
import { net, v } from '../../core/mod.ts';
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

export const Endpoint = v.strictObject({
  address: Address,
  port: v.optional(net.Port, API_PORT),
  /**
   * `given`: something outside cc leads there to a control plane whose API answers. `keepalived`: one of the control planes has the
   * address, whose API answers.
   */
  by: v.picklist(['given', 'keepalived']),
});
export type Endpoint = v.InferOutput<typeof Endpoint>;

/** As kubeadm is told of it. */
export function endpointOf({ address, port }: Endpoint): string {
  return `${address}:${port}`;
}

/** Why a cluster of this version and with these networks cannot have it; undefined where it can. */
export function endpointFault(
  { address, port, by }: Endpoint,
  version: string,
  networks: readonly string[],
): string | undefined {
  if (!since('endpoint', version))
    return `is nothing that kubeadm ${minorOf(version)} can be told: take Kubernetes 1.11 or later`;
  if (by === 'keepalived' && !net.isIpv4(address))
    return `is ${address}, and keepalived gives a host an IPv4 address: name one that no host has`;
  if (by === 'keepalived' && port !== API_PORT)
    return `has the port ${port}, and with keepalived it leads to the API server itself, which listens on ${API_PORT}`;
  const within = networks.find((network) => net.isIpv4(address) && net.overlap(address, network));
  return within === undefined
    ? undefined
    : `is ${address}, which lies in the network ${within} of the cluster itself`;
}
