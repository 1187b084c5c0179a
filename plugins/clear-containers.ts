/** Clear Containers 3.0.21, of 2018: each pod in a virtual machine, by a runtime with runc's command line. */
import { folder, packages, placed, plugin, v, written } from '../core/mod.ts';
import { release, vmRuntime } from './capabilities.ts';
import { runtimeConfig } from './clear-containers/config.ts';
import { GUEST_IMAGE, GUEST_KERNEL, guest } from './clear-containers/guest.ts';
import { rules } from './clear-containers/rules.ts';
import { type Accel, boots } from './vm/boot.ts';
import { loaded, type Module, modulesFile } from './vm/modules.ts';
import { preflight } from './vm/preflight.ts';
import { ADAPTER, adapter, QEMU } from './vm/qemu.ts';

const RUNTIME = '/usr/local/bin/cc-runtime';
const PROXY = '/usr/libexec/clear-containers/cc-proxy';
const SHIM = '/usr/libexec/clear-containers/cc-shim';
/** Read before the one below /usr/share, which its own packages bring. */
const CONFIG = '/etc/clear-containers/configuration.toml';
const STATE = ['/var/lib/virtcontainers', '/run/virtcontainers', '/run/hyper'];
const MODULES: readonly Module[] = [{ name: 'vhost_net', device: 'vhost-net' }];

const Url = v.pipe(v.string(), v.url());

export const clearContainers = plugin({
  name: 'clear-containers',
  help: 'places Clear Containers 3.0.21, which starts each pod in a virtual machine of its own',
  options: v.strictObject({
    /** Where the three programs are: their makers published sources alone. What they must be stands in `cc.lock`. */
    programs: v.strictObject({ runtime: Url, proxy: Url, shim: Url }),
    /** A QEMU that is on the hosts, such as qemu-lite; default: the distribution's. */
    qemu: v.optional(v.string()),
    vcpus: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)), 1),
    /** MiB. */
    memory: v.optional(v.pipe(v.number(), v.integer(), v.minValue(128)), 2048),
    /** `tcg` emulates the processor where a host has no KVM: for trying out, slow. */
    accel: v.optional(v.picklist(['kvm', 'tcg']), 'kvm'),
    debug: v.optional(v.boolean(), false),
  }),
  provides: [vmRuntime],
  build: ({ programs, qemu, accel, ...machine }, { arch, refuse }) => {
    if (arch !== 'amd64') refuse('programs', `expected hosts with amd64, found ${arch}`);
    const hypervisor = qemu !== undefined && accel === 'kvm' ? qemu : ADAPTER;
    const own = emulator(qemu, accel);
    const paths = { qemu: hypervisor, kernel: GUEST_KERNEL, image: GUEST_IMAGE, proxy: PROXY, shim: SHIM };
    return {
      provides: [vmRuntime.of({ handler: 'cc', path: RUNTIME, type: 'oci' })],
      steps: [
        preflight(rules(accel)),
        placed(release('cc-runtime', programs.runtime), { path: RUNTIME, needs: [] }),
        // The runtime starts a proxy for each machine, so that it needs no unit: virtcontainers/cc_proxy.go.
        placed(release('cc-proxy', programs.proxy), { path: PROXY, needs: [] }),
        placed(release('cc-shim', programs.shim), { path: SHIM, needs: [] }),
        ...guest(),
        ...own,
        modulesFile('clear-containers', MODULES),
        loaded(MODULES),
        written(runtimeConfig({ ...paths, ...machine }), { name: 'config', path: CONFIG, needs: [] }),
        ...STATE.map((path) => folder({ name: path.slice(1).replaceAll('/', '-'), path, needs: [] })),
        boots({
          qemu: hypervisor,
          kernel: GUEST_KERNEL,
          accel,
          needs: ['clear-containers/kernel', ...own.map(({ name }) => `clear-containers/${name}`)],
        }),
      ],
    };
  },
});

/** The distribution's QEMU no longer takes all words of 2018; one that a site brings is taken to be of that time. */
function emulator(qemu: string | undefined, accel: Accel) {
  if (qemu !== undefined) return accel === 'kvm' ? [] : [adapter(qemu, accel)];
  return [packages([QEMU.amd64.package], { needs: [] }), adapter(`/usr/bin/${QEMU.amd64.program}`, accel)];
}
