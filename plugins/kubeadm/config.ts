/** kubeadm's configuration, generated in the newest form that the version it is for reads. */
import { dnsRepository } from '../kubernetes/image-names.ts';
import { eraOf, type KubeadmApi, since } from '../kubernetes/versions.ts';

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
  /** How long the runtime may take to start a pod; kubelet's own patience where it is left out. */
  readonly patience?: string;
}

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

function clusterOf({ version, imageRepository, podSubnet, serviceSubnet }: ClusterConfig): Document {
  const dns = dnsRepository(version, imageRepository);
  return {
    // Named, because kubeadm otherwise asks the network for the newest.
    kubernetesVersion: `v${version}`,
    imageRepository,
    networking: { podSubnet, serviceSubnet },
    ...(dns === undefined ? {} : { dns: { imageRepository: dns } }),
  };
}

function kubeletOf({ cgroupDriver, patience }: ClusterConfig): Document {
  return {
    cgroupDriver,
    failSwapOn: false,
    ...(patience === undefined ? {} : { runtimeRequestTimeout: patience }),
  };
}

/** kubeadm init makes and prints a token by which nodes may join. Each node has one of its own, so this one ends at once. */
const TOKEN = { ttl: '1m0s' };

/** 0 leaves the kernel's limit as it is: it may be shared with others, and then refuses to be set. */
const PROXY = { conntrack: { maxPerCore: 0, min: 0 } };
