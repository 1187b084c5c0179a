/** What a cluster of a site consists of, by the kubectl of its first control plane. */
import { KUBECTL, type Site } from './site.ts';

export interface Node {
  readonly metadata: {
    readonly name: string;
    readonly annotations?: Readonly<Record<string, string | undefined>>;
  };
  readonly spec: { readonly unschedulable?: boolean };
  readonly status: {
    readonly conditions: readonly { readonly type: string; readonly status: string }[];
    readonly nodeInfo: { readonly kubeletVersion: string; readonly containerRuntimeVersion: string };
    readonly capacity: { readonly pods: string };
  };
}

/** By name. */
export function nodesOf(site: Site): readonly Node[] {
  const { items } = JSON.parse(site.kubectl('get nodes -o json')) as { readonly items: readonly Node[] };
  return items.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
}

export function isReady({ status }: Node): boolean {
  return status.conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
}

export function readyNodes(site: Site): readonly string[] {
  return nodesOf(site)
    .filter(isReady)
    .map(({ metadata }) => metadata.name);
}

/** The members of etcd that have started, by name; asked of the one on this control plane. */
export function etcdMembers(site: Site, plane: string): readonly string[] {
  const keys = '/etc/kubernetes/pki/etcd';
  const call = `etcdctl --endpoints=https://127.0.0.1:2379 --cacert=${keys}/ca.crt --cert=${keys}/healthcheck-client.crt --key=${keys}/healthcheck-client.key`;
  const text = site.kubectl(`-n kube-system exec etcd-${plane} -- ${call} member list`);
  return [...text.matchAll(/^\w+, started, ([^,]+),/gm)].map(([, name]) => name!).toSorted(); // the pattern has one group
}

/** kubectl reads `input` as its standard input, where the line names `-f -`. */
export function kubectlFed(site: Site, line: string, input: string): string {
  const encoded = Buffer.from(input).toString('base64');
  return site.ssh(`echo ${encoded} | base64 -d | ${KUBECTL} ${line}`);
}
