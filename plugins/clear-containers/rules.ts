/** What Clear Containers ask of a host beside KVM: cc-check_amd64.go of 3.0.21. */
import type { Accel } from '../vm/boot.ts';
import { KVM, type Rule, TUN, VHOST_NET } from '../vm/preflight.ts';
import { NETWORKS, type Network } from './network.ts';

const AMD64: Rule = {
  name: 'amd64',
  look: `found=$(uname -m); [ "$found" = x86_64 ] || { echo "the processor is $found"; exit 1; }`,
  fix: 'use a host with an Intel processor',
};

const INTEL: Rule = {
  name: 'intel',
  look: `grep -q '^vendor_id.*GenuineIntel' /proc/cpuinfo || { echo 'the processor is not from Intel'; exit 1; }`,
  fix: 'use a host with an Intel processor',
};

const FLAGS: Rule = {
  name: 'cpu-flags',
  look: `missing=
for flag in lm sse4_1 vmx; do grep -qw "^flags.* $flag" /proc/cpuinfo || missing="$missing $flag"; done
[ -z "$missing" ] || { echo "the processor lacks$missing"; exit 1; }`,
  fix: 'turn virtualisation on in the firmware, or nested virtualisation where the host is a VM',
};

/** runc and Kubernetes of that time know the first version only. */
const CGROUP_V1: Rule = {
  name: 'cgroup-v1',
  look: `[ "$(stat -fc %T /sys/fs/cgroup)" != cgroup2fs ] || { echo 'only cgroup v2 is mounted'; exit 1; }`,
  fix: 'boot the host with systemd.unified_cgroup_hierarchy=0',
};

/** The runtime opens /dev/vhost-net for each network; where the processor is emulated, the adapter makes no use of it. */
export function rules(accel: Accel, network: Network): readonly Rule[] {
  const own = accel === 'kvm' ? [KVM, INTEL, FLAGS, VHOST_NET] : [];
  return [AMD64, ...own, TUN, CGROUP_V1, ...NETWORKS[network].needs];
}
