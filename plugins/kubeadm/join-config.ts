/** What `kubeadm join` is told: in the newest form that the version it is for reads. */
import { eraOf, type KubeadmApi, since } from '../kubernetes/versions.ts';

export interface JoinConfig {
  readonly version: string;
  readonly criSocket: string;
  /** Host and port of the API. */
  readonly endpoint: string;
  readonly token: string;
  /** `sha256:` and the digest of a public key of the cluster's authority, for each that it has. */
  readonly pins: readonly string[];
  /** Where it becomes a control plane: by which address others reach its API; kubeadm's own choice where that is left out. */
  readonly plane?: { readonly address?: string };
}

type Document = Readonly<Record<string, unknown>>;

/** A YAML document as JSON, which YAML includes. */
export function joinConfig(config: JoinConfig): string {
  const api = eraOf(config.version).kubeadmApi;
  const { kind, ...rest } = FORMS[api](config);
  return `${JSON.stringify({ apiVersion: `kubeadm.k8s.io/${api}`, kind, ...rest }, null, 2)}\n`;
}

/** kubernetes/kubernetes, cmd/kubeadm/app/apis/kubeadm/VERSION/types.go for each. */
const FORMS: { readonly [Api in KubeadmApi]: (config: JoinConfig) => Document & { readonly kind: string } } =
  {
    v1alpha1: (config) => ({
      kind: 'NodeConfiguration',
      ...(since('configuredSocket', config.version) ? { criSocket: config.criSocket } : {}),
      ...flat(config),
    }),
    v1alpha2: (config) => ({ kind: 'NodeConfiguration', ...registered(config), ...flat(config) }),
    v1alpha3: (config) => ({
      kind: 'JoinConfiguration',
      ...registered(config),
      ...flat(config),
      ...(config.plane === undefined ? {} : { controlPlane: true, ...reached('apiEndpoint', config.plane) }),
    }),
    v1beta1: grouped,
    v1beta2: grouped,
    v1beta3: grouped,
    v1beta4: grouped,
  };

function flat({ endpoint, token, pins }: JoinConfig): Document {
  return { token, discoveryTokenAPIServers: [endpoint], discoveryTokenCACertHashes: pins };
}

/** Since v1beta1 all that finds the cluster is one group. */
function grouped(config: JoinConfig) {
  const { endpoint, token, pins, plane } = config;
  return {
    kind: 'JoinConfiguration',
    ...registered(config),
    discovery: { bootstrapToken: { token, apiServerEndpoint: endpoint, caCertHashes: pins } },
    ...(plane === undefined ? {} : { controlPlane: reached('localAPIEndpoint', plane) }),
  };
}

/** Where it becomes a control plane: under its key, by which address its API is reached. */
function reached(key: string, { address }: { readonly address?: string }): Document {
  return address === undefined ? {} : { [key]: { advertiseAddress: address } };
}

function registered({ criSocket }: JoinConfig): Document {
  return { nodeRegistration: { criSocket } };
}
