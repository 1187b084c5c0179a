/** What the smoke test runs, as JSON that kubectl reads; apps/v1 holds for every Kubernetes since 1.9. */

export const NAMESPACE = 'cc-nginx-smoke';

const LABELS = { app: 'nginx' };

/** The namespace, two replicas of nginx and a Service before them. */
export function workload(image: string): string {
  const pod = {
    containers: [{ name: 'nginx', image, imagePullPolicy: 'IfNotPresent', ports: [{ containerPort: 80 }] }],
  };
  return list([
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'nginx', namespace: NAMESPACE },
      spec: {
        replicas: 2,
        selector: { matchLabels: LABELS },
        template: { metadata: { labels: LABELS }, spec: { ...pod, terminationGracePeriodSeconds: 1 } },
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

/** A pod that waits to be told what to fetch, on the node whose kernel its own is compared with. */
export function client(image: string, node: string): string {
  return list([
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'client', namespace: NAMESPACE },
      spec: {
        nodeName: node,
        terminationGracePeriodSeconds: 0,
        containers: [{ name: 'client', image, imagePullPolicy: 'IfNotPresent', command: ['sleep', '3600'] }],
      },
    },
  ]);
}

function list(items: readonly unknown[]): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
}
