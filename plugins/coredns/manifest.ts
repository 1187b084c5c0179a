/** CoreDNS as objects of the cluster: what it answers, what it may ask the API, and at which address. */
import { digestOf } from '../../core/mod.ts';
import { atLeast } from '../capabilities.ts';
import type { KubeObject } from '../kubectl/applied.ts';

export const NAMESPACE = 'kube-system';
/** Not `coredns`, by which kubeadm knows its own: it would take this one for it, and change it when it upgrades. */
export const NAME = 'cc-coredns';
/** By this name others, the smoke test among them, find out whether a cluster has a DNS; pods are labelled with it, as kubeadm's are. */
const SERVICE = 'kube-dns';

export interface Serving {
  /** Of Kubernetes. */
  readonly version: string;
  readonly image: string;
  readonly replicas: number;
  /** Of Services, as `cluster.local`. */
  readonly domain: string;
  /** The one that kubelet tells pods. */
  readonly address: string;
  /** Who is asked for all other names: addresses, or a file that lists them. */
  readonly forward: readonly string[];
}

export function objects(serving: Serving): readonly KubeObject[] {
  const corefile = corefileOf(serving);
  return [
    ...rights(),
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: NAME, namespace: NAMESPACE },
      data: { Corefile: corefile },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: {
        name: SERVICE,
        namespace: NAMESPACE,
        labels: { ...LABELS, 'kubernetes.io/cluster-service': 'true', 'kubernetes.io/name': 'KubeDNS' },
        annotations: { 'prometheus.io/port': `${METRICS}`, 'prometheus.io/scrape': 'true' },
      },
      spec: {
        selector: LABELS,
        clusterIP: serving.address,
        ports: PORTS.map(({ name, containerPort: port, protocol }) => ({ name, port, protocol })),
      },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: NAME, namespace: NAMESPACE, labels: LABELS },
      spec: {
        replicas: serving.replicas,
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1 } },
        selector: { matchLabels: LABELS },
        template: {
          // What CoreDNS reads when it starts is part of the template, so that a change starts it anew.
          metadata: { labels: LABELS, annotations: { 'cc/corefile': digestOf(corefile) } },
          spec: pod(serving),
        },
      },
    },
  ];
}

const LABELS = { 'k8s-app': SERVICE };
const METRICS = 9153;
const HEALTH = 8080;
/** Seconds that it goes on answering after it was told to end, so that nobody is led to it any more when it does. */
const LAMEDUCK = 5;

const PORTS = [
  { name: 'dns', containerPort: 53, protocol: 'UDP' },
  { name: 'dns-tcp', containerPort: 53, protocol: 'TCP' },
  { name: 'metrics', containerPort: METRICS, protocol: 'TCP' },
];

/** As kubeadm writes it; `upstream` has CoreDNS itself asked for the target of a name that leads out of the cluster. */
function corefileOf({ domain, forward }: Pick<Serving, 'domain' | 'forward'>): string {
  return `.:53 {
    errors
    health :${HEALTH} {
        lameduck ${LAMEDUCK}s
    }
    kubernetes ${domain} in-addr.arpa ip6.arpa {
        pods insecure
        upstream
        fallthrough in-addr.arpa ip6.arpa
    }
    prometheus :${METRICS}
    forward . ${forward.join(' ')}
    cache 30
    loop
    loadbalance
}
`;
}

/** What the plugin kubernetes of CoreDNS watches. */
function rights(): readonly KubeObject[] {
  const group = 'rbac.authorization.k8s.io';
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: NAME, namespace: NAMESPACE } },
    {
      apiVersion: `${group}/v1`,
      kind: 'ClusterRole',
      metadata: { name: NAME },
      rules: [
        {
          apiGroups: [''],
          resources: ['endpoints', 'services', 'pods', 'namespaces'],
          verbs: ['list', 'watch'],
        },
        { apiGroups: [''], resources: ['nodes'], verbs: ['get'] },
      ],
    },
    {
      apiVersion: `${group}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name: NAME },
      roleRef: { apiGroup: group, kind: 'ClusterRole', name: NAME },
      subjects: [{ kind: 'ServiceAccount', name: NAME, namespace: NAMESPACE }],
    },
  ];
}

function pod({ version, image }: Pick<Serving, 'version' | 'image'>) {
  const health = { httpGet: { path: '/health', port: HEALTH }, timeoutSeconds: 5 };
  return {
    serviceAccountName: NAME,
    // Before 1.11 no such class is there without being asked for.
    ...(atLeast(version, '1.11.0') ? { priorityClassName: 'system-cluster-critical' } : {}),
    tolerations: [
      { key: 'CriticalAddonsOnly', operator: 'Exists' },
      ...['master', 'control-plane'].map((role) => ({
        key: `node-role.kubernetes.io/${role}`,
        operator: 'Exists',
        effect: 'NoSchedule',
      })),
    ],
    affinity: { podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [APART] } },
    nodeSelector: { [`${atLeast(version, '1.14.0') ? '' : 'beta.'}kubernetes.io/os`]: 'linux' },
    // The node's own: the cluster's would lead here.
    dnsPolicy: 'Default',
    terminationGracePeriodSeconds: 30,
    containers: [
      {
        name: 'coredns',
        image,
        // No registry has it: cc loads it on every node.
        imagePullPolicy: 'Never',
        args: ['-conf', '/etc/coredns/Corefile'],
        ports: PORTS,
        resources: { requests: { cpu: '100m', memory: '70Mi' }, limits: { memory: '170Mi' } },
        // It is healthy once it has what the API told it first, and until it is told to end.
        readinessProbe: { ...health, periodSeconds: 2 },
        livenessProbe: { ...health, initialDelaySeconds: 60, failureThreshold: 5 },
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { add: ['NET_BIND_SERVICE'], drop: ['ALL'] },
        },
        volumeMounts: [{ name: 'config', mountPath: '/etc/coredns', readOnly: true }],
      },
    ],
    volumes: [{ name: 'config', configMap: { name: NAME } }],
  };
}

/** One replica on each of two nodes, where there are two. */
const APART = {
  weight: 100,
  podAffinityTerm: { labelSelector: { matchLabels: LABELS }, topologyKey: 'kubernetes.io/hostname' },
};
