/** crio.conf of any version: the settings that kubelet and the recipe need, by the names that the version knows. */
import { atLeast } from '../capabilities.ts';
import { keyOf } from './keys.ts';

export type Value = string | number | boolean | readonly string[];
/** By table and key: `crio.runtime.pids_limit`. */
export type Settings = Readonly<Record<string, Value>>;

export interface Wanted {
  readonly version: string;
  readonly cgroupDriver: 'cgroupfs' | 'systemd';
  readonly programs: { readonly conmon: string; readonly pinns: string; readonly runtime: string };
  readonly vm?: Vm;
  /** Whether pods that ask for nothing are put into virtual machines, where a version can be told so. */
  readonly untrusted: boolean;
  readonly pauseImage: string;
  readonly policy: string;
  readonly storage: { readonly root: string; readonly runroot: string };
  /** A file with the profile, for versions that have none built in. */
  readonly seccomp?: string;
  /** The folders of the CNI plugins and of their configuration. */
  readonly cni: { readonly bin: string; readonly config: string };
}

interface Vm {
  readonly handler: string;
  readonly path: string;
  readonly type: 'oci' | 'vm';
  readonly config?: string;
}

/** Before, CRI-O does not start with it: "Unknown option", vendor/github.com/containers/storage/drivers/overlay/overlay.go. */
const SKIPS_HOME = '1.19.0';
/** Whether a version has tables of runtimes is seen by this key. */
const TABLES = 'crio.runtime.runtimes.runc.runtime_path';

/** What cc sets; of names that a version does not know only the meaning is lost, which is why each has its reason here. */
export function settingsFor(wanted: Wanted): Settings {
  const { version, cgroupDriver, programs, pauseImage, policy, storage, seccomp, cni } = wanted;
  const known = (path: string) => keyOf(path, version) !== undefined;
  const settings: readonly (readonly [string, Value])[] = [
    ['crio.root', storage.root],
    ['crio.runroot', storage.runroot],
    ['crio.storage_driver', 'overlay'],
    // A shim in a mount namespace of its own would not see the containers' file systems: kata-containers#8760.
    ...(wanted.vm?.type === 'vm' && atLeast(version, SKIPS_HOME)
      ? ([['crio.storage_option', ['overlay.skip_mount_home=true']]] as const)
      : []),
    ['crio.runtime.cgroup_manager', cgroupDriver],
    // CRI-O starts with cgroupfs only when its monitors share the cgroup of their pod.
    ['crio.runtime.conmon_cgroup', cgroupDriver === 'cgroupfs' ? 'pod' : 'system.slice'],
    ['crio.runtime.conmon', programs.conmon],
    ['crio.runtime.pinns_path', programs.pinns],
    // The default folder would be made on the host.
    ['crio.runtime.hooks_dir', []],
    ...(seccomp === undefined ? [] : ([['crio.runtime.seccomp_profile', seccomp]] as const)),
    ...runtimes(wanted, known),
    ['crio.image.pause_image', pauseImage],
    // Empty means what the image says; before there were tables, only its arguments.
    ...(known(TABLES) ? ([['crio.image.pause_command', '']] as const) : []),
    ['crio.image.signature_policy', policy],
    ['crio.network.network_dir', cni.config],
    known('crio.network.plugin_dirs')
      ? ['crio.network.plugin_dirs', [cni.bin]]
      : ['crio.network.plugin_dir', cni.bin],
  ];
  return Object.fromEntries(settings.filter(([path]) => known(path)));
}

/** Tables of runtimes since 1.12; before, one for the trusted and one for all others. */
function runtimes(
  { programs: { runtime }, vm, untrusted }: Wanted,
  known: (path: string) => boolean,
): readonly (readonly [string, Value])[] {
  if (!known(TABLES)) {
    return [
      ['crio.runtime.runtime', runtime],
      ...(vm ? ([['crio.runtime.runtime_untrusted_workload', vm.path]] as const) : []),
      ['crio.runtime.default_workload_trust', vm && untrusted ? 'untrusted' : 'trusted'],
    ];
  }
  const table = (handler: string, values: Readonly<Record<string, Value>>) =>
    Object.entries(values).map(([key, value]) => [`crio.runtime.runtimes.${handler}.${key}`, value] as const);
  return [
    // A table replaces the built-in one of its name as a whole.
    ['crio.runtime.default_runtime', 'runc'],
    ...table('runc', { runtime_path: runtime, runtime_type: 'oci', runtime_root: '/run/runc' }),
    ...(vm ? table(vm.handler, vmTable(vm)) : []),
  ];
}

function vmTable({ path, type, config }: Vm): Readonly<Record<string, Value>> {
  return {
    runtime_path: path,
    runtime_type: type,
    runtime_root: '/run/vc',
    ...(config === undefined ? {} : { runtime_config_path: config }),
    // A privileged pod would else be given the devices of the host, which its machine does not have.
    privileged_without_host_devices: true,
  };
}

/** What is wrong with settings that a recipe adds, by key. */
export function mistakes(settings: Settings, version: string): Readonly<Record<string, string>> {
  const wrong = Object.entries(settings).flatMap(([path, value]) => {
    const key = keyOf(path, version);
    if (!key) return [[path, `is not known to CRI-O ${version}, which would ignore it`]];
    return key.type === typeOf(value) ? [] : [[path, `is a ${key.type} in CRI-O ${version}`]];
  });
  return Object.fromEntries(wrong) as Readonly<Record<string, string>>;
}

function typeOf(value: Value): string {
  if (typeof value === 'string') return 'text';
  if (typeof value === 'number') return 'number';
  return typeof value === 'boolean' ? 'flag' : 'list';
}

/** The file: each table once, in the order in which its first key comes. */
export function toml(settings: Settings): string {
  const tables = new Map<string, string[]>();
  for (const [path, value] of Object.entries(settings)) {
    const [table, key] = [path.slice(0, path.lastIndexOf('.')), path.slice(path.lastIndexOf('.') + 1)];
    tables.set(table, [...(tables.get(table) ?? []), `${key} = ${text(value)}`]);
  }
  return [...tables].map(([table, lines]) => `[${table}]\n${lines.join('\n')}\n`).join('\n');
}

/** JSON is TOML, for these. */
export function text(value: Value): string {
  return JSON.stringify(value);
}
