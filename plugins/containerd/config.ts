/** config.toml of any version: what Kubernetes and the recipe need, in the tables and by the keys that the version reads. */
import type { VmRuntime } from '../capabilities.ts';
import type { Era } from './eras.ts';

type Value = string | boolean | readonly string[];

/** A table by the words of its name, and what stands in it. */
export type Table = readonly [name: readonly string[], values: Readonly<Record<string, Value>>];

export interface Wanted {
  readonly cgroupDriver: 'cgroupfs' | 'systemd';
  readonly confined: boolean;
  /** The folders of the CNI plugins and of their configuration. */
  readonly cni: { readonly bin: string; readonly config: string };
  readonly runc: string;
  readonly pause: string;
  readonly vm?: VmRuntime;
}

/** What cc sets: containerd takes its defaults for the rest. */
export function tables(wanted: Wanted, { pods, pause, cni }: Era): readonly Table[] {
  const { cgroupDriver, confined, runc, vm } = wanted;
  const of = (...more: readonly string[]) => ['plugins', pods, ...more];
  const options = {
    BinaryName: runc,
    NoNewKeyring: confined,
    SystemdCgroup: cgroupDriver === 'systemd',
  };
  const all: readonly Table[] = [
    [['plugins', ...pause.slice(0, -1)], { [pause.at(-1) ?? '']: wanted.pause }],
    [of(), confined ? LIMITS : {}],
    [
      of('cni'),
      {
        [cni]: cni === 'bin_dirs' ? [wanted.cni.bin] : wanted.cni.bin,
        conf_dir: wanted.cni.config,
      },
    ],
    [of('containerd'), { default_runtime_name: 'runc' }],
    [of('containerd', 'runtimes', 'runc'), { runtime_type: 'io.containerd.runc.v2' }],
    [of('containerd', 'runtimes', 'runc', 'options'), options],
    ...(vm ? handler(vm, of('containerd', 'runtimes', vm.handler)) : []),
  ];
  return merged(all).filter(([, values]) => Object.keys(values).length > 0);
}

/** For machines whose root lacks CAP_SYS_RESOURCE and hugetlb cgroups. */
const LIMITS = {
  restrict_oom_score_adj: true,
  disable_hugetlb_controller: true,
  tolerate_missing_hugetlb_controller: true,
};

/** Privileged pods would else be given the devices of the host, which their machine does not have. */
function handler({ handler, path, config }: VmRuntime, table: readonly string[]): readonly Table[] {
  return [
    [
      table,
      {
        runtime_type: `io.containerd.${handler}.v2`,
        runtime_path: path,
        privileged_without_host_devices: true,
      },
    ],
    [[...table, 'options'], config === undefined ? {} : { ConfigPath: config }],
  ];
}

/** TOML has each table once. */
function merged(all: readonly Table[]): readonly Table[] {
  const byName = new Map<string, Table>();
  for (const [name, values] of all) {
    const key = name.join('\n');
    byName.set(key, [name, { ...byName.get(key)?.[1], ...values }]);
  }
  return [...byName.values()];
}

/** The file. JSON is TOML, for these. */
export function toml(all: readonly Table[], { file }: Era): string {
  const text = all.map(([name, values]) => {
    const lines = Object.entries(values).map(([key, value]) => `  ${key} = ${JSON.stringify(value)}\n`);
    return `\n[${name.map(word).join('.')}]\n${lines.join('')}`;
  });
  return `version = ${file}\n${text.join('')}`;
}

function word(name: string): string {
  return /^[\w-]+$/.test(name) ? name : JSON.stringify(name);
}
