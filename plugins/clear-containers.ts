/** Clear Containers 3.0.21, of 2018: each pod in a virtual machine, by a runtime with runc's command line. */
import { type Context, folder, placed, plugin, v, written } from '../core/mod.ts';
import { vmRuntime } from './capabilities.ts';
import { runtimeConfig } from './clear-containers/config.ts';
import { debianGuest } from './clear-containers/guest/debian.ts';
import { givenGuest } from './clear-containers/guest/given.ts';
import type { Guest } from './clear-containers/guest/guest.ts';
import { READY } from './clear-containers/guest/init.ts';
import { releasedGuest } from './clear-containers/guest/release.ts';
import { NETWORKS } from './clear-containers/network.ts';
import { fromSource, published, tools } from './clear-containers/programs.ts';
import { emulator } from './clear-containers/qemu.ts';
import { rules } from './clear-containers/rules.ts';
import { CALLED, callable, endsAll } from './clear-containers/runtime.ts';
import { vhost } from './clear-containers/vhost.ts';
import { wordsOf } from './clear-containers/words.ts';
import { type Accel, boots, NO_ROOT, withoutRoot } from './vm/boot.ts';
import { loaded, type Module, modulesFile } from './vm/modules.ts';
import { preflight } from './vm/preflight.ts';

const RUNTIME = '/usr/local/bin/cc-runtime';
const PROXY = '/usr/libexec/clear-containers/cc-proxy';
const SHIM = '/usr/libexec/clear-containers/cc-shim';
const PATHS = { runtime: RUNTIME, proxy: PROXY, shim: SHIM };
/** Read before the one below /usr/share, which its own packages bring. */
const CONFIG = '/etc/clear-containers/configuration.toml';
const STATE = ['/var/lib/virtcontainers', '/run/virtcontainers', '/run/hyper'];
const MODULES: readonly Module[] = [{ name: 'vhost_net', device: 'vhost-net' }];

const Url = v.pipe(v.string(), v.url());
const Qemu = v.pipe(
  v.string(),
  v.check(
    (text) => ['distribution', 'kata'].includes(text) || /^\/[\w./+-]+$/.test(text),
    'expected "distribution", "kata", or the path of a QEMU on the hosts',
  ),
);

const Guests = v.union([
  v.picklist(['debian', 'release']),
  v.strictObject({ kernel: Url, initrd: v.optional(Url), image: Url }),
]);

const Options = v.strictObject({
  /** Where a site has the three programs; what they must be stands in `cc.lock`. Default: they are built from source. */
  programs: v.optional(v.strictObject({ runtime: Url, proxy: Url, shim: Url })),
  /**
   * What machines boot: made from packages of Debian and the agent's source; what was released in 2018; or files of a site's
   * own. The initrd is for kernels that have ext4 and NVDIMMs as modules.
   */
  guest: v.optional(Guests, 'debian'),
  /** Of Debian, for what is built and for the guest; its kernels since 13 are no longer made for the first cgroups. */
  suite: v.optional(v.string(), 'bookworm'),
  /** The distribution's; the static one that `kata` published; or the path of one on the hosts, such as qemu-lite. */
  qemu: v.optional(Qemu, 'distribution'),
  /**
   * How a pod's network reaches its machine. `macvtap` wants devices of taps in /dev; `bridged` only bridges. Default: macvtap
   * with KVM, bridged without.
   */
  network: v.optional(v.picklist(['macvtap', 'bridged'])),
  vcpus: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)), 1),
  /** MiB. */
  memory: v.optional(v.pipe(v.number(), v.integer(), v.minValue(128)), 2048),
  /** `tcg` emulates the processor where a host has no KVM: for trying out, slow. */
  accel: v.optional(v.picklist(['kvm', 'tcg']), 'kvm'),
  debug: v.optional(v.boolean(), false),
});
type Options = v.InferOutput<typeof Options>;

const RUNS = { handler: 'cc', path: CALLED, type: 'oci', ends: endsAll(PATHS) } as const;

export const clearContainers = plugin({
  name: 'clear-containers',
  help: 'places Clear Containers 3.0.21 of 2018, unpatched since: each pod in a virtual machine of its own, for labs',
  options: Options,
  provides: [vmRuntime],
  build: (options, context) => {
    const { programs, accel, memory } = options;
    const { arch, refuse } = context;
    if (arch !== 'amd64') refuse('programs', `expected hosts with amd64, found ${arch}`);
    if (options.qemu === 'kata' && accel === 'tcg')
      refuse('accel', 'expected "kvm" for the QEMU of Kata, which cannot emulate, found "tcg"');
    const own = programs === undefined ? fromSource(context) : published(programs);
    const builds = programs === undefined || options.guest === 'debian';
    const guest = guestOf(options.guest, options.suite, context);
    const machine = machineOf(options, guest);
    return {
      provides: [vmRuntime.of({ ...RUNS, machine: machine.shown, overhead: overhead(memory) })],
      steps: [
        preflight(rules(accel, machine.network)),
        ...(builds ? [tools()] : []),
        ...own.steps,
        placed(own.runtime, { name: 'cc-runtime', path: RUNTIME, needs: [] }),
        // The runtime starts a proxy for each machine, so that it needs no unit: virtcontainers/cc_proxy.go.
        placed(own.proxy, { name: 'cc-proxy', path: PROXY, needs: [] }),
        placed(own.shim, { name: 'cc-shim', path: SHIM, needs: [] }),
        callable(PATHS),
        ...guest.steps,
        ...machine.steps,
        ...(accel === 'kvm' ? [modulesFile('clear-containers', MODULES), loaded(MODULES)] : vhost()),
        written(machine.config, { name: 'config', path: CONFIG, needs: [] }),
        ...STATE.map((path) =>
          folder({ name: path.slice(1).replaceAll('/', '-'), path, mode: 0o700, needs: [] }),
        ),
        boots({
          ...proof(guest, memory, accel),
          qemu: machine.qemu,
          kernel: guest.kernel,
          accel,
          needs: [...guest.steps, ...machine.steps]
            .filter(({ where }) => where !== 'controller')
            .map(({ name }) => `clear-containers/${name}`),
        }),
      ],
    };
  },
});

/** What runs the guest, what brings it to the hosts, and how the runtime is told of both. */
function machineOf(options: Omit<Options, 'guest'>, { kernel, image, initrd }: Guest) {
  const { accel, network = accel === 'kvm' ? 'macvtap' : 'bridged', vcpus, memory, debug } = options;
  const { script } = NETWORKS[network];
  const how = {
    accel,
    ...(initrd === undefined ? {} : { initrd }),
    ...(script === undefined ? {} : { network: script }),
  };
  const { path: qemu, program, steps } = emulator(options.qemu, how);
  const files = { qemu, kernel, image, proxy: PROXY, shim: SHIM };
  const parameters = PARAMETERS[accel];
  const config = runtimeConfig({ ...files, vcpus, memory, network, debug, parameters });
  // `ip=::::::ID::off::` on the command line of the kernel: create.go of 3.0.21.
  return { network, qemu, steps, config, shown: { program, accel, named: true } };
}

/** A guest that is known to say so is to come up whole; of others the kernel alone is. */
function proof({ kernel, image, size }: Guest, memory: number, accel: Accel) {
  if (size === undefined) return { words: withoutRoot(kernel, 'kvm', 'amd64'), reached: NO_ROOT };
  return { words: wordsOf({ kernel, image, size, memory }, PARAMETERS[accel]), reached: READY };
}

/** MiB that QEMU takes beside its guest's memory, with proxy and shims. */
const BESIDE = 96;

/** Of the processor a machine at rest takes next to nothing; ten are to find room on a node of two cores. */
function overhead(memory: number) {
  return { cpu: '100m', memory: `${memory + BESIDE}Mi` };
}

/** Emulated processors need no cures for faults of real ones, and take long for them. */
const PARAMETERS = { kvm: '', tcg: 'mitigations=off nokaslr random.trust_cpu=on' } as const;

function guestOf(wanted: v.InferOutput<typeof Guests>, suite: string, context: Context): Guest {
  if (wanted === 'debian') return debianGuest(suite, context);
  return wanted === 'release' ? releasedGuest() : givenGuest(wanted);
}
