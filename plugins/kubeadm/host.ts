/** What a host must have before kubeadm can work on it: programs and the right cgroups. */
import { fail, packages, step } from '../../core/mod.ts';
import { since } from '../kubernetes/versions.ts';
import { PLANE } from './nodes.ts';

/** What upstream's packages of kubelet and kubeadm depend on: kubernetes/release, debs and rpms of all years. */
const TOOLS = ['conntrack', 'ebtables', 'ethtool', 'iproute2', 'iptables', 'mount', 'socat', 'util-linux'];

export function tools() {
  return packages(TOOLS, { name: 'tools', where: PLANE, needs: [] });
}

/** Only where cgroup v2 has the whole folder to itself there is this file; beside v1 it is mounted below. */
const UNIFIED = '/sys/fs/cgroup/cgroup.controllers';

/** Refuses a host on which kubelet would not start; versions between run on both kinds. */
export function cgroups(version: string) {
  const only = since('noCgroupV1', version) ? 2 : since('cgroupV2', version) ? undefined : 1;
  if (only === undefined) return [];
  return [
    step<{ cgroups: number }>({
      name: 'cgroups',
      first: true,
      where: PLANE,
      needs: [],
      inputs: { only },
      probe: async (view) => ({ cgroups: (await view.stat(UNIFIED)) === undefined ? 1 : 2 }),
      plan: ({ cgroups }) => (cgroups === only ? [] : refused(version, cgroups, only)),
    }),
  ];
}

function refused(version: string, found: number, only: number): never {
  const reasons = [
    `the host has cgroup v${found}, which kubelet ${version} ${found === 1 ? 'refuses' : 'does not know'}`,
    `boot it with systemd.unified_cgroup_hierarchy=${only - 1} on the kernel's command line, where its systemd still can, or use another host`,
  ];
  return fail({
    kind: 'check-failed',
    host: 'the control plane',
    what: 'the host has cgroups that kubelet can use',
    reasons,
  });
}
