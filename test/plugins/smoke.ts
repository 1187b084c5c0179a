/** A cluster on paper in which the smoke test can run: what its commands answer, and what they were given. */
import type { Host } from '../../core/model/plugin.ts';
import { cluster, cri, criClient, podNetwork, vmRuntime } from '../../plugins/capabilities.ts';
import { LOOK } from '../../plugins/nginx-smoke/isolation.ts';
import { PAYLOAD, PAYLOAD_DIGEST } from '../../plugins/nginx-smoke/manifests.ts';
import { ASK } from '../../plugins/nginx-smoke/reach.ts';
import { NODE, nginxSmoke } from '../../plugins/nginx-smoke.ts';
import type { Paper } from '../rig/paper.ts';
import type { BenchSetup } from './bench.ts';
import { providing, script } from './tools.ts';
import { MACHINE } from './virtual.ts';

const CALL = '/usr/local/bin/kubectl --kubeconfig /admin.conf --request-timeout=30s';
const SPACE = `${CALL} -n cc-nginx-smoke`;
/** What only asks does not wait that long. */
const ASKING = '/usr/local/bin/kubectl --kubeconfig /admin.conf --request-timeout=10s';
const IN_SPACE = `${ASKING} -n cc-nginx-smoke`;

const below = (version: string) => [
  providing(cluster, { version, kubeconfig: '/admin.conf', kubectl: '/usr/local/bin/kubectl' }),
  providing(cri, {
    socket: 'unix:///run/cri.sock',
    cgroupDriver: 'systemd',
    importImages: { argv: ['ctr', 'import', '-'] },
    listImages: { argv: ['ctr', 'list'] },
    removePods: [{ argv: ['ctr', 'end-all'] }],
    unit: 'runtime.service',
  }),
  providing(podNetwork, {
    name: 'pods',
    subnet: '10.244.0.0/24',
    bin: '/opt/cni/bin',
    config: '/etc/cni/net.d',
    bridge: 'pods0',
  }),
];

/** What starts pods in machines of their own, and what they are asked about with. */
const VMS = [
  providing(vmRuntime, { handler: 'kata', path: '/opt/kata/shim', type: 'vm', machine: MACHINE }),
  providing(criClient, {
    crictl: '/usr/local/bin/crictl',
    endpoint: (socket) => socket.replace('unix://', ''),
  }),
];

export function recipe(
  given: Parameters<typeof nginxSmoke>[0] = {},
  isolation: 'vm' | 'none' = 'none',
  version = '1.20.2',
) {
  const plugins = [...below(version), ...(isolation === 'vm' ? VMS : []), nginxSmoke(given)];
  return { isolation, hosts: [] as readonly Host[], plugins };
}

/** Whom to ask for sandboxes, where it listens in the words of that crictl, what runs machines, and whose sandboxes. */
const ASKED = `/usr/local/bin/crictl /run/cri.sock ${MACHINE.program} kvm client uid-client control uid-control`;
export const MARK = 'c0ffee00-0000-4000-8000-000000000000';
/** The pods of paper were made at this time, and are looked at so many seconds later. */
const MADE = '2026-09-01T00:00:00Z';
const AGE = 30;

interface Pod {
  readonly name: string;
  readonly ready: boolean;
  readonly phase?: string;
  readonly waiting?: { readonly reason: string; readonly message?: string };
  readonly condition?: string;
}

/** A node as the cluster tells it. */
export interface PaperNode {
  readonly name: string;
  readonly address?: string;
  /** Why it is not ready. */
  readonly sick?: string;
  readonly cordoned?: boolean;
}

/** How the cluster behaves; what is left out behaves well. */
export interface Behaviour {
  /** Default: the one that the test runs on. */
  readonly nodes?: readonly PaperNode[];
  /** What a client's curl says of an address, but for the number; undefined: all that it must. */
  readonly asks?: (client: string, url: string) => string | undefined;
  /** Seconds from one look at the clock to the next; default: 5. */
  readonly pace?: number;
  /** Why a client cannot be asked. */
  readonly mute?: (client: string) => string | undefined;
  readonly pods?: () => readonly Pod[];
  readonly dns?: string;
  readonly page?: () => string | undefined;
  readonly boot?: { readonly pod: string; readonly node: string };
  /** Whether the client runs in a machine. */
  readonly machine?: boolean;
  /** How often the namespace is still seen after it was deleted. */
  readonly lingers?: number;
  readonly undeletable?: () => boolean;
}

/** What was applied to the cluster, as it was given. */
export type Applied = string[];

const ready = (name: string): Pod => ({ name, ready: true });
export const READY: readonly Pod[] = ['client', 'nginx-1', 'nginx-2'].map(ready);
export const READY_VMS: readonly Pod[] = [...READY, ready('control')];
const SPACED = '/namespace';
const NO = { code: 1, stderr: 'no\n' };

export function smokeOn(behaviour: Behaviour = {}, applied: Applied = []): BenchSetup {
  const { pods = () => READY, dns = '', page = () => '<h1>Welcome to nginx!</h1>', lingers = 0 } = behaviour;
  const { machine = false, undeletable = () => false, pace = 5 } = behaviour;
  const { nodes = [{ name: 'node-1', address: '192.0.2.1' }] } = behaviour;
  let seen = 0;
  let time = 1_790_000_000;
  const apply = (host: Paper, text: unknown) => {
    host.write(SPACED, '');
    applied.push(String(text));
    seen = lingers;
    return '';
  };
  const gone = (host: Paper) => {
    if (host.disk.has('/deleted') && seen-- <= 0)
      for (const path of ['/deleted', SPACED]) host.disk.delete(path);
    return host.disk.has(SPACED) ? 'namespace/cc-nginx-smoke\n' : '';
  };
  const remove = (host: Paper) => {
    if (undeletable()) return { code: 1, stderr: 'the API is gone\n' };
    if (host.disk.has(SPACED)) host.write('/deleted', '');
    return '';
  };
  return {
    bare: (host) => host.write('/admin.conf', 'the key of an administrator'),
    does: (host) => [
      [`${ASKING} get nodes -o json`, JSON.stringify({ items: nodes.map(nodeData) })],
      [`${IN_SPACE} get services -o json`, () => servicesIn(applied)],
      [
        'date +%s',
        () => {
          time += pace;
          return `${time}\n`;
        },
      ],
      [(argv) => argv.includes(ASK), (argv) => curls(argv, behaviour)],
      [script(NODE), `Node-1\n${MARK}\n`],
      [`${CALL} delete namespace cc-nginx-smoke --ignore-not-found`, () => remove(host)],
      [`${ASKING} get namespace cc-nginx-smoke --ignore-not-found -o name`, () => gone(host)],
      [`${CALL} apply -f -`, (_, { input }) => apply(host, input)],
      [`${IN_SPACE} get pods -o json`, () => JSON.stringify({ items: pods().map(podData) })],
      [`${ASKING} -n kube-system get service kube-dns --ignore-not-found -o name`, dns],
      [`${IN_SPACE} get service nginx`, '10.96.0.7'],
      [`${SPACE} exec client -- curl -sS --max-time 5`, () => page() ?? NO],
      [`${SPACE} exec client -- grep -H`, inside(machine ? GUEST : HOST)],
      [`${SPACE} exec control -- grep -H`, inside(HOST)],
      [
        (argv) => script(LOOK)(argv) && argv.slice(4).join(' ') === ASKED,
        (_, { input }) => outside(machine, String(input)),
      ],
      ['unshare --pid --fork --mount --mount-proc grep -H', inside(HOST)],
    ],
  };
}

/** What files of /proc say. */
export interface Inside {
  readonly release: string;
  readonly boot: string;
  readonly uptime: number;
  readonly cmdline: string;
  readonly mounts: readonly string[];
}

const MOUNTS = ['24 23 0:22 / /proc rw - proc proc rw', '25 24 0:22 /sys /proc/sys ro - proc proc rw'];
const HOST: Inside = { release: '6.1.0', boot: 'boot-1', uptime: 9000, cmdline: 'quiet', mounts: MOUNTS };
const GUEST: Inside = { ...HOST, boot: 'boot-2', uptime: 20 };

/** The same as `grep -H '' FILE...` prints it. */
export function inside({ release, boot, uptime, cmdline, mounts }: Inside): string {
  const lines = [
    `/proc/sys/kernel/osrelease:${release}`,
    `/proc/sys/kernel/random/boot_id:${boot}`,
    `/proc/uptime:${uptime} 1.00`,
    `/proc/cmdline:${cmdline}`,
    ...mounts.map((line) => `/proc/self/mountinfo:${line}`),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

/** What the node shows of two pods, if it is asked for the arguments of their processes. */
function outside(machine: boolean, asked: string) {
  if (asked !== `${MARK}-client\n${MARK}-control\n`) return NO;
  const client = machine ? 'hypervisor client 77' : 'process client 78';
  const now = `time node ${Date.parse(MADE) / 1000 + AGE}`;
  return ['sandbox client ab', client, 'sandbox control cd', 'process control 79', now, ''].join('\n');
}

/** What each curl of a client says, by the number that it was given. */
function curls(argv: readonly string[], { asks, mute }: Behaviour) {
  const client = argv[argv.indexOf('exec') + 1]!; // every such command names a pod
  const why = mute?.(client);
  if (why !== undefined) return { code: 1, stderr: `${why}\n` };
  const words = argv.slice(argv.indexOf('cc') + 1);
  const lines = words.flatMap((url, at) =>
    at % 2 ? [`${words[at - 1]} ${asks?.(client, url) ?? GOT}\n`] : [],
  );
  return lines.join('');
}

/** How a curl ends that has fetched all. */
const GOT = `0 200 ${PAYLOAD.length} 0.001 0.002 ${PAYLOAD_DIGEST} -`;

/** The Services that were applied last, each with an address and a port of its own. */
function servicesIn(applied: Applied): string {
  const { items } = JSON.parse(applied.at(-1) ?? '{"items":[]}');
  const services = items.filter(({ kind }: { kind: string }) => kind === 'Service');
  return JSON.stringify({
    items: services.map(({ metadata }: { metadata: unknown }, index: number) => ({
      metadata,
      spec: { clusterIP: `10.96.0.${10 + index}`, ports: [{ port: 80, nodePort: 30000 + index }] },
    })),
  });
}

function nodeData({ name, address, sick, cordoned = false }: PaperNode) {
  const ready = {
    type: 'Ready',
    status: sick === undefined ? 'True' : 'Unknown',
    message: sick ?? 'all is well',
  };
  return {
    metadata: { name },
    spec: cordoned ? { unschedulable: true } : {},
    status: {
      conditions: [ready],
      addresses: address === undefined ? [] : [{ type: 'InternalIP', address }],
    },
  };
}

function podData({ name, ready, phase = 'Running', waiting, condition }: Pod) {
  const status = {
    phase,
    ...(condition === undefined
      ? {}
      : { conditions: [{ type: 'PodScheduled', status: 'False', message: condition }] }),
    ...(phase === 'Pending' && !waiting
      ? {}
      : { containerStatuses: [{ ready, state: waiting ? { waiting } : {} }] }),
  };
  const podIP = /^server-(.*)$/.exec(name)?.[1];
  return {
    metadata: { name, uid: `uid-${name}`, creationTimestamp: MADE },
    status: { ...status, ...(podIP === undefined ? {} : { podIP: `10.244.${podIP}.7` }) },
  };
}
