/** What plugins of this repository offer each other: names, and the shape of what comes with them. */
import {
  type Arch,
  type Artifact,
  type Command,
  type Context,
  capability,
  type Host,
  type Sigstore,
  type Sums,
  type UnitName,
  v,
} from '../core/mod.ts';

/** A program that makes containers from an OCI bundle. */
export const ociRuntime = capability<{ readonly path: string }>('oci-runtime');

/** A runtime that starts each pod in a virtual machine of its own, beside the one that starts all others. */
export interface VmRuntime {
  /** By what name pods ask for it: the handler of a RuntimeClass, where the version of Kubernetes knows them. */
  readonly handler: string;
  readonly path: string;
  /** `oci`: a program with runc's command line; `vm`: a shim of containerd's second version. */
  readonly type: 'oci' | 'vm';
  /** Its own configuration file, where it must be told. */
  readonly config?: string;
  /** Ends every machine that it has started, and removes what they leave, also where the runtime's program is gone. */
  readonly ends?: Command;
  /** By what the processes of machines are known on a node. */
  readonly machine: {
    /** The file that such a process executes. */
    readonly program: string;
    readonly accel: 'kvm' | 'tcg';
    /** Whether the command line of a guest's kernel names its sandbox. */
    readonly named?: boolean;
  };
  /** What a machine takes beside what its containers ask for, as Kubernetes writes quantities. */
  readonly overhead?: { readonly cpu: string; readonly memory: string };
}
export const vmRuntime = capability<VmRuntime>('vm-runtime');

/** The RuntimeClass by which pods ask for the VM runtime, once the cluster has it. */
export const runtimeClass = capability<{ readonly name: string }>('runtime-class');

/** A container runtime that kubelet can use. */
export interface Cri {
  readonly unit: UnitName;
  /** `unix://` and a path. */
  readonly socket: string;
  readonly cgroupDriver: 'cgroupfs' | 'systemd';
  /** Takes in a docker-archive from standard input; not every build of a runtime can. */
  readonly importImages?: Command;
  /** Prints the names of the images it has, one a line. */
  readonly listImages: Command;
  /** Ends and removes every pod and container that it runs for Kubernetes, one command after the other. */
  readonly removePods: readonly Command[];
}
export const cri = capability<Cri>('cri');

/** crictl, of the version that speaks the language of the recipe's container runtime. */
export interface CriClient {
  readonly crictl: string;
  /** How its configuration names a socket: the first ones took a path and no `unix://`. */
  readonly endpoint: (socket: string) => string;
}
export const criClient = capability<CriClient>('cri-client');

/** How pods get addresses. */
export interface PodNetwork {
  /** As the CNI configuration calls it: by that name its plugins mark what they make on a node. */
  readonly name: string;
  readonly subnet: string;
  /** The folder of the CNI plugins that see to it, that of their configuration, and the bridge they make on each node. */
  readonly bin: string;
  readonly config: string;
  readonly bridge: string;
  /** Who carries packets from node to node; without it every node is on its own. */
  readonly overlay?: 'flannel' | 'routes';
  /** What of it a runtime and a cluster must find, where the rest waits for nodes. */
  readonly ahead?: readonly string[];
}
export const podNetwork = capability<PodNetwork>('pod-network');

/** How Services get addresses, and the domain of their names. */
export interface ServiceNetwork {
  readonly subnet: string;
  readonly domain: string;
  /** Whether kubeadm brings what answers for these names. */
  readonly dns: boolean;
}
export const serviceNetwork = capability<ServiceNetwork>('service-network');

/** What answers for the names of Services, where kubeadm does not bring it. */
export const clusterDns = capability<{ readonly address: string }>('cluster-dns');

/** The part of pods' network that runs in the cluster: pods start only where it does. */
export const overlayNetwork = capability<{ readonly backend: string }>('overlay-network');

/** A Go toolchain on the controller. */
export const goToolchain = capability<{ readonly root: string; readonly version: string }>('go-toolchain');

export interface Kubernetes {
  /** Without leading v: `1.20.2`. */
  readonly version: string;
  /** Where its images come from; kubeadm names them by version below it. */
  readonly imageRepository: string;
  readonly pauseImage: string;
  /** Folder of kubeadm, kubelet and kubectl on every host. */
  readonly bin: string;
  /** Programs by name, where this recipe has them as files: `kube-apiserver`, … */
  readonly programs: Readonly<Record<string, Artifact>>;
}
export const kubernetesRelease = capability<Kubernetes>('kubernetes-release');

/** Images that the nodes already have, so that nothing need be pulled. */
export const nodeImages = capability<{ readonly nginx: string; readonly client: string }>('node-images');

export interface Cluster {
  /** Of Kubernetes: `1.20.2`. */
  readonly version: string;
  /** On hosts of the control plane. */
  readonly kubeconfig: string;
  readonly kubectl: string;
  /** Where its API is to be reached, if somebody outside cc leads there. */
  readonly endpoint?: { readonly address: string; readonly port: number };
  /** The snapshot on the controller that the recipe names, for a cluster that is made anew. */
  readonly restore?: string;
  /** Whether its etcd is kept by somebody else. */
  readonly externalEtcd?: true;
}
export const cluster = capability<Cluster>('cluster');

/** Where a program comes from: the release its makers publish, or Debian's archive. */
export const From = v.optional(v.picklist(['release', 'debian']), 'release');

/** Hosts that a plugin makes, as far as its options tell of them. */
export const madeHosts =
  capability<readonly Pick<Host, 'name' | 'roles' | 'connection' | 'madeBy'>[]>('made-hosts');

/** A file published under a URL, and what its makers publish of what it must be, where they do. */
export function release(name: string, url: string, sums?: string | Sums, sigstore?: Sigstore): Artifact {
  const said = { ...(sums === undefined ? {} : { sums }), ...(sigstore ? { sigstore } : {}) };
  return { name, source: { kind: 'url', url, ...said } };
}

/** The tree of a commit on GitHub; the tag is for servers that do not give out single commits. */
export function tree(name: string, repository: string, commit: string, tag: string): Artifact {
  return {
    name,
    source: { kind: 'git', repository: `https://github.com/${repository}`, commit, ref: `refs/tags/${tag}` },
  };
}

/** Another processor than the controller's, where that is what hosts have. */
export function foreignTo({
  arch,
  controllerArch,
}: Pick<Context, 'arch' | 'controllerArch'>): Arch | undefined {
  return arch === controllerArch ? undefined : arch;
}

/** Refuses a version whose images, which all nodes share, are for one processor each, where hosts have several. */
export function refuseSeveral({ hosts, controllerArch, refuse }: Context, first: string): void {
  const all = [...new Set(hosts.map(({ arch = controllerArch }) => arch))].toSorted();
  if (all.length > 1)
    refuse(
      'version',
      `has images for one processor each, and hosts have ${all.join(' and ')}: take ${first} or later`,
    );
}

/** Refuses an option by which hosts would get what the controller has for its own processor; says what to do instead. */
export function refuseForeign(context: Context, options: Readonly<Record<string, string>>): void {
  const { arch, controllerArch, refuse } = context;
  if (arch === controllerArch) return;
  for (const [option, instead] of Object.entries(options))
    refuse(option, `cannot be for hosts with ${arch} from a controller with ${controllerArch}: ${instead}`);
}

/** A commit by its whole hash. */
export const Commit = v.pipe(
  v.string(),
  v.regex(/^[0-9a-f]{40}$/, 'expected the whole hash of a commit, 40 digits and letters from a to f'),
);

/** Versions are numbers with dots, without leading v. */
export const Version = v.pipe(
  v.string(),
  v.regex(/^\d+\.\d+\.\d+(-[0-9a-z.]+)?$/, 'expected a version such as 1.36.0'),
);

/** Whether a version is that one or a later one; what follows a hyphen does not count. */
export function atLeast(version: string, least: string): boolean {
  const [is, wants] = [version, least].map((each) => (each.split('-')[0] ?? '').split('.').map(Number));
  const at = wants!.findIndex((part, index) => part !== is![index]); // both were mapped
  return at === -1 || is![at]! > wants![at]!;
}
