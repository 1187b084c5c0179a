/** A cluster on paper in which the smoke test can run: what its commands answer, and what they were given. */
import type { Host } from '../../core/model/plugin.ts';
import { cluster, cri, criClient, podNetwork, vmRuntime } from '../../plugins/capabilities.ts';
import { HYPERVISOR, SANDBOX } from '../../plugins/nginx-smoke/isolation.ts';
import { nginxSmoke } from '../../plugins/nginx-smoke.ts';
import type { Paper } from '../rig/paper.ts';
import type { BenchSetup } from './bench.ts';
import { providing, script } from './tools.ts';

const CALL = '/usr/local/bin/kubectl --kubeconfig /admin.conf --request-timeout=30s';
const SPACE = `${CALL} -n cc-nginx-smoke`;

const below = (version: string) => [
  providing(cluster, { version, kubeconfig: '/admin.conf', kubectl: '/usr/local/bin/kubectl' }),
  providing(cri, {
    socket: 'unix:///run/cri.sock',
    cgroupDriver: 'systemd',
    importImages: { argv: ['ctr', 'import', '-'] },
    listImages: { argv: ['ctr', 'list'] },
    removePods: [{ argv: ['ctr', 'end-all'] }],
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
  providing(vmRuntime, { handler: 'kata', path: '/opt/kata/shim', type: 'vm' }),
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

/** Whom to ask for the sandbox, where it listens in the words of that crictl, and whose sandbox. */
const ASKED = '/usr/local/bin/crictl /run/cri.sock cc-nginx-smoke client';
export const SANDBOX_ID = '0123456789abcdef';

interface Pod {
  readonly name: string;
  readonly ready: boolean;
  readonly phase?: string;
  readonly waiting?: { readonly reason: string; readonly message?: string };
  readonly condition?: string;
}

/** How the cluster behaves; what is left out behaves well. */
export interface Behaviour {
  readonly pods?: () => readonly Pod[];
  readonly dns?: string;
  readonly page?: () => string | undefined;
  readonly boot?: { readonly pod: string; readonly node: string; readonly control?: string };
  /** What runs the machine of the client's sandbox. */
  readonly hypervisor?: string;
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
  const { boot = { pod: 'boot-1', node: 'boot-1' }, undeletable = () => false, hypervisor = '' } = behaviour;
  let seen = 0;
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
  const kernel = (id: string) => `6.1.0\n${id}\n`;
  return {
    does: (host) => [
      ['hostname', 'Node-1\n'],
      [`${CALL} delete namespace cc-nginx-smoke --ignore-not-found`, () => remove(host)],
      [`${CALL} get namespace cc-nginx-smoke --ignore-not-found -o name`, () => gone(host)],
      [`${CALL} apply -f -`, (_, { input }) => apply(host, input)],
      [`${SPACE} get serviceaccount default -o name`, 'serviceaccount/default\n'],
      [`${SPACE} get pods -o json`, () => JSON.stringify({ items: pods().map(podData) })],
      [`${CALL} -n kube-system get service kube-dns --ignore-not-found -o name`, dns],
      [`${SPACE} get service nginx`, '10.96.0.7'],
      [`${SPACE} exec client -- curl -sS --max-time 5`, () => page() ?? NO],
      [`${SPACE} exec client -- cat`, kernel(boot.pod)],
      [`${SPACE} exec control -- cat`, kernel(boot.control ?? boot.node)],
      [(argv) => script(SANDBOX)(argv) && argv.slice(4).join(' ') === ASKED, `${SANDBOX_ID}\nolder\n`],
      [(argv) => script(HYPERVISOR)(argv) && argv[4] === SANDBOX_ID, hypervisor],
      ['unshare --pid --fork --mount --mount-proc cat', kernel(boot.node)],
    ],
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
  return { metadata: { name }, status };
}
