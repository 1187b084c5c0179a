/** What differs between versions of Kubernetes, as data with its sources. */

export interface Era {
  /** Tags of the images that are versioned apart: cmd/kubeadm/app/constants/constants.go of the release. */
  readonly pause: string;
  readonly etcd: string;
  /** The newest kubeadm configuration API it reads: cmd/kubeadm/app/apis/kubeadm of the release. */
  readonly kubeadmApi: string;
}

const ERAS: Readonly<Record<string, Era>> = {
  '1.20': { pause: '3.2', etcd: '3.4.13-0', kubeadmApi: 'v1beta2' },
};

/** The minor versions that can be set up. */
export const MINORS = Object.keys(ERAS);

/** requires: a version that `isKnown`. */
export function eraOf(version: string): Era {
  const era = ERAS[minorOf(version)];
  if (!era) throw new Error(`Kubernetes ${version} is not in the table`);
  return era;
}

export function isKnown(version: string): boolean {
  return minorOf(version) in ERAS;
}

/** `1.20` of `1.20.2`. */
export function minorOf(version: string): string {
  return version.split('.').slice(0, 2).join('.');
}
