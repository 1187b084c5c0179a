/** The member of etcd that a control plane runs: how its programs are called, in its own pod. */
import { since } from '../kubernetes/versions.ts';

/** What kubeadm keeps for etcd. */
const PKI = '/etc/kubernetes/pki/etcd';
const CLIENT = `${PKI}/healthcheck-client`;

/** By which etcdctl is let in, with the credentials of kubeadm's probes. */
export const LET_IN: readonly string[] = [
  ...['--endpoints=https://127.0.0.1:2379', `--cacert=${PKI}/ca.crt`],
  ...[`--cert=${CLIENT}.crt`, `--key=${CLIENT}.key`],
];

/** `kubectl` is what asks the API, `words` a program of etcd and its arguments. */
export function inMember(
  node: string,
  kubectl: readonly string[],
  version: string,
  words: readonly string[],
): readonly string[] {
  // The first version of its API is the default up to 3.3.
  const api = since('etcdApi3', version) ? [] : ['env', 'ETCDCTL_API=3'];
  return [...kubectl, '-n', 'kube-system', 'exec', `etcd-${node}`, '--', ...api, ...words];
}
