/** What versions of containerd read and whom they answer, as data, each with the place where upstream says so. */
import { atLeast } from '../capabilities.ts';

export interface Era {
  /** The version of the configuration file: containerd/containerd, docs/PLUGINS.md and version/version.go. */
  readonly file: 2 | 3 | 4;
  /** The plugin that has the tables of pods and runtimes: docs/cri/config.md. */
  readonly pods: string;
  /** Where the image of the container that holds a pod together is named; the last word is the key. */
  readonly pause: readonly string[];
  /** The key of the folder of CNI plugins; of several folders, where it ends in `s`. */
  readonly cni: 'bin_dir' | 'bin_dirs';
  /**
   * Minor versions of Kubernetes whose kubelet speaks the same CRI: v1alpha2 from 1.10 to 1.25, v1 from 1.23 on. RELEASES.md,
   * "Kubernetes Support"; pkg/cri/server/service.go has v1 from v1.6.0 on, and v1alpha2 until v2.0.0.
   */
  readonly kubernetes: readonly [first: number, last: number];
}

const ONE = {
  file: 2,
  pods: 'io.containerd.grpc.v1.cri',
  pause: ['io.containerd.grpc.v1.cri', 'sandbox_image'],
  cni: 'bin_dir',
} as const;
const TWO = {
  pods: 'io.containerd.cri.v1.runtime',
  pause: ['io.containerd.cri.v1.images', 'pinned_images', 'sandbox'],
  kubernetes: [23, Number.POSITIVE_INFINITY],
} as const;

/**
 * By the first version of each. Before 1.4 keys are missing that machines like the lab's cannot do without
 * (`disable_hugetlb_controller`). Keys are those of the structs in pkg/cri/config/config.go, from v2.0.0 on
 * internal/cri/config/config.go; the fourth version of the file has only keys in other places that cc leaves alone.
 */
const ERAS: readonly (readonly [first: string, era: Era])[] = [
  ['1.4.0', { ...ONE, kubernetes: [10, 25] }],
  ['1.6.0', { ...ONE, kubernetes: [10, Number.POSITIVE_INFINITY] }],
  ['2.0.0', { ...TWO, file: 3, cni: 'bin_dir' }],
  ['2.1.0', { ...TWO, file: 3, cni: 'bin_dirs' }],
  ['2.3.0', { ...TWO, file: 4, cni: 'bin_dirs' }],
];
/** The first version of which nothing is known. */
const UNKNOWN = '3.0.0';

/** What a version reads; undefined for one that cc knows nothing of. */
export function eraOf(version: string): Era | undefined {
  if (atLeast(version, UNKNOWN)) return undefined;
  return ERAS.findLast(([first]) => atLeast(version, first))?.[1];
}

/**
 * Whether `runtime_path` is heeded. 1.5 does not know the key; 1.6.0 to 1.6.20 and 1.7.0 take it, and start a shim of that name
 * from their PATH all the same: containerd#8207.
 */
export function startsByPath(version: string): boolean {
  return atLeast(version, '1.6.21') && !(atLeast(version, '1.7.0') && !atLeast(version, '1.7.1'));
}

/** What releases of Debian hold, as of November 2026; that of sid moves on. */
export const SUITES: Readonly<Record<string, string>> = {
  bullseye: '1.4.13',
  bookworm: '1.6.20',
  trixie: '1.7.24',
  sid: '2.1.9',
};
