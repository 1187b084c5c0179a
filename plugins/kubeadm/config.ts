/** kubeadm's configuration, generated in the newest form that the version it is for reads. */
import { dnsRepository } from '../kubernetes/image-names.ts';
import { eraOf, type KubeadmApi, leavesWatches, since } from '../kubernetes/versions.ts';

export interface ClusterConfig {
  readonly version: string;
  readonly imageRepository: string;
  readonly criSocket: string;
  readonly cgroupDriver: string;
  readonly podSubnet: string;
  readonly serviceSubnet: string;
  /** By which others reach its API; kubeadm's own choice where it is left out. */
  readonly address?: string;
  /** Host and port by which all reach the API, whichever control plane answers. */
  readonly endpoint?: string;
  /** An etcd elsewhere, and the files on its host with which it is asked; without it kubeadm makes one here. */
  readonly etcd?: ExternalEtcd;
  /** How long the runtime may take to start a pod; kubelet's own patience where it is left out. */
  readonly patience?: string;
  /** True: kubelet keeps images that no pod uses, because they are cc's, and nobody could pull them again. */
  readonly keepsImages?: true;
}

/** In the words of kubeadm. */
export interface ExternalEtcd {
  readonly endpoints: readonly string[];
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/** Where cc puts these files. What is below /etc/kubernetes kubeadm would take for what another cluster left. */
export const FILES = {
  caFile: '/etc/cc/etcd/ca.crt',
  certFile: '/etc/cc/etcd/client.crt',
  keyFile: '/etc/cc/etcd/client.key',
} as const;

/** YAML documents as JSON, which YAML includes. */
export function kubeadmConfig(config: ClusterConfig): string {
  const documents = FORMS[eraOf(config.version).kubeadmApi](config);
  return documents.map((document) => `---\n${JSON.stringify(document, null, 2)}\n`).join('');
}

type Document = Readonly<Record<string, unknown>>;

function typed(api: KubeadmApi, kind: string): { apiVersion: string; kind: string } {
  return { apiVersion: `kubeadm.k8s.io/${api}`, kind };
}

/** kubernetes/kubernetes, cmd/kubeadm/app/apis/kubeadm/VERSION/types.go for each. */
const FORMS: { readonly [Api in KubeadmApi]: (config: ClusterConfig) => readonly Document[] } = {
  v1alpha1: (config) => [
    {
      ...typed('v1alpha1', 'MasterConfiguration'),
      ...(since('configuredSocket', config.version) ? { criSocket: config.criSocket } : {}),
      tokenTTL: TOKEN.ttl,
      ...apiOf(config),
      ...clusterOf(config),
      kubeProxy: { config: PROXY },
    },
  ],
  v1alpha2: (config) => [
    {
      ...typed('v1alpha2', 'MasterConfiguration'),
      nodeRegistration: { criSocket: config.criSocket },
      bootstrapTokens: [TOKEN],
      ...apiOf(config),
      ...clusterOf(config),
      kubeletConfiguration: { baseConfig: kubeletOf(config) },
      kubeProxy: { config: PROXY },
    },
  ],
  v1alpha3: split('v1alpha3'),
  v1beta1: split('v1beta1'),
  v1beta2: split('v1beta2'),
  v1beta3: split('v1beta3'),
  v1beta4: split('v1beta4'),
};

/** Since v1alpha3 what concerns the node, the cluster and each component is a document of its own. */
function split(api: KubeadmApi) {
  return (config: ClusterConfig): readonly Document[] => [
    {
      ...typed(api, 'InitConfiguration'),
      nodeRegistration: { criSocket: config.criSocket },
      bootstrapTokens: [TOKEN],
      ...under(api === 'v1alpha3' ? 'apiEndpoint' : 'localAPIEndpoint', advertised(config)),
    },
    { ...typed(api, 'ClusterConfiguration'), ...shared(config), ...clusterOf(config) },
    { apiVersion: 'kubelet.config.k8s.io/v1beta1', kind: 'KubeletConfiguration', ...kubeletOf(config) },
    { apiVersion: 'kubeproxy.config.k8s.io/v1alpha1', kind: 'KubeProxyConfiguration', ...PROXY },
  ];
}

/** Under its key, where there is anything to say. */
function under(key: string, document: Document): Document {
  return Object.keys(document).length === 0 ? {} : { [key]: document };
}

function advertised({ address }: ClusterConfig): Document {
  return address === undefined ? {} : { advertiseAddress: address };
}

function shared({ endpoint }: ClusterConfig): Document {
  return endpoint === undefined ? {} : { controlPlaneEndpoint: endpoint };
}

/** Through v1alpha2 both addresses stand in one place. */
function apiOf(config: ClusterConfig): Document {
  return under('api', { ...advertised(config), ...shared(config) });
}

function clusterOf(config: ClusterConfig): Document {
  const { version, imageRepository, podSubnet, serviceSubnet } = config;
  const dns = dnsRepository(version, imageRepository);
  return {
    // Named, because kubeadm otherwise asks the network for the newest.
    kubernetesVersion: `v${version}`,
    imageRepository,
    networking: { podSubnet, serviceSubnet },
    ...(dns === undefined ? {} : { dns: { imageRepository: dns } }),
    ...(leavesWatches(version) ? { apiServer: { extraArgs: UNCACHED } } : {}),
    ...etcdOf(config),
  };
}

/**
 * Watches of Services then come from etcd itself: those of the API server's own cache tell nothing more once etcd had no leader, and
 * kube-proxies and the controller manager hear of no new Service for up to ten minutes.
 */
const UNCACHED = { 'watch-cache-sizes': 'services#0' };

/** Through v1alpha1 it is not told from one that kubeadm makes but by its endpoints. */
function etcdOf({ version, etcd: external }: ClusterConfig): Document {
  if (external === undefined) return {};
  return { etcd: eraOf(version).kubeadmApi === 'v1alpha1' ? external : { external } };
}

/**
 * kubelet's own defaults, but for the disk: where less than 15 % of it are left, kubelet removes images that no pod uses, whatever it is
 * told of them, and takes no pods. kubernetes/kubernetes, pkg/kubelet/eviction/defaults_linux.go.
 */
const EVICTION = {
  'memory.available': '100Mi',
  'nodefs.inodesFree': '5%',
  'nodefs.available': '5%',
  'imagefs.available': '5%',
};

function kubeletOf({ cgroupDriver, patience, keepsImages }: ClusterConfig): Document {
  return {
    cgroupDriver,
    failSwapOn: false,
    ...(patience === undefined ? {} : { runtimeRequestTimeout: patience }),
    // With 100 kubelet removes none: kubernetes/kubernetes, pkg/kubelet/images/image_gc_manager.go.
    ...(keepsImages ? { imageGCHighThresholdPercent: 100, evictionHard: EVICTION } : {}),
  };
}

/** kubeadm init makes and prints a token by which nodes may join. Each node has one of its own, so this one ends at once. */
const TOKEN = { ttl: '1m0s' };

/** 0 leaves the kernel's limit as it is: it may be shared with others, and then refuses to be set. */
const PROXY = { conntrack: { maxPerCore: 0, min: 0 } };
