/** What a host must have before kubeadm can work on it: programs and the right cgroups. */
import { fail, packages, step } from '../../core/mod.ts';
import { since } from '../kubernetes/versions.ts';

/** What upstream's packages of kubelet and kubeadm depend on: kubernetes/release, debs and rpms of all years. */
const TOOLS = ['conntrack', 'ebtables', 'ethtool', 'iproute2', 'iptables', 'mount', 'socat', 'util-linux'];

export function tools() {
  return packages(TOOLS, { name: 'tools', needs: [] });
}

/** Only where cgroup v2 has the whole folder to itself there is this file; beside v1 it is mounted below. */
const UNIFIED = '/sys/fs/cgroup/cgroup.controllers';

/** Refuses a host on which kubelet would not start; versions between run on both kinds. */
export function cgroups(version: string) {
  const only = since('noCgroupV1', version) ? 2 : since('cgroupV2', version) ? undefined : 1;
  if (only === undefined) return [];
  return [
    step<{ host: string; cgroups: number }>({
      name: 'cgroups',
      first: true,
      needs: [],
      inputs: { only },
      probe: async (view) => ({ host: view.name, cgroups: (await view.stat(UNIFIED)) === undefined ? 1 : 2 }),
      plan: ({ host, cgroups }) => (cgroups === only ? [] : refused({ host, version, found: cgroups, only })),
    }),
  ];
}

interface Refused {
  readonly host: string;
  readonly version: string;
  readonly found: number;
  readonly only: number;
}

function refused({ host, version, found, only }: Refused): never {
  const reasons = [
    `the host has cgroup v${found}, which kubelet ${version} ${found === 1 ? 'refuses' : 'does not know'}`,
    `boot it with systemd.unified_cgroup_hierarchy=${only - 1} on the kernel's command line, where its systemd still can, or use another host`,
  ];
  return fail({
    kind: 'check-failed',
    host,
    what: 'the host has cgroups that kubelet can use',
    reasons,
  });
}
