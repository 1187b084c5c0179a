/** Clear Containers 3.0.21, of 2018: each pod in a virtual machine, by a runtime with runc's command line. */
import { folder, placed, plugin, v, written } from '../core/mod.ts';
import { release, vmRuntime } from './capabilities.ts';
import { runtimeConfig } from './clear-containers/config.ts';
import { GUEST_IMAGE, GUEST_KERNEL, guest } from './clear-containers/guest.ts';
import { emulator } from './clear-containers/qemu.ts';
import { rules } from './clear-containers/rules.ts';
import { boots } from './vm/boot.ts';
import { loaded, type Module, modulesFile } from './vm/modules.ts';
import { preflight } from './vm/preflight.ts';

const RUNTIME = '/usr/local/bin/cc-runtime';
const PROXY = '/usr/libexec/clear-containers/cc-proxy';
const SHIM = '/usr/libexec/clear-containers/cc-shim';
/** Read before the one below /usr/share, which its own packages bring. */
const CONFIG = '/etc/clear-containers/configuration.toml';
const STATE = ['/var/lib/virtcontainers', '/run/virtcontainers', '/run/hyper'];
const MODULES: readonly Module[] = [{ name: 'vhost_net', device: 'vhost-net' }];

const Url = v.pipe(v.string(), v.url());
const Qemu = v.pipe(
  v.string(),
  v.check(
    (text) => ['distribution', 'kata'].includes(text) || text.startsWith('/'),
    'expected "distribution", "kata", or the path of a QEMU on the hosts',
  ),
);

const PROGRAMS_MISSING =
  'is needed: of cc-runtime, cc-proxy and cc-shim 3.0.21 there are sources alone, so say by URL where yours are: programs: { runtime, proxy, shim }';

export const clearContainers = plugin({
  name: 'clear-containers',
  help: 'places Clear Containers 3.0.21 of 2018, unpatched since: each pod in a virtual machine of its own, for labs',
  options: v.strictObject({
    /**
     * Where the three programs are, which their makers published as sources alone; what they must be stands in `cc.lock`. A
     * recipe may leave them to those who extend it.
     */
    programs: v.optional(v.strictObject({ runtime: Url, proxy: Url, shim: Url })),
    /** The distribution's; the static one that `kata` published; or the path of one on the hosts, such as qemu-lite. */
    qemu: v.optional(Qemu, 'distribution'),
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
    if (programs === undefined) return refuse('programs', PROGRAMS_MISSING);
    if (qemu === 'kata' && accel === 'tcg')
      refuse('accel', 'expected "kvm" for the QEMU of Kata, which cannot emulate, found "tcg"');
    const { path: hypervisor, steps: own } = emulator(qemu, accel);
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
        ...STATE.map((path) =>
          folder({ name: path.slice(1).replaceAll('/', '-'), path, mode: 0o700, needs: [] }),
        ),
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
