/** How a pod's network reaches its machine: the models of cc-runtime 3.0.21, virtcontainers/network.go, by what a host has. */
import { macvtapOr, type Rule } from '../vm/preflight.ts';

export type Network = 'macvtap' | 'bridged';

export interface Model {
  readonly needs: readonly Rule[];
  /** What the adapter does before the machine starts: it runs in the network namespace of the pod. */
  readonly script?: string;
}

/**
 * The bridge joins the pod's interface, which keeps its address, with the machine's tap. So the node would be answered twice: by
 * the namespace and by the machine. The namespace is told to answer nobody. It keeps the address, because by that the CNI
 * plugins find the rules of iptables that they take back. And a bridge that the CNI plugins let send packets back to where
 * they came from (hairpin) shows the machine's address at the pod's interface, so that the pod's bridge would learn it at the
 * wrong port. `ip` is asked, because what /sys shows is the network of whoever mounted it.
 */
const BRIDGED = `  for port in $(ip -o link show | sed -nE 's/^[0-9]+: ([^:@]+)[@:].* master .*/\\1/p'); do
    if ip -o -4 address show dev "$port" | grep -q .; then
      sysctl -qw net.ipv4.conf.all.arp_ignore=8
      bridge link set dev "$port" learning off
    fi
  done
`;

export const NETWORKS: Readonly<Record<Network, Model>> = {
  macvtap: { needs: macvtapOr('or set network to "bridged" for clear-containers') },
  /** Pods' own networks are made of bridges and taps too, so a host has what it wants. */
  bridged: { needs: [], script: BRIDGED },
};
