/** A page that is never away: two replicas on different nodes, of which one may leave at a time, behind a node port. */

/** The node port. */
export const PAGE_PORT = 30080;

const LABELS = { app: 'page' };
/** Long enough for every node to learn that a pod leaves, before it takes no more connections. */
const PAUSE_S = 10;

/** JSON that kubectl reads. The image is nginx of a Debian. */
export function pageOf(image: string): string {
  const metadata = { name: 'page', labels: LABELS };
  const selector = { matchLabels: LABELS };
  const apart = { labelSelector: selector, topologyKey: 'kubernetes.io/hostname' };
  const container = {
    ...{ name: 'nginx', image, imagePullPolicy: 'IfNotPresent', ports: [{ containerPort: 80 }] },
    readinessProbe: { httpGet: { path: '/', port: 80 }, periodSeconds: 1 },
    lifecycle: { preStop: { exec: { command: ['sleep', String(PAUSE_S)] } } },
  };
  const template = {
    metadata: { labels: LABELS },
    spec: {
      affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [apart] } },
      terminationGracePeriodSeconds: 3 * PAUSE_S,
      containers: [container],
    },
  };
  const items = [
    { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: { replicas: 2, selector, template } },
    {
      apiVersion: 'policy/v1beta1',
      kind: 'PodDisruptionBudget',
      metadata,
      spec: { minAvailable: 1, selector },
    },
    {
      ...{ apiVersion: 'v1', kind: 'Service', metadata },
      spec: { type: 'NodePort', selector: LABELS, ports: [{ port: 80, nodePort: PAGE_PORT }] },
    },
  ];
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
}
