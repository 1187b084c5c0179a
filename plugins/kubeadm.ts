/** A control plane by kubeadm on one node: kubelet's unit, kernel settings, init, node ready. */
import {
  type Change,
  cmd,
  fail,
  type Json,
  plugin,
  running,
  step,
  type View,
  v,
  written,
} from '../core/mod.ts';
import { type Cri, cluster, cri, kubernetesRelease, nodeImages, podNetwork } from './capabilities.ts';
import { kubeadmConfig, kubeletDropIn, kubeletUnit } from './kubeadm/config.ts';
import { answering, PLANE, ready, untainted } from './kubeadm/nodes.ts';

const CONFIG = '/etc/cc/kubeadm.json';
const UNIT = '/etc/systemd/system/kubelet.service';
const DROP_IN = `${UNIT}.d/10-kubeadm.conf`;
const KUBECONFIG = '/etc/kubernetes/admin.conf';

export const kubeadm = plugin({
  name: 'kubeadm',
  help: 'brings up a control plane on the first host with the role control-plane, and has its node ready',
  options: v.strictObject({
    serviceSubnet: v.optional(v.string(), '10.96.0.0/12'),
    /** Cluster DNS; without it the smoke test goes by address. */
    dns: v.optional(v.boolean(), true),
    /** kubeadm's own checks before it starts; they need crictl on the host. */
    preflight: v.optional(v.boolean(), true),
  }),
  provides: [cluster],
  build: ({ serviceSubnet, dns, preflight }, { use, find }) => {
    const runtime = use(cri);
    const { version, imageRepository, bin } = use(kubernetesRelease);
    const { subnet: podSubnet, bridge } = use(podNetwork);
    const { socket: criSocket, cgroupDriver } = runtime;
    const config = kubeadmConfig({
      version,
      imageRepository,
      criSocket,
      cgroupDriver,
      podSubnet,
      serviceSubnet,
    });
    const kubectl = `${bin}/kubectl`;
    const call = [kubectl, '--kubeconfig', KUBECONFIG, '--request-timeout=10s'];
    const bytes = find(nodeImages) ? ['node-images'] : [];
    return {
      provides: [cluster.of({ kubeconfig: KUBECONFIG, kubectl })],
      steps: [
        written(SYSCTLS, {
          name: 'sysctls',
          path: '/etc/sysctl.d/90-cc-kubernetes.conf',
          where: PLANE,
          needs: [],
        }),
        written(`${MODULE}\n`, {
          name: 'modules',
          path: '/etc/modules-load.d/90-cc-kubernetes.conf',
          where: PLANE,
          needs: [],
        }),
        kernel(),
        written(kubeletUnit(bin), { name: 'unit', path: UNIT, where: PLANE, needs: [] }),
        written(kubeletDropIn(bin), { name: 'drop-in', path: DROP_IN, where: PLANE, needs: [] }),
        written(config, { name: 'config', path: CONFIG, where: PLANE, needs: [] }),
        init({
          kubeadm: `${bin}/kubeadm`,
          kubectl,
          dns,
          preflight,
          runtime,
          bridge,
          before: ['kubernetes-release', 'cri', 'pod-network', ...bytes],
        }),
        running('kubelet.service', {
          name: 'kubelet',
          where: PLANE,
          needs: ['kubeadm/init'],
          restartOn: [UNIT, DROP_IN, `${bin}/kubelet`],
        }),
        answering(call),
        untainted(call),
        ready(call),
      ],
    };
  },
});

/** https://kubernetes.io/docs/setup/production-environment/container-runtimes/ */
const MODULE = 'br_netfilter';
const SETTINGS = ['net/ipv4/ip_forward', 'net/bridge/bridge-nf-call-iptables'];

const SYSCTLS = SETTINGS.map((key) => `${key.replaceAll('/', '.')} = 1\n`).join('');

/** Kernel settings that pods' traffic needs; after cleanup the running kernel keeps them until it is booted anew. */
function kernel() {
  return step<{ values: { [key: string]: string } }>({
    name: 'kernel',
    where: PLANE,
    needs: [],
    probe: async (view) => {
      const value = async (key: string) => ((await view.text(`/proc/sys/${key}`)) ?? 'absent').trim();
      return {
        values: Object.fromEntries(await Promise.all(SETTINGS.map(async (key) => [key, await value(key)]))),
      };
    },
    plan: ({ values }) =>
      Object.entries(values).flatMap(([key, value]): Change[] => {
        const why = `${key} is ${value}`;
        const set: Change = { kind: 'run', command: cmd`sysctl -w ${key.replaceAll('/', '.')}=1`, why };
        if (value === '1') return [];
        return value === 'absent' ? [{ kind: 'run', command: cmd`modprobe ${MODULE}`, why }, set] : [set];
      }),
  });
}

interface Init {
  readonly kubeadm: string;
  readonly kubectl: string;
  readonly dns: boolean;
  readonly preflight: boolean;
  readonly runtime: Cri;
  readonly bridge: string;
  readonly before: readonly string[];
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

function init({ kubeadm, kubectl, dns, preflight, runtime, before, bridge }: Init) {
  const phases = [...(preflight ? [] : ['preflight']), ...(dns ? [] : ['addon/coredns'])];
  const skipped = phases.length > 0 ? [`--skip-phases=${phases.join(',')}`] : [];
  const command = cmd`${kubeadm} init --config ${CONFIG} ${skipped}`;
  const reset = [
    { ...cmd`${kubeadm} reset --force --cri-socket ${runtime.socket}`, title: 'kubeadm reset' },
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
    needs: [...before, 'kubeadm/kernel', 'kubeadm/unit', 'kubeadm/drop-in', 'kubeadm/config'],
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
