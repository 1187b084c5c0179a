/** What the smoke test runs, as JSON that kubectl reads; apps/v1 holds for every Kubernetes since 1.9. */
import { digestOf } from '../../core/mod.ts';
import { since } from '../kubernetes/versions.ts';

export const NAMESPACE = 'cc-nginx-smoke';

const LABELS = { app: 'nginx' };

/** Pods here ask for nothing of the host, also where a cluster lets only such pods in. */
const SECURITY = { 'pod-security.kubernetes.io/enforce': 'baseline' };

/** What a pod says of the runtime it wants, beside all else. */
export interface Asking {
  readonly annotations?: Readonly<Record<string, string>>;
  readonly runtimeClassName?: string;
  readonly hostNetwork?: boolean;
}

/** Before there were RuntimeClasses, CRI-O was told by annotation whom not to trust. */
export function inVm(version: string, handler: string): Asking {
  return since('runtimeClass', version)
    ? { runtimeClassName: handler }
    : { annotations: { 'io.kubernetes.cri-o.TrustedSandbox': 'false' } };
}

/** The same pod on the node's kernel. CRI-O without RuntimeClasses gives that only to pods that share something with the host. */
export function onNode(version: string): Asking {
  return since('runtimeClass', version)
    ? {}
    : { annotations: { 'io.kubernetes.cri-o.TrustedSandbox': 'true' }, hostNetwork: true };
}

/**
 * An account of its own, because a namespace gets its `default` only after a while, and no pod before; without a token, which
 * nothing here needs.
 */
const ACCOUNT = { serviceAccountName: 'smoke', automountServiceAccountToken: false };

/**
 * A pod that is deleted is gone from the API at once. One that has ended and is still there is an error to whoever removes its
 * namespace, who tries again later each time, in the end a minute apart (1.20, pkg/controller/namespace: `nsControllerRateLimiter`).
 */
const AT_ONCE = { terminationGracePeriodSeconds: 0 };

/** What is run: the images, the pods' runtimes by pod, and on which node the waiting pods are, whose kernel theirs are compared with. */
export interface Load {
  readonly images: { readonly nginx: string; readonly client: string };
  readonly node: string;
  /** Beside nginx; `client` asks for the same as nginx. */
  readonly pods: { readonly client: Asking; readonly control?: Asking };
  /** A random text, by which processes of the pods are known. */
  readonly mark: string;
  /** Where pods ask each other across nodes. */
  readonly spots?: readonly Placed[];
}

/** A node with its pods: an nginx, whose Service has the same name, and the client that asks; `client` is there anyhow. */
export interface Placed {
  readonly node: string;
  readonly server: string;
  readonly client: string;
}

/** An argument that only processes of this pod have. */
export function argumentOf(mark: string, pod: string): string {
  return `${mark}-${pod}`;
}

/** The namespace, two replicas of nginx and a Service before them, and pods that wait to be told what to do. */
export function workload(load: Load): string {
  const { images, pods, spots = [] } = load;
  return list([
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE, labels: SECURITY } },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'smoke', namespace: NAMESPACE } },
    ...served(images.nginx, pods.client),
    ...Object.entries(pods).map(([name, asking]) => waiting(name, load, asking)),
    ...(spots.length > 0 ? [CONTENT] : []),
    ...spots.flatMap((spot) => placed(spot, load)),
  ]);
}

/** What nginx answers: many packets, whatever the MTU is. */
export const PAYLOAD = Array.from({ length: 1024 }, (_, line) => `${line}`.padEnd(63, '.'))
  .map((line) => `${line}\n`)
  .join('');
export const PAYLOAD_DIGEST = digestOf(PAYLOAD);

/** Of every nginx there is, and for long headers of those who ask. */
const NGINX_CONF = `daemon off;
pid /tmp/nginx.pid;
worker_processes 1;
events {}
http {
  access_log off;
  large_client_header_buffers 4 32k;
  server {
    listen 80;
    location = /payload { alias /etc/cc/payload; }
  }
}
`;

function served(image: string, { annotations, ...asked }: Asking): readonly unknown[] {
  const pod = {
    ...asked,
    ...ACCOUNT,
    containers: [{ name: 'nginx', image, imagePullPolicy: 'IfNotPresent', ports: [{ containerPort: 80 }] }],
  };
  return [
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'nginx', namespace: NAMESPACE },
      spec: {
        replicas: 2,
        selector: { matchLabels: LABELS },
        template: {
          metadata: { labels: LABELS, ...(annotations ? { annotations } : {}) },
          spec: { ...pod, ...AT_ONCE },
        },
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'nginx', namespace: NAMESPACE },
      spec: { selector: LABELS, ports: [{ port: 80 }] },
    },
  ];
}

/** A shell that stays, since its argument is looked for, and ends when it is told to: process 1 does so only by a trap. */
export const WAIT = ['sh', '-c', 'trap exit TERM; sleep 3600 & wait'];

function waiting(
  pod: string,
  { images, node, mark }: Load,
  { annotations, ...asked }: Asking,
  more: Partial<typeof HERE> = {},
): unknown {
  const { client: image } = images;
  const command = [...WAIT, argumentOf(mark, pod)];
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: pod, namespace: NAMESPACE, ...(annotations ? { annotations } : {}) },
    spec: {
      ...asked,
      ...ACCOUNT,
      ...more,
      nodeName: node,
      ...AT_ONCE,
      containers: [{ name: pod, image, imagePullPolicy: 'IfNotPresent', command }],
    },
  };
}

const CONTENT = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'content', namespace: NAMESPACE },
  data: { 'nginx.conf': NGINX_CONF, payload: PAYLOAD },
};

/** Pods that no scheduler has placed, and that stay on a node whatever it is kept for. */
const HERE = { tolerations: [{ operator: 'Exists' }] };

/** Each nginx has a Service of its own, so that who asks is sent to that node alone. */
function placed({ node, server, client }: Placed, load: Load): readonly unknown[] {
  const { annotations, ...asked } = load.pods.client;
  const labels = { server };
  return [
    {
      ...{ apiVersion: 'v1', kind: 'Pod' },
      metadata: { name: server, namespace: NAMESPACE, labels, ...(annotations ? { annotations } : {}) },
      spec: {
        ...{ ...asked, ...ACCOUNT, ...HERE, nodeName: node, ...AT_ONCE },
        containers: [
          {
            ...{ name: 'nginx', image: load.images.nginx, imagePullPolicy: 'IfNotPresent' },
            command: ['nginx', '-c', '/etc/cc/nginx.conf'],
            ports: [{ containerPort: 80 }],
            volumeMounts: [{ name: 'content', mountPath: '/etc/cc' }],
          },
        ],
        volumes: [{ name: 'content', configMap: { name: 'content' } }],
      },
    },
    {
      ...{ apiVersion: 'v1', kind: 'Service', metadata: { name: server, namespace: NAMESPACE } },
      spec: { type: 'NodePort', selector: labels, ports: [{ port: 80 }] },
    },
    ...(client in load.pods ? [] : [waiting(client, { ...load, node }, load.pods.client, HERE)]),
  ];
}

function list(items: readonly unknown[]): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
}
