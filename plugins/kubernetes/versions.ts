/** What differs between the minor versions of Kubernetes, as data, each with the place where upstream says so. */

/** Versions of kubeadm's configuration, oldest first. */
export type KubeadmApi = 'v1alpha1' | 'v1alpha2' | 'v1alpha3' | 'v1beta1' | 'v1beta2' | 'v1beta3' | 'v1beta4';

/** Tags of what a minor version runs beside itself, in its first release; later patch releases raise some of them. */
interface Tags {
  readonly pause: string;
  readonly etcd: string;
  /** The version of crictl that speaks to this minor's container runtimes. */
  readonly crictl: string;
}

export interface Era extends Tags {
  /** The newest version of its configuration that this kubeadm reads; each is deprecated when the next is there. */
  readonly kubeadmApi: KubeadmApi;
  /** Where kubeadm takes images from when it is not told. */
  readonly registry: string;
}

const row = (pause: string, etcd: string, crictl: string): Tags => ({
  pause,
  etcd,
  crictl,
});

/**
 * pause, etcd: kubernetes/kubernetes, cmd/kubeadm/app/constants/constants.go of each release, as
 * `kubeadm config images list` prints it and kubernetes/minikube collects it: pkg/minikube/constants/constants_kubeadm_images.go
 * from 1.16 on, pkg/minikube/constants/constants.go of v1.2.0 before. crictl: kubernetes-sigs/cri-tools, README.md and tags.
 */
const TAGS: Readonly<Record<string, Tags>> = {
  '1.9': row('3.0', '3.1.10', '1.0.0-alpha.1'),
  '1.10': row('3.1', '3.1.12', '1.0.0-beta.2'),
  '1.11': row('3.1', '3.2.18', '1.11.1'),
  '1.12': row('3.1', '3.2.24', '1.12.0'),
  '1.13': row('3.1', '3.2.24', '1.13.0'),
  '1.14': row('3.1', '3.3.10', '1.14.0'),
  '1.15': row('3.1', '3.3.10', '1.15.0'),
  '1.16': row('3.1', '3.3.15-0', '1.16.1'),
  '1.17': row('3.1', '3.4.3-0', '1.17.0'),
  '1.18': row('3.2', '3.4.3-0', '1.18.0'),
  '1.19': row('3.2', '3.4.9-1', '1.19.0'),
  '1.20': row('3.2', '3.4.13-0', '1.20.0'),
  '1.21': row('3.4.1', '3.4.13-0', '1.21.0'),
  '1.22': row('3.5', '3.5.0-0', '1.22.1'),
  '1.23': row('3.6', '3.5.1-0', '1.23.0'),
  '1.24': row('3.7', '3.5.3-0', '1.24.2'),
  '1.25': row('3.8', '3.5.4-0', '1.25.0'),
  '1.26': row('3.9', '3.5.6-0', '1.26.1'),
  '1.27': row('3.9', '3.5.7-0', '1.27.1'),
  '1.28': row('3.9', '3.5.9-0', '1.28.0'),
  '1.29': row('3.9', '3.5.10-0', '1.29.0'),
  '1.30': row('3.9', '3.5.12-0', '1.30.1'),
  '1.31': row('3.10', '3.5.15-0', '1.31.1'),
  '1.32': row('3.10', '3.5.16-0', '1.32.0'),
  '1.33': row('3.10', '3.5.21-0', '1.33.0'),
  '1.34': row('3.10.1', '3.6.4-0', '1.34.0'),
  '1.35': row('3.10.1', '3.6.6-0', '1.35.0'),
  '1.36': row('3.10.2', '3.6.8-0', '1.36.0'),
};

/** Values by the first minor that has them. */
type Since<Value> = readonly (readonly [minor: number, value: Value])[];

/**
 * kubernetes/kubernetes, cmd/kubeadm/app/apis/kubeadm: a kubeadm reads a window of versions and writes the newest. v1alpha1
 * 1.8 to 1.11, v1alpha2 1.11 and 1.12, v1alpha3 1.12 to 1.14, v1beta1 1.13 to 1.21 (#101129), v1beta2 1.15 to 1.26,
 * v1beta3 1.22 to 1.35 (removed by #136016), v1beta4 from 1.31 (#125029).
 */
const KUBEADM_APIS: Since<KubeadmApi> = [
  [9, 'v1alpha1'],
  [11, 'v1alpha2'],
  [12, 'v1alpha3'],
  [13, 'v1beta1'],
  [15, 'v1beta2'],
  [22, 'v1beta3'],
  [31, 'v1beta4'],
];

/** Defaults of kubeadm's configuration: cmd/kubeadm/app/apis/kubeadm, defaults.go of each version. */
const REGISTRIES: Since<string> = [
  [9, 'gcr.io/google_containers'],
  [10, 'k8s.gcr.io'],
  [25, 'registry.k8s.io'],
];

/** The first minor in which something holds. */
const FIRST = {
  /** kubeadm's configuration names the runtime's socket: kubernetes/kubernetes#59057. */
  configuredSocket: 10,
  /**
   * kubeadm takes one address for all control planes, and puts it into certificates and kubeconfigs: kubernetes/kubernetes#62947.
   * 1.10 took a name, and no port.
   */
  endpoint: 11,
  /** kubelet is told by a file that kubeadm writes, and no more by flags: kubernetes/release, 10-kubeadm.conf "v1.11+". */
  kubeletConfig: 11,
  /** kubeadm does not look for Docker when it was told of another runtime: kubernetes/kubeadm#749. */
  noDocker: 11,
  /** `kubectl delete` waits unless told not to: kubernetes/kubernetes#64034. */
  deleteWaits: 11,
  /** Images are named without their processor: kubernetes/minikube, GetKubeadmCachedImages of v1.2.0. */
  manifestLists: 12,
  /** Every program has a file beside it with its SHA-256: kubernetes/release, commit b31efc2e of September 2018. */
  sums: 12,
  /** `kubeadm join` makes a further control plane where etcd is elsewhere: cmd/kubeadm/app/cmd/join.go, CheckIfReadyForAdditionalControlPlane. */
  outerPlanes: 12,
  /** `kubeadm join` gives a further control plane a member of etcd; that of 1.12 refuses it: kubernetes/kubernetes#69486. */
  planes: 13,
  /** `kubeadm init` can leave out phases: kubernetes/website, kubeadm-init-phase.md of 1.13. */
  phases: 13,
  /** `kubeadm join` can leave out phases, too: kubernetes/kubernetes#73163. */
  joinPhases: 14,
  /** Leases are coordination.k8s.io/v1: kubernetes/kubernetes, CHANGELOG-1.14.md. */
  leases: 14,
  /** Pods name a RuntimeClass, which is on by default: kubernetes/kubernetes, CHANGELOG-1.14.md. */
  runtimeClass: 14,
  /** kubeadm renews what is in kubeconfigs, too: kubernetes/kubeadm#1361. */
  renews: 15,
  /** One command of kubeadm upgrades every node but the first: kubernetes/kubernetes#78408. */
  upgradeNode: 15,
  /** The API server says when it is ready: kubernetes/kubernetes#78458. */
  readyz: 16,
  /** etcd's third API is the default of etcdctl: etcd 3.4. */
  etcdApi3: 17,
  /** kubelet runs on cgroup v2: kubernetes/kubernetes#85218. */
  cgroupV2: 19,
  /** `kubectl drain --delete-emptydir-data`, which was --delete-local-data: kubernetes/kubernetes#95076. */
  emptyDir: 20,
  /** `kubeadm upgrade node` has checks, and a flag to ignore them: found in the tree of 1.20; older ones were not looked at. */
  nodeChecks: 20,
  /** `kubeadm certs` is no more below `kubeadm alpha`: kubernetes/kubernetes, CHANGELOG-1.20.md. */
  certs: 20,
  /** CoreDNS has a folder of its own in the registry: cmd/kubeadm/app/images/images.go, GetDNSImage. */
  dnsFolder: 21,
  /** kubeadm keeps no ClusterStatus: kubernetes/kubernetes, CHANGELOG-1.22.md. */
  noStatus: 22,
  /** kubeadm only warns of swap: kubernetes/kubernetes#104854. */
  swap: 23,
  /** Every program has a signature of Sigstore beside it: kubernetes/website, verify-signed-artifacts.md, beta since 1.26. */
  signed: 26,
  /** admin.conf has its rights by an object that kubeadm init makes with super-admin.conf: kubernetes/kubernetes#121305. */
  superAdmin: 29,
  /** A snapshot is read by etcdutl, and no more by etcdctl: etcd 3.6. */
  etcdutl: 34,
  /** kubelet refuses cgroup v1 (failCgroupV1): kubernetes/kubernetes, CHANGELOG-1.35.md. */
  noCgroupV1: 35,
} as const;

export type Turn = keyof typeof FIRST;

/** The minor versions that can be set up. */
export const MINORS = Object.keys(TAGS);

/** requires: a version that `isKnown`. */
export function eraOf(version: string): Era {
  const tags = TAGS[minorOf(version)];
  if (!tags) throw new Error(`Kubernetes ${version} is not in the table`);
  const of = <Value>(table: Since<Value>) => table.findLast(([first]) => first <= minorNumber(version))![1]; // all begin with the oldest minor
  return { ...tags, kubeadmApi: of(KUBEADM_APIS), registry: of(REGISTRIES) };
}

/** Whether something holds for a version. */
export function since(turn: Turn, version: string): boolean {
  return minorNumber(version) >= FIRST[turn];
}

/**
 * Whether its API server leaves watches of Services open that its cache has ended (kubernetes/kubernetes#102464): from 1.20 on,
 * mended by #102539 in 1.22, 1.21.4 and 1.20.10.
 */
export function leavesWatches(version: string): boolean {
  const mended = { 20: 10, 21: 4 }[minorNumber(version)];
  return mended !== undefined && Number(version.split('.')[2]) < mended;
}

export function isKnown(version: string): boolean {
  return Object.hasOwn(TAGS, minorOf(version));
}

/** `1.20` of `1.20.2`. */
export function minorOf(version: string): string {
  return version.split('.').slice(0, 2).join('.');
}

function minorNumber(version: string): number {
  return Number(version.split('.')[1]);
}
