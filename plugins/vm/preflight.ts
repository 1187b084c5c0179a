/** Whether a host can start virtual machines at all: named looks, each with what mends it, before anything is changed. */
import { cmd, fail, step, type View } from '../../core/mod.ts';

/** One thing that must hold. */
export interface Rule {
  readonly name: string;
  /** A POSIX script that only looks: it exits 0 where the rule holds, else prints what it found. */
  readonly look: string;
  /** What to do, as one line. */
  readonly fix: string;
}

/** A CPU flag would say less: it may be missing where KVM works all the same. */
export const KVM: Rule = {
  name: 'kvm',
  look: `[ -e /dev/kvm ] || { echo 'there is no /dev/kvm'; exit 1; }
(exec 3<>/dev/kvm) 2>/dev/null || { echo '/dev/kvm cannot be opened'; exit 1; }`,
  fix: 'turn virtualisation on in the firmware, or nested virtualisation where the host is a VM, and load kvm_intel or kvm_amd',
};

export const TUN: Rule = {
  name: 'tun',
  look: `[ -c /dev/net/tun ] || modprobe --dry-run --quiet tun 2>/dev/null || { echo 'there is no /dev/net/tun'; exit 1; }`,
  fix: 'run a kernel with the module tun',
};

/** vhost devices come with their module; one that is only loadable is loaded later. */
export const VHOST_NET: Rule = {
  name: 'vhost-net',
  look: `[ -c /dev/vhost-net ] || modprobe --dry-run --quiet vhost_net 2>/dev/null || { echo 'there is no /dev/vhost-net'; exit 1; }`,
  fix: 'run a kernel with the module vhost_net',
};

export const VHOST_VSOCK: Rule = {
  name: 'vhost-vsock',
  look: `[ -c /dev/vhost-vsock ] || modprobe --dry-run --quiet vhost_vsock 2>/dev/null || {
  echo 'there is no /dev/vhost-vsock'
  exit 1
}`,
  fix: 'run a kernel with the module vhost_vsock, or let a hypervisor run pods that does without',
};

export const MACVTAP: Rule = {
  name: 'macvtap',
  look: `[ -d /sys/class/macvtap ] || modprobe --dry-run --quiet macvtap 2>/dev/null || { echo 'the kernel has no macvtap'; exit 1; }`,
  fix: 'run a kernel with the module macvtap',
};

/** Runtimes open the device of a tap that they have made, which only the kernel's own /dev shows at once. */
export const TAP_DEVICES: Rule = {
  name: 'tap-devices',
  look: `[ "$(findmnt -n -o FSTYPE /dev)" = devtmpfs ] || { echo '/dev is not devtmpfs, so taps have no device in it'; exit 1; }`,
  fix: 'mount the devtmpfs of the kernel at /dev',
};

/** What a network by macvtap wants; a host that lacks it may do without, as `instead` says. */
export function macvtapOr(instead: string): readonly Rule[] {
  return [MACVTAP, TAP_DEVICES].map((rule) => ({ ...rule, fix: `${rule.fix}, ${instead}` }));
}

/** By its list of modules, which has those that are built in too, or by its own word where a kernel comes without one. */
export const TCFILTER: Rule = {
  name: 'tcfilter',
  look: `lacks=
for module in sch_ingress act_mirred cls_u32; do
  modprobe --dry-run --quiet "$module" 2>/dev/null && continue
  word=CONFIG_NET_$(echo "$module" | tr '[:lower:]' '[:upper:]')
  zcat /proc/config.gz 2>/dev/null | cat - "/boot/config-$(uname -r)" 2>/dev/null | grep -qE "^$word=[ym]" || lacks="$lacks $module"
done
[ -z "$lacks" ] || { echo "the kernel lacks$lacks"; exit 1; }`,
  fix: 'run a kernel with the modules sch_ingress, act_mirred and cls_u32',
};

/** A guest of VMware may have given its sockets to that hypervisor: docs/design/VSocks.md of Kata. */
export const VSOCK_FREE: Rule = {
  name: 'vsock-free',
  look: `! grep -q '^vmw_vsock_vmci_transport ' /proc/modules || {
  echo 'vmw_vsock_vmci_transport is loaded'
  exit 1
}`,
  fix: 'rmmod vmw_vsock_vmci_transport, and keep it from being loaded at boot',
};

/** What was found where rules do not hold, by their names. */
type Wrong = { readonly [rule: string]: string };

type Facts = { host: string; wrong: Wrong };

/** Refuses a host on which a rule does not hold, and tells all that do not. */
export function preflight(rules: readonly Rule[]) {
  return step<Facts>({
    name: 'preflight',
    first: true,
    needs: [],
    inputs: { rules: rules.map(({ name }) => name) },
    probe: async (view) => ({ host: view.name, wrong: await wrongOn(view, rules, LOOKING) }),
    plan: ({ host, wrong }) => {
      const broken = rules.filter(({ name }) => name in wrong);
      if (broken.length === 0) return [];
      const reasons = broken.map(({ name, fix }) => `${name}: ${wrong[name]}; ${fix}`);
      return fail({ kind: 'check-failed', host, what: 'the host can start virtual machines', reasons });
    },
  });
}

const LOOKING = 'a script that looks whether virtual machines can be started';

/** Looks at a host by all rules, in one command with that title. */
export async function wrongOn(view: View, rules: readonly Rule[], title: string): Promise<Wrong> {
  const lines = (await view.read({ ...cmd`sh -c ${lookAll(rules)} cc`, title })).split('\n');
  const pairs = lines.filter(Boolean).map((line) => line.split('\t') as [string, string]); // as printed below
  return Object.fromEntries(pairs);
}

/** Prints a line for each rule that does not hold: its name, a tab, what was found. */
export function lookAll(rules: readonly Rule[]): string {
  const one = ({ name, look }: Rule) =>
    `found=$( (\n${look}\n) 2>&1) || printf '%s\\t%s\\n' ${name} "$(printf %s "$found" | tr '\\n\\t' '  ')"`;
  return rules.map(one).join('\n');
}
