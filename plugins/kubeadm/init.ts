/** `kubeadm init`: when a control plane is made, when it is made anew, and how it is taken back. */
import { type Change, cmd, fail, type Json, step, type View } from '../../core/mod.ts';
import type { Cri } from '../capabilities.ts';
import { since } from '../kubernetes/versions.ts';
import { PLANE } from './nodes.ts';

export const CONFIG = '/etc/cc/kubeadm.json';
export const KUBECONFIG = '/etc/kubernetes/admin.conf';

export interface Init {
  readonly version: string;
  readonly kubeadm: string;
  readonly kubectl: string;
  readonly dns: boolean;
  readonly preflight: boolean;
  readonly runtime: Cri;
  readonly bridge: string;
  readonly before: readonly string[];
}

/** What `kubeadm init` is told beside its configuration, which has no words for it in all versions. */
export function initFlags({
  version,
  dns,
  preflight,
}: Pick<Init, 'version' | 'dns' | 'preflight'>): readonly string[] {
  const ignored = [
    // kubelet is told that swap is no reason to fail.
    ...(since('swap', version) ? [] : ['Swap']),
    // With a configuration file these cannot be told of a runtime other than Docker; and the last knows kernels to 4.x.
    ...(since('noDocker', version) ? [] : ['CRI', 'Service-Docker', 'SystemVerification']),
  ];
  if (!since('phases', version))
    return [`--ignore-preflight-errors=${preflight ? ignored.join(',') : 'all'}`];
  const phases = [...(preflight ? [] : ['preflight']), ...(dns ? [] : ['addon/coredns'])];
  return [
    ...(phases.length > 0 ? [`--skip-phases=${phases.join(',')}`] : []),
    ...(preflight && ignored.length > 0 ? [`--ignore-preflight-errors=${ignored.join(',')}`] : []),
  ];
}

type InitFacts = { admin: boolean; manifests: number; leftovers: boolean; complete: boolean };

const MANIFESTS = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'];
/** What kubeadm and the programs it starts keep; `kubeadm reset` removes most of it. */
const STATE = [
  '/etc/kubernetes',
  '/var/lib/etcd',
  '/var/lib/kubelet',
  '/var/lib/cni',
  '/var/log/pods',
  '/var/log/containers',
];

export function init(how: Init) {
  const { version, kubeadm, kubectl, dns, runtime, before, bridge } = how;
  const command = cmd`${kubeadm} init --config ${CONFIG} ${initFlags(how)}`;
  const force = since('resetAsks', version) ? ['--force'] : [];
  const reset = [
    { ...cmd`${kubeadm} reset ${force} --cri-socket ${runtime.socket}`, title: 'kubeadm reset' },
    runtime.removePods,
    {
      ...cmd`sh -c ${CLEAR} cc ${bridge} ${STATE}`,
      title: "a script that clears pods' mounts, networks and state",
    },
  ];
  const all = (why: string): Change[] => reset.map((command) => ({ kind: 'run', command, why }));
  return step<InitFacts>({
    name: 'init',
    where: PLANE,
    needs: before,
    inputs: { command: command.argv as Json, dns },
    timeout: 900,
    settles: 60,
    probe: (view) => probeInit(view, kubectl),
    plan: (facts, last) => {
      const once = last.current || last.facts !== undefined;
      // An API that is silent now does not make a cluster unfinished that was finished once.
      if (facts.admin && facts.manifests === MANIFESTS.length && (facts.complete || once)) return [];
      if (facts.leftovers && last.facts !== undefined) damaged();
      if (facts.leftovers && !once && !last.unfinished) notOurs();
      const why = facts.leftovers ? 'an earlier init did not finish' : 'there is no control plane';
      return [...(facts.leftovers ? all(why) : []), { kind: 'run', command, why }];
    },
    undo: ({ leftovers }) => (leftovers ? all('the control plane was made by kubeadm') : []),
  });
}

/** A cluster that was finished once holds data; a file of it that is gone is no reason to throw that away. */
function damaged(): never {
  const reasons = [
    `${KUBECONFIG} or a manifest below /etc/kubernetes/manifests is gone`,
    'put it back, or give the cluster up: cc run cleanup',
  ];
  return fail({ kind: 'check-failed', host: 'the control plane', what: 'the cluster is whole', reasons });
}

/** State of a cluster that cc has no record of: somebody's, and not to be reset. */
function notOurs(): never {
  const reasons = [
    '/etc/kubernetes, /var/lib/etcd or /var/lib/kubelet hold a state that cc has not made',
    'move it away, or reset that cluster by hand',
  ];
  return fail({
    kind: 'check-failed',
    host: 'the control plane',
    what: 'no other cluster is on this host',
    reasons,
  });
}

/**
 * kubeadm keeps no record of having finished; the last thing it leaves is kube-proxy's DaemonSet. An API that does not
 * answer now does not make a finished cluster unfinished: then the stamp says whether it was (`last.current`).
 */
async function probeInit(view: View, kubectl: string): Promise<InitFacts> {
  const admin = (await view.stat(KUBECONFIG)) !== undefined;
  const manifests = await Promise.all(
    MANIFESTS.map((name) => view.stat(`/etc/kubernetes/manifests/${name}.yaml`)),
  );
  const there = manifests.filter((facts) => facts !== undefined).length;
  const left = await Promise.all(
    ['/etc/kubernetes/pki', '/var/lib/etcd', '/var/lib/kubelet/config.yaml'].map((path) => view.stat(path)),
  );
  const look = cmd`${kubectl} --kubeconfig ${KUBECONFIG} --request-timeout=10s -n kube-system get daemonset kube-proxy -o name`;
  const complete = admin && there === MANIFESTS.length && (await view.ask(look)) !== undefined;
  return {
    admin,
    manifests: there,
    leftovers: admin || there > 0 || left.some((facts) => facts !== undefined),
    complete,
  };
}

/** What kubeadm reset leaves: mounts below kubelet's folder, pods' network namespaces and links, KUBE and CNI rules. */
const CLEAR = `systemctl stop kubelet 2>/dev/null
awk '$2 ~ "^/var/lib/kubelet/" || $2 ~ "^/run/netns/cni-" {print $2}' /proc/mounts | sort -r | xargs -r -n 1 umount -l
rm -f /run/netns/cni-*
ip link delete dev "$1" 2>/dev/null
for tables in iptables ip6tables; do
  command -v "$tables-save" >/dev/null || continue
  "$tables-save" | grep -vE '(^:|-[AIj] |--comment ")(KUBE-|CNI-)' | grep -vE ' -j (KUBE|CNI)-' | "$tables-restore"
done
shift
rm -rf --one-file-system "$@"
[ ! -e /etc/kubernetes ]`;
