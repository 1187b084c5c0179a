/** A host on which kubeadm makes a control plane, on paper: its files, its API, its one node. */
import { cri, kubernetesRelease, podNetwork } from '../../plugins/capabilities.ts';
import { NOTES, RESTORE } from '../../plugins/kubeadm/settings.ts';
import { CLEAR, FILLED, KEEP, NOTED, STOP } from '../../plugins/kubeadm/traces.ts';
import type { Paper } from '../rig/paper.ts';
import type { BenchSetup, FakeCommand } from './bench.ts';
import { files, folder, MISSING, providing, removed, script, wrote } from './tools.ts';

const ADMIN = '/etc/kubernetes/admin.conf';
export const KUBECTL = `/usr/local/bin/kubectl --kubeconfig ${ADMIN} --request-timeout=10s`;
const PROXY = `${KUBECTL} -n kube-system get daemonset kube-proxy -o name`;
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

export const BELOW = below('1.20.2');

/** What kubeadm builds on, for a version of Kubernetes. */
export function below(version: string) {
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
      removePods: { argv: ['ctr', 'end-all'] },
    }),
    providing(podNetwork, { name: 'pods', subnet: '10.244.0.0/24', bin: '/opt/cni/bin', bridge: 'pods0' }),
  ];
}

export interface Api {
  /** Whether it answers, where there is a control plane. */
  answers: boolean;
  /** Where it says so. */
  readonly health?: string;
}

function init(host: Paper): string {
  for (const path of MADE) host.write(path, `made by kubeadm: ${path}`);
  return wrote(host, TAINTED, 'yes');
}

function nodes(host: Paper): string {
  const taints = host.disk.has(TAINTED) ? [{ key: TAINT }] : [];
  const conditions = [{ type: 'Ready', status: 'True', message: 'kubelet is posting ready status' }];
  return JSON.stringify({
    items: [{ metadata: { name: 'node-1' }, spec: { taints }, status: { conditions } }],
  });
}

function reading(host: Paper, api: Api, health: string): readonly FakeCommand[] {
  const there = () => host.disk.has(ADMIN) && api.answers;
  const refused = { code: 1, stderr: 'connection refused\n' };
  const answer = (text: () => string) => () =>
    host.disk.has(ADMIN) ? (there() ? text() : refused) : MISSING;
  return [
    [PROXY, answer(() => 'daemonset.apps/kube-proxy\n')],
    [`${KUBECTL} get --raw ${health}`, answer(() => 'ok')],
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

export function clusterOn(api: Api = { answers: true }, settings = '1\n'): BenchSetup {
  return {
    bare: (host) => {
      folder(host, '/var/lib');
      host.write('/proc/sys/net/ipv4/ip_forward', settings);
      host.write('/proc/sys/net/bridge/bridge-nf-call-iptables', settings);
    },
    reads: (host) => reading(host, api, api.health ?? '/readyz'),
    does: (host) => [
      ...files(host),
      ['sysctl -w', (argv) => sysctl(host, argv)],
      ['/usr/local/bin/kubeadm init', () => init(host)],
      ['ctr end-all', ''],
      ...clearing(host),
      [`${KUBECTL} taint node node-1 ${TAINT}-`, () => removed(host, TAINTED)],
    ],
  };
}
