/** flannel's objects, for any Kubernetes since 1.9: what differs is how each release of flannel wants to be run. */
import { atLeast } from '../capabilities.ts';
import type { KubeObject } from '../kubectl/applied.ts';

export const NAMESPACE = 'kube-flannel';

export interface Daemon {
  readonly version: string;
  readonly image: string;
  readonly backend: 'vxlan' | 'host-gw';
  readonly subnet: string;
  /** Whether nodes reach each other by addresses that the recipe names; else each takes that of its default route. */
  readonly addressed?: boolean;
}

/** From here on an image is for every processor. */
export const LISTS = '0.13.0';

/** Where its makers published each release, newest first: Documentation/kube-flannel.yml of the tags. */
const PUBLISHED: readonly (readonly [since: string, image: (version: string, arch: string) => string])[] = [
  ['0.26.4', (version) => `ghcr.io/flannel-io/flannel:v${version}`],
  ['0.20.2', (version) => `docker.io/flannel/flannel:v${version}`],
  ['0.16.3', (version) => `docker.io/rancher/mirrored-flannelcni-flannel:v${version}`],
  [LISTS, (version) => `quay.io/coreos/flannel:v${version}`],
  ['0.0.0', (version, arch) => `quay.io/coreos/flannel:v${version}-${arch}`],
];

export function imageOf(version: string, arch: string): string {
  const [, image] = PUBLISHED.find(([since]) => atLeast(version, since))!; // the last one is older than all
  return image(version, arch);
}

/**
 * A namespace of its own, so that all of it goes together. No PodSecurityPolicy, because kubeadm never turns on what
 * would ask for one. No priority class: before Kubernetes 1.17 only kube-system may have it.
 */
export function daemon({
  version,
  image,
  backend,
  subnet,
  addressed = false,
}: Daemon): readonly KubeObject[] {
  const net = { Network: subnet, Backend: { Type: backend } };
  return [
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: NAMESPACE, labels: { 'pod-security.kubernetes.io/enforce': 'privileged' } },
    },
    ...rights(),
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: NAMESPACE, namespace: NAMESPACE },
      data: { 'net-conf.json': JSON.stringify(net) },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata: { name: NAMESPACE, namespace: NAMESPACE },
      spec: {
        selector: { matchLabels: LABELS },
        template: {
          // What flannel reads when it starts is part of the template, so that a change starts it anew.
          metadata: { labels: LABELS, annotations: { 'cc/net-conf': JSON.stringify(net) } },
          spec: pod(version, image, addressed),
        },
      },
    },
  ];
}

const LABELS = { app: 'flannel' };

/** What flanneld asks of the API. */
function rights(): readonly KubeObject[] {
  const name = 'flannel';
  const account = { kind: 'ServiceAccount', name, namespace: NAMESPACE };
  const group = 'rbac.authorization.k8s.io';
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace: NAMESPACE } },
    {
      apiVersion: `${group}/v1`,
      kind: 'ClusterRole',
      metadata: { name },
      rules: [
        { apiGroups: [''], resources: ['pods'], verbs: ['get'] },
        { apiGroups: [''], resources: ['nodes'], verbs: ['get', 'list', 'watch'] },
        { apiGroups: [''], resources: ['nodes/status'], verbs: ['patch'] },
      ],
    },
    {
      apiVersion: `${group}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name },
      roleRef: { apiGroup: group, kind: 'ClusterRole', name },
      subjects: [account],
    },
  ];
}

function pod(version: string, image: string, addressed: boolean) {
  const own = (name: string, field: string) => ({ name, valueFrom: { fieldRef: { fieldPath: field } } });
  return {
    hostNetwork: true,
    serviceAccountName: 'flannel',
    tolerations: [{ operator: 'Exists', effect: 'NoSchedule' }],
    containers: [
      {
        name: 'flannel',
        image,
        imagePullPolicy: 'IfNotPresent',
        command: ['/opt/bin/flanneld'],
        args: ['--ip-masq', '--kube-subnet-mgr', ...(addressed ? ['--iface=$(NODE_ADDRESS)'] : [])],
        env: [
          own('POD_NAME', 'metadata.name'),
          own('POD_NAMESPACE', 'metadata.namespace'),
          // What kubelet was told its node's address is.
          ...(addressed ? [own('NODE_ADDRESS', 'status.hostIP')] : []),
        ],
        resources: { requests: { cpu: '100m', memory: '50Mi' } },
        securityContext: security(version),
        volumeMounts: MOUNTS.map(({ name, path }) => ({ name, mountPath: path })),
      },
    ],
    volumes: [
      { name: 'config', configMap: { name: NAMESPACE } },
      { name: 'run', hostPath: { path: '/run/flannel', type: 'DirectoryOrCreate' } },
      { name: 'xtables-lock', hostPath: { path: '/run/xtables.lock', type: 'FileOrCreate' } },
    ],
  };
}

const MOUNTS = [
  { name: 'config', path: '/etc/kube-flannel' },
  { name: 'run', path: '/run/flannel' },
  { name: 'xtables-lock', path: '/run/xtables.lock' },
];

/** Upstream's own manifests: privileged through 0.11, these two capabilities since. */
function security(version: string) {
  if (!atLeast(version, '0.12.0')) return { privileged: true };
  return { privileged: false, capabilities: { add: ['NET_ADMIN', 'NET_RAW'] } };
}
