/** Flags of `kubeadm init` and `kubeadm join`: which checks of kubeadm's own are passed over, and which phases are left out. */
import { since } from '../kubernetes/versions.ts';

export interface Checked {
  readonly version: string;
  /** Whether kubeadm checks a host before it starts. */
  readonly preflight: boolean;
  /** A snapshot of etcd that was put there before. */
  readonly restore?: string;
  /** Whether there are static pods of cc's own before kubeadm makes others. */
  readonly manifests?: true;
}

/** A join wants the folder of static pods to be empty, an init only those of the control plane to be missing. */
const MANIFESTS_THERE = 'DirAvailable--etc-kubernetes-manifests';

/** Checks of kubeadm's own that fail where nothing is wrong. */
function ignored({ version, restore }: Checked): readonly string[] {
  return [
    // kubelet is told that swap is no reason to fail.
    ...(since('swap', version) ? [] : ['Swap']),
    // With a configuration file these cannot be told of a runtime other than Docker; and the last knows kernels to 4.x.
    ...(since('noDocker', version) ? [] : ['CRI', 'Service-Docker', 'SystemVerification']),
    ...(restore === undefined ? [] : ['DirAvailable--var-lib-etcd']),
  ];
}

/** What kubeadm is told of its checks, and the phases that it leaves out, where its configuration has no words for them. */
function flagsOf(
  options: Checked,
  phased: boolean,
  without: readonly string[],
  more: readonly string[] = [],
): readonly string[] {
  const { preflight } = options;
  const passed = [...ignored(options), ...more];
  if (!phased) return [`--ignore-preflight-errors=${preflight ? passed.join(',') : 'all'}`];
  const phases = [...(preflight ? [] : ['preflight']), ...without];
  return [
    ...(phases.length > 0 ? [`--skip-phases=${phases.join(',')}`] : []),
    ...(preflight && passed.length > 0 ? [`--ignore-preflight-errors=${passed.join(',')}`] : []),
  ];
}

export function initFlags(options: Checked & { readonly dns: boolean }): readonly string[] {
  return flagsOf(options, since('phases', options.version), options.dns ? [] : ['addon/coredns']);
}

export function joinFlags(options: Checked): readonly string[] {
  return flagsOf(
    options,
    since('joinPhases', options.version),
    [],
    options.manifests ? [MANIFESTS_THERE] : [],
  );
}
