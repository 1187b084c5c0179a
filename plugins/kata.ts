/** Kata Containers: each pod in a virtual machine of its own, started through a shim that the CRI plugin calls. */
import { type Arch, folder, packages, plugin, unpacked, v, written } from '../core/mod.ts';
import { Version, vmRuntime } from './capabilities.ts';
import { ADDITION, addition } from './kata/config.ts';
import { lacksModel, NETWORKS, type Network } from './kata/network.ts';
import {
  archive,
  HOME,
  type Hypervisor,
  type Layout,
  layoutOf,
  mistake,
  OVERHEAD,
  stateFolders,
  unpacker,
} from './kata/release.ts';
import { ADAPTER, adapter, QEMU } from './vm/adapter.ts';
import { type Accel, boots, NO_ROOT, withoutRoot } from './vm/boot.ts';
import { loaded, type Module, modulesFile } from './vm/modules.ts';
import { KVM, preflight, type Rule, TUN, VHOST_NET, VHOST_VSOCK, VSOCK_FREE } from './vm/preflight.ts';

/** QEMU reaches its guests through the host's vsock; the others bring sockets of their own. */
const VSOCK: Module = { name: 'vhost_vsock', device: 'vhost-vsock' };
const MODULES: Readonly<Record<Accel, readonly Module[]>> = {
  kvm: [{ name: 'vhost_net', device: 'vhost-net' }, VSOCK],
  tcg: [VSOCK],
};

export const kata = plugin({
  name: 'kata',
  help: 'places Kata Containers, which starts each pod in a virtual machine of its own',
  byHost: ['vcpus', 'memory'],
  options: v.strictObject({
    version: v.optional(Version, '4.1.0'),
    /** `fc`, Firecracker, is refused: no container runtime is set up here for what it takes. */
    hypervisor: v.optional(v.picklist(['qemu', 'clh', 'dragonball', 'fc']), 'qemu'),
    /** How a pod's network reaches its machine. Releases from 4.0 on have `tcfilter` alone. */
    network: v.optional(v.picklist(['tcfilter', 'macvtap']), 'tcfilter'),
    /** Of each machine before its containers ask for more. */
    vcpus: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)), 1),
    /** MiB. */
    memory: v.optional(v.pipe(v.number(), v.integer(), v.minValue(256)), 2048),
    /** `tcg` emulates the processor where a host has no KVM: for trying out, slow, and with Debian's QEMU. */
    accel: v.optional(v.picklist(['kvm', 'tcg']), 'kvm'),
  }),
  provides: [vmRuntime],
  build: (options, { arch, refuse }) => {
    const { version, accel, network } = options;
    const hypervisor = options.hypervisor === 'fc' ? refuse('hypervisor', FIRECRACKER) : options.hypervisor;
    const wrong = mistake(version, hypervisor, arch);
    if (wrong !== undefined) refuse('version', wrong);
    if (accel === 'tcg' && hypervisor !== 'qemu')
      refuse('accel', `expected "kvm" for ${hypervisor}, found "tcg"`);
    const other = lacksModel(version, network);
    if (other !== undefined) refuse('network', other);
    const layout = layoutOf(version, hypervisor);
    const modules = hypervisor === 'qemu' ? MODULES[accel] : [];
    const runtime = {
      handler: `kata-${hypervisor}`,
      path: `${HOME}/${layout.shim}`,
      type: 'vm',
      config: `${layout.configFolder}/${layout.configFile}`,
      machine: { program: programOf(hypervisor, layout, accel, arch), accel },
      overhead: OVERHEAD[hypervisor],
    } as const;
    return {
      provides: [vmRuntime.of(runtime)],
      steps: [
        preflight(rules(hypervisor, accel, network)),
        ...programs({ ...options, hypervisor }, layout, arch),
        ...(modules.length > 0 ? [modulesFile('kata', modules), loaded(modules)] : []),
        ...stateFolders(version).map((path) =>
          folder({ name: path.slice(1).replaceAll('/', '-'), path, mode: 0o700, needs: [] }),
        ),
      ],
    };
  },
});

/** Dragonball is a part of the shim. */
function programOf(hypervisor: Hypervisor, { shim }: Layout, accel: Accel, arch: Arch): string {
  if (accel === 'tcg') return `/usr/bin/${QEMU[arch].program}`;
  return `${HOME}/${{ qemu: `bin/${QEMU[arch].program}`, clh: 'bin/cloud-hypervisor', dragonball: shim }[hypervisor]}`;
}

interface Chosen {
  readonly version: string;
  readonly hypervisor: Hypervisor;
  readonly vcpus: number;
  readonly memory: number;
  readonly accel: Accel;
  readonly network: Network;
}

const KERNEL = `${HOME}/share/kata-containers/vmlinuz.container`;

/** The release in its place, configured, and a machine booted by it. */
function programs(chosen: Chosen, layout: Layout, arch: Arch) {
  const { version, hypervisor, vcpus, memory, accel, network } = chosen;
  const emulated = accel === 'tcg';
  const machine = { vcpus, memory, network, ...(emulated ? { emulator: ADAPTER } : {}) };
  return [
    packages([unpacker(version), ...(emulated ? [QEMU[arch].package] : [])], { needs: [] }),
    unpacked(archive(version, arch), {
      name: 'release',
      path: HOME,
      strip: 3, // ./opt/kata
      sizeLimit: 16 * 1024 ** 3, // several guests and hypervisors, each some hundred megabytes
      marker: layout.shim,
      needs: ['kata/packages'],
    }),
    // The release's own QEMU is built without emulation.
    ...(emulated ? [adapter({ qemu: `/usr/bin/${QEMU[arch].program}`, arch, accel })] : []),
    written(addition(hypervisor, machine), {
      name: 'config',
      path: `${layout.configFolder}/${ADDITION}`,
      needs: ['kata/release'],
    }),
    boots({
      qemu: emulated ? ADAPTER : `${HOME}/bin/${QEMU[arch].program}`,
      kernel: KERNEL,
      accel,
      words: withoutRoot(KERNEL, accel, arch),
      reached: NO_ROOT,
      needs: ['kata/release', ...(emulated ? ['kata/qemu'] : [])],
    }),
  ];
}

/** The other hypervisors bring their guests' sockets themselves. */
function rules(hypervisor: Hypervisor, accel: Accel, network: Network): readonly Rule[] {
  const sockets = accel === 'kvm' ? [VHOST_NET, VHOST_VSOCK, VSOCK_FREE] : [EMULATED, VSOCK_FREE];
  return [
    ...(accel === 'kvm' ? [KVM] : []),
    TUN,
    ...(hypervisor === 'qemu' ? sockets : []),
    ...NETWORKS[network].needs,
  ];
}

/** Kernels without KVM often lack it too, and there is no Kata of these releases that does without. */
const EMULATED: Rule = {
  ...VHOST_VSOCK,
  fix: 'run a kernel with the module vhost_vsock, by which Kata 2 and later reach their guests, or take the recipe lab-vm or clear-containers with accel: "tcg", which run pods in emulated machines without it',
};

/** docs/how-to/how-to-use-kata-containers-with-firecracker.md, and shims.fc of the Helm chart: a snapshotter set up by the user. */
const FIRECRACKER =
  'expected "qemu", "clh" or "dragonball", found "fc": Firecracker shares no folder with its guests, so containers would have to be on block devices (devmapper), and CRI-O and containerd are set up for overlay here';
