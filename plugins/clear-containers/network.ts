/** How a pod's network reaches its machine: the models of cc-runtime 3.0.21, virtcontainers/network.go, by what a host has. */
import type { Rule } from '../vm/preflight.ts';

export type Network = 'macvtap' | 'bridged';

/** The runtime opens the device of the tap that it has made, which only the kernel's own /dev shows at once. */
const DEVICES: Rule = {
  name: 'tap-devices',
  look: `[ "$(findmnt -n -o FSTYPE /dev)" = devtmpfs ] || { echo '/dev is not devtmpfs, so taps have no device in it'; exit 1; }`,
  fix: 'set network to "bridged" for clear-containers',
};

const MACVTAP: Rule = {
  name: 'macvtap',
  look: `[ -d /sys/class/macvtap ] || modprobe --dry-run --quiet macvtap 2>/dev/null || { echo 'the kernel has no macvtap'; exit 1; }`,
  fix: 'run a kernel with the module macvtap, or set network to "bridged" for clear-containers',
};

export interface Model {
  readonly needs: readonly Rule[];
  /** What the adapter does before the machine starts: it runs in the network namespace of the pod. */
  readonly script?: string;
}

/**
 * The bridge joins the pod's interface, which keeps its address, with the machine's tap. So the node would be answered twice: by
 * the namespace and by the machine. And a bridge that the CNI plugins let send packets back to where they came from
 * (hairpin) shows the machine's address at the pod's interface, so that the pod's bridge would learn it at the wrong port.
 * `ip` is asked, because what /sys shows is the network of whoever mounted it.
 */
const BRIDGED = `  for port in $(ip -o link show | sed -nE 's/^[0-9]+: ([^:@]+)[@:].* master .*/\\1/p'); do
    if ip -o -4 address show dev "$port" | grep -q .; then
      ip -4 address flush dev "$port"
      bridge link set dev "$port" learning off
    fi
  done
`;

export const NETWORKS: Readonly<Record<Network, Model>> = {
  macvtap: { needs: [MACVTAP, DEVICES] },
  /** Pods' own networks are made of bridges and taps too, so a host has what it wants. */
  bridged: { needs: [], script: BRIDGED },
};
