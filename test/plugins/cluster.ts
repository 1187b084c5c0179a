/** A host on which kubeadm makes a control plane, on paper: its files, its API, its one node. */
import { cri, kubernetesRelease, type PodNetwork, podNetwork } from '../../plugins/capabilities.ts';
import { LIST } from '../../plugins/kubeadm/certificates.ts';
import { NOTES, RESTORE } from '../../plugins/kubeadm/settings.ts';
import { CLEAR, FILLED, KEEP, NOTED, STOP } from '../../plugins/kubeadm/traces.ts';
import type { Paper } from '../rig/paper.ts';
import type { BenchSetup, FakeCommand } from './bench.ts';
import { files, folder, MISSING, networked, providing, removed, script, wrote } from './tools.ts';

const ADMIN = '/etc/kubernetes/admin.conf';
export const KUBECTL = `/usr/local/bin/kubectl --kubeconfig ${ADMIN} --request-timeout=10s`;
const PROXY = `${KUBECTL} -n kube-system get daemonset/kube-proxy deployment/coredns deployment/kube-dns --ignore-not-found -o name`;
/** Stands for CoreDNS in what etcd holds. */
export const WITH_DNS = '/var/lib/etcd/coredns';
/** Stands for an etcd that began with nothing, and for a namespace that somebody made there since. */
export const BLANK = '/var/lib/etcd/blank';
export const OWN = '/var/lib/etcd/own';
const TAINT = 'node-role.kubernetes.io/master';
const TAINTED = '/var/lib/etcd/tainted';

/** What `kubeadm init` leaves; the last two are what a join leaves too. */
export const MADE = [
  ADMIN,
  ...['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'].map(
    (name) => `/etc/kubernetes/manifests/${name}.yaml`,
  ),
  '/var/lib/etcd/member/snap/db',
  '/etc/kubernetes/pki/ca.crt',
  '/var/lib/kubelet/config.yaml',
];

const PODS: PodNetwork = {
  name: 'pods',
  subnet: '10.244.0.0/24',
  bin: '/opt/cni/bin',
  config: '/etc/cni/net.d',
  bridge: 'pods0',
};
/** A network by which pods of several nodes reach each other. */
export const OVERLAY: PodNetwork = { ...PODS, subnet: '10.244.0.0/16', overlay: 'flannel' };

/** What kubeadm builds on, for a version of Kubernetes. */
export function below(version: string, pods = PODS) {
  return [
    providing(kubernetesRelease, {
      version,
      imageRepository: 'registry.lab',
      pauseImage: 'registry.lab/pause:3.2',
      bin: '/usr/local/bin',
      programs: {},
    }),
    providing(cri, {
      socket: 'unix:///run/cri.sock',
      cgroupDriver: 'systemd',
      importImages: { argv: ['ctr', 'import', '-'] },
      listImages: { argv: ['ctr', 'list'] },
      removePods: [{ argv: ['ctr', 'end-all'] }],
      unit: 'runtime.service',
    }),
    providing(podNetwork, pods),
  ];
}

export const BELOW = below('1.20.2');

export interface Api {
  /** Whether it answers, where there is a control plane. */
  answers: boolean;
  /** Where it says so. */
  readonly health?: string;
}

/** What is in the files that tell a cluster: as kubeadm 1.20 writes them, shortened. */
export interface Made {
  readonly version: string;
  readonly repository: string;
  readonly services: string;
  readonly pods: string;
  readonly socket: string;
  readonly driver: string;
  /** Of the API. */
  readonly address: string;
}

export const AS_DECLARED: Made = {
  version: '1.20.2',
  repository: 'registry.lab',
  services: '10.96.0.0/12',
  pods: '10.244.0.0/24',
  socket: 'unix:///run/cri.sock',
  address: '192.0.2.1',
  driver: 'systemd',
};

/** Writes what `kubeadm init` leaves, or what one that was cut off had come to. */
export function madeCluster(host: Paper, over: Partial<Made> = {}, files: readonly string[] = MADE): void {
  const made = { ...AS_DECLARED, ...over };
  for (const path of files) host.write(path, textOf(path, made));
  if (files.length < MADE.length) return;
  host.write('/var/lib/kubelet/kubeadm-flags.env', FLAGS_FILE(made.socket));
  host.write(WITH_DNS, '');
}

function textOf(path: string, { version, repository, services, pods, driver, address }: Made): string {
  const name = /manifests\/(.*)\.yaml$/.exec(path)?.[1];
  if (path.endsWith('config.yaml'))
    return [
      'apiVersion: kubelet.config.k8s.io/v1beta1',
      `cgroupDriver: ${driver}`,
      'clusterDNS:\n- 10.96.0.10\nclusterDomain: cluster.local',
      'kind: KubeletConfiguration\nruntimeRequestTimeout: 0s\n',
    ].join('\n');
  if (name === undefined) return `made by kubeadm: ${path}`;
  const tag = name === 'etcd' ? '3.4.13-0' : `v${version}`;
  const flags: Readonly<Record<string, readonly string[]>> = {
    'kube-apiserver': [`--advertise-address=${address}`, `--service-cluster-ip-range=${services}`],
    'kube-controller-manager': [
      `--cluster-cidr=${pods}`,
      '--cluster-name=kubernetes',
      `--service-cluster-ip-range=${services}`,
    ],
  };
  const words = [name, ...(flags[name] ?? [])].map((word) => `    - ${word}\n`).join('');
  return `apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - command:\n${words}    image: ${repository}/${name}:${tag}\n    imagePullPolicy: IfNotPresent\n`;
}

const FLAGS_FILE = (socket: string) =>
  `KUBELET_KUBEADM_ARGS="--container-runtime=remote --container-runtime-endpoint=${socket}"\n`;

/** What kubeadm was told, by the file that the plugin has written. */
function told(host: Paper): Made {
  const documents = host
    .read('/etc/cc/kubeadm.json')
    .split('---\n')
    .filter(Boolean)
    .map((text) => JSON.parse(text));
  const all = Object.assign({}, ...documents);
  return {
    version: all.kubernetesVersion.replace('v', ''),
    repository: all.imageRepository,
    services: all.networking.serviceSubnet,
    pods: all.networking.podSubnet,
    socket: all.nodeRegistration?.criSocket ?? all.criSocket ?? '',
    driver: all.cgroupDriver ?? 'systemd',
    address: all.localAPIEndpoint?.advertiseAddress ?? AS_DECLARED.address,
  };
}

function init(host: Paper, argv: readonly string[]): string {
  madeCluster(host, told(host));
  if (argv.some((word) => word.includes('addon/coredns'))) removed(host, WITH_DNS);
  return wrote(host, TAINTED, 'yes');
}

function nodes(host: Paper): string {
  const taints = host.disk.has(TAINTED) ? [{ key: TAINT }] : [];
  const conditions = [{ type: 'Ready', status: 'True', message: 'kubelet is posting ready status' }];
  return JSON.stringify({
    items: [{ metadata: { name: 'node-1' }, spec: { taints }, status: { conditions } }],
  });
}

/** What controllers have done with a Service and a pod that they were asked for. */
const ACTED = JSON.stringify({
  items: [{ kind: 'Endpoints' }, { kind: 'Pod', status: { conditions: [{ type: 'PodScheduled' }] } }],
});

function reading(host: Paper, api: Api, health: string): readonly FakeCommand[] {
  const there = () => host.disk.has(ADMIN) && api.answers;
  const refused = { code: 1, stderr: 'connection refused\n' };
  const answer = (text: () => string) => () =>
    host.disk.has(ADMIN) ? (there() ? text() : refused) : MISSING;
  return [
    [
      PROXY,
      answer(() =>
        host.disk.has(BLANK)
          ? ''
          : `daemonset.apps/kube-proxy\n${host.disk.has(WITH_DNS) ? 'deployment.apps/coredns\n' : ''}`,
      ),
    ],
    [
      `${KUBECTL} -n kube-system get configmap/kubeadm-config daemonset/kube-proxy --ignore-not-found -o name`,
      answer(() => (host.disk.has(BLANK) ? '' : 'configmap/kubeadm-config\ndaemonset.apps/kube-proxy\n')),
    ],
    [
      `${KUBECTL} get namespaces -o name`,
      answer(
        () => `namespace/default\nnamespace/kube-system\n${host.disk.has(OWN) ? 'namespace/own\n' : ''}`,
      ),
    ],
    [
      `${KUBECTL} get --raw '/api/v1/nodes?limit=1'`,
      answer(() => '{"kind":"NodeList","apiVersion":"v1","metadata":{"resourceVersion":"8123"},"items":[]}'),
    ],
    [`${KUBECTL} -n kube-system get pods -o json`, answer(() => '{"items":[]}')],
    [`${KUBECTL} get --raw ${health}`, answer(() => 'ok')],
    [`${KUBECTL} -n kube-system get daemonset kube-proxy --ignore-not-found`, ''],
    [(argv) => argv.join(' ').startsWith(`${KUBECTL} -n kube-system get endpoints/cc-controllers`), ACTED],
    [`${KUBECTL} get nodes -o json`, answer(() => nodes(host))],
  ];
}

/** Kernel settings that can be written where they are there; none is remembered from before. */
function sysctl(host: Paper, [, , setting = '']: readonly string[]) {
  const [key = '', value = ''] = setting.split('=');
  const path = `/proc/sys/${key.replaceAll('.', '/')}`;
  if (!host.disk.has(path))
    return { code: 255, stderr: `sysctl: cannot stat ${path}: No such file or directory\n` };
  return wrote(host, path, `${value}\n`);
}

/** What is below the folders that a cluster fills. */
function filled(host: Paper): readonly string[] {
  return [...host.disk.keys()].filter((path) =>
    FILLED.split(' ').some((folder) => path === folder || path.startsWith(`${folder}/`)),
  );
}

/** The scripts that note what is there and clear what came since; their own test runs them. */
function clearing(host: Paper): readonly FakeCommand[] {
  const note = '/var/lib/cc/kubeadm';
  const settings = ['net/ipv4/ip_forward', 'net/bridge/bridge-nf-call-iptables'].map(
    (key) => `/proc/sys/${key}`,
  );
  const noted = () => (host.disk.has(NOTED) ? (JSON.parse(host.read(NOTED)) as string[]) : []);
  // On paper stamps are no files, so that what is cc's folder goes with the last note.
  const forget = (path: string) => {
    removed(host, path);
    return [...host.disk.keys()].some((other) => other.startsWith(`${note}/`))
      ? ''
      : removed(host, '/var/lib/cc');
  };
  return [
    [script(STOP), ''],
    [script(KEEP), () => wrote(host, NOTED, JSON.stringify(filled(host)))],
    [
      (argv) => script(CLEAR)(argv) && argv.slice(4).join(' ') === 'pods pods0',
      () => {
        const before = noted();
        removed(host, ...filled(host).filter((path) => !before.includes(path)));
        return forget(NOTED);
      },
    ],
    [
      script(NOTES),
      () => {
        const there = settings.filter((path) => host.disk.has(path));
        const values = there.map((path) => [path, host.read(path)] as const);
        return wrote(host, `${note}/settings`, JSON.stringify(values));
      },
    ],
    [
      script(RESTORE),
      () => {
        const values = JSON.parse(host.read(`${note}/settings`)) as [string, string][];
        for (const [path, value] of values) host.write(path, value);
        return forget(`${note}/settings`);
      },
    ],
  ];
}

/** A default route, as the kernel tells it. */
export const ROUTE = `Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT
eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0
`;

export function clusterOn(api: Api = { answers: true }, settings = '1\n'): BenchSetup {
  return {
    bare: (host) => {
      folder(host, '/var/lib');
      host.write('/proc/net/route', ROUTE);
      host.write('/proc/sys/net/ipv4/ip_forward', settings);
      host.write('/proc/sys/net/bridge/bridge-nf-call-iptables', settings);
    },
    // Its certificates are those of a test of their own.
    reads: (host) => [
      networked(),
      [script(LIST), '1790000000\n'],
      ...reading(host, api, api.health ?? '/readyz'),
    ],
    does: (host) => [
      ...files(host),
      ['sysctl -w', (argv) => sysctl(host, argv)],
      ['/usr/local/bin/kubeadm init', (argv) => init(host, argv)],
      ['ctr end-all', ''],
      [`${KUBECTL} -n kube-system apply -f -`, ''],
      [
        (argv) => argv.join(' ').startsWith(`${KUBECTL} -n kube-system delete service,pod cc-controllers`),
        '',
      ],
      ...clearing(host),
      [`${KUBECTL} taint node node-1 ${TAINT}-`, () => removed(host, TAINTED)],
    ],
  };
}
