/** Kata Containers: each pod in a virtual machine of its own, started through a shim that the CRI plugin calls. */
import { type Arch, folder, packages, plugin, unpacked, v, written } from '../core/mod.ts';
import { Version, vmRuntime } from './capabilities.ts';
import { ADDITION, addition } from './kata/config.ts';
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
import { KVM, preflight, TUN, VHOST_NET, VHOST_VSOCK, VSOCK_FREE } from './vm/preflight.ts';

/** QEMU reaches its guests through the host's vsock; the others bring sockets of their own. */
const MODULES: readonly Module[] = [
  { name: 'vhost_net', device: 'vhost-net' },
  { name: 'vhost_vsock', device: 'vhost-vsock' },
];

export const kata = plugin({
  name: 'kata',
  help: 'places Kata Containers, which starts each pod in a virtual machine of its own',
  options: v.strictObject({
    version: v.optional(Version, '4.1.0'),
    hypervisor: v.optional(v.picklist(['qemu', 'clh', 'dragonball']), 'qemu'),
    /** Of each machine before its containers ask for more. */
    vcpus: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)), 1),
    /** MiB. */
    memory: v.optional(v.pipe(v.number(), v.integer(), v.minValue(256)), 2048),
    /** `tcg` emulates the processor where a host has no KVM: for trying out, slow, and with Debian's QEMU. */
    accel: v.optional(v.picklist(['kvm', 'tcg']), 'kvm'),
  }),
  provides: [vmRuntime],
  build: (options, { arch, refuse }) => {
    const { version, hypervisor, accel } = options;
    const wrong = mistake(version, hypervisor, arch);
    if (wrong !== undefined) refuse('version', wrong);
    if (accel === 'tcg' && hypervisor !== 'qemu')
      refuse('accel', `expected "kvm" for ${hypervisor}, found "tcg"`);
    const layout = layoutOf(version, hypervisor);
    const modules = hypervisor === 'qemu' ? MODULES : [];
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
        preflight(rules(accel, modules.length > 0)),
        ...programs(options, layout, arch),
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
}

const KERNEL = `${HOME}/share/kata-containers/vmlinuz.container`;

/** The release in its place, configured, and a machine booted by it. */
function programs({ version, hypervisor, vcpus, memory, accel }: Chosen, layout: Layout, arch: Arch) {
  const emulated = accel === 'tcg';
  const path = emulated ? { path: ADAPTER } : {};
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
    written(addition(hypervisor, { vcpus, memory, ...path }), {
      name: 'config',
      path: `${layout.configFolder}/${ADDITION}`,
      needs: ['kata/release'],
    }),
    boots({
      qemu: emulated ? ADAPTER : `${HOME}/bin/${QEMU[arch].program}`,
      kernel: KERNEL,
      accel,
      words: withoutRoot(KERNEL, accel, arch === 'amd64' ? 'q35' : 'virt'),
      reached: NO_ROOT,
      needs: ['kata/release', ...(emulated ? ['kata/qemu'] : [])],
    }),
  ];
}

/** The other hypervisors bring their guests' sockets themselves. */
function rules(accel: Accel, vsock: boolean) {
  return [...(accel === 'kvm' ? [KVM] : []), TUN, ...(vsock ? [VHOST_NET, VHOST_VSOCK, VSOCK_FREE] : [])];
}
