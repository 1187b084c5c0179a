/** What the smoke test runs, as JSON that kubectl reads; apps/v1 holds for every Kubernetes since 1.9. */
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

/** The namespace, two replicas of nginx and a Service before them. */
export function workload(image: string, asking: Asking = {}): string {
  const { annotations, ...asked } = asking;
  const pod = {
    ...asked,
    containers: [{ name: 'nginx', image, imagePullPolicy: 'IfNotPresent', ports: [{ containerPort: 80 }] }],
  };
  return list([
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE, labels: SECURITY } },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'nginx', namespace: NAMESPACE },
      spec: {
        replicas: 2,
        selector: { matchLabels: LABELS },
        template: {
          metadata: { labels: LABELS, ...(annotations ? { annotations } : {}) },
          spec: { ...pod, terminationGracePeriodSeconds: 1 },
        },
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'nginx', namespace: NAMESPACE },
      spec: { selector: LABELS, ports: [{ port: 80 }] },
    },
  ]);
}

/** Pods by name that wait to be told what to do, on the node whose kernel theirs are compared with. */
export function waiting(image: string, node: string, pods: Readonly<Record<string, Asking>>): string {
  return list(
    Object.entries(pods).map(([name, { annotations, ...asked }]) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: NAMESPACE, ...(annotations ? { annotations } : {}) },
      spec: {
        ...asked,
        nodeName: node,
        terminationGracePeriodSeconds: 0,
        containers: [{ name, image, imagePullPolicy: 'IfNotPresent', command: ['sleep', '3600'] }],
      },
    })),
  );
}

function list(items: readonly unknown[]): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
}
