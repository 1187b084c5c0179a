/** The turn of a node: when it is drained and when not, what refuses it, and what proves that it takes pods again. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describe } from '../../core/model/change.ts';
import { type Command, shown } from '../../core/model/command.ts';
import { Failed } from '../../core/model/failure.ts';
import type { Shell } from '../../core/model/shell.ts';
import type { Last, Step } from '../../core/model/step.ts';
import type { View } from '../../core/model/view.ts';
import { draining, returning, type Turning } from '../../plugins/kubeadm/turn.ts';
import { CORDONED } from '../../plugins/kubectl/drain.ts';
import { paperView } from '../rig/view.ts';
import { NEVER } from '../steps/last.ts';
import { patient } from './tools.ts';

const ACCESS = { kubectl: '/bin/kubectl', kubeconfig: '/etc/kubernetes/admin.conf' };
const CALL = '/bin/kubectl --kubeconfig /etc/kubernetes/admin.conf --request-timeout=10s';
const TURNING: Turning = {
  ...{
    access: ACCESS,
    version: '1.20.3',
    runtime: 'crio.service',
    planes: ['cp-1', 'cp-2'],
    maxUnavailable: 2,
  },
  drain: { within: 60, force: false },
};

interface Node {
  name: string;
  plane?: boolean;
  ready?: string;
  version?: string;
  unschedulable?: boolean;
  annotations?: Record<string, string>;
  heartbeat?: string;
}

const objectOf = ({ name, plane, ready = 'True', version = 'v1.20.3', ...more }: Node) => ({
  metadata: {
    name,
    ...(plane ? { labels: { 'node-role.kubernetes.io/master': '' } } : {}),
    annotations: more.annotations ?? {},
  },
  spec: more.unschedulable ? { unschedulable: true } : {},
  status: {
    conditions: [
      {
        ...{ type: 'Ready', status: ready, message: 'the runtime is down' },
        lastHeartbeatTime: more.heartbeat ?? '2026-01-01T00:01:00Z',
      },
    ],
    nodeInfo: { kubeletVersion: version },
  },
});

/** A cluster that is asked on its first control plane, and one host of it; `silent`: so often its API does not answer. */
function clusterOf(
  host: string,
  nodes: readonly Node[],
  { silent = 0, runtime = 50_000_000, proxies = '', controllers = ACTING, ran = [] as string[] } = {},
) {
  const told: string[] = [];
  const own = () => nodes.find(({ name }) => name === host);
  const answers: Readonly<Record<string, () => string>> = {
    [`${CALL} get nodes -o json`]: () => JSON.stringify({ items: nodes.map(objectOf) }),
    [`${CALL} get node ${host} --ignore-not-found -o json`]: () =>
      own() ? JSON.stringify(objectOf(own()!)) : '',
    [`${CALL} get pods --all-namespaces --field-selector spec.nodeName=${host} -o json`]: () =>
      '{"items":[]}',
    [`${CALL} -n kube-system get endpoints/${NAME}-${host} pod/${NAME}-${host} --ignore-not-found -o json`]:
      () => controllers,
    [`${CALL} -n kube-system get daemonset kube-proxy --ignore-not-found -o json`]: () => proxies,
    'a script that asks when kube-apiserver began': () => '',
    [`${CALL} get --raw /healthz`]: () => 'ok',
  };
  const result: View['result'] = async (command) => {
    const answer = answers[command.title ?? shown(command)];
    assert.ok(answer, shown(command));
    return silent-- > 0
      ? { code: 1, stdout: '', stderr: 'connection refused\n' }
      : { code: 0, stdout: answer(), stderr: '' };
  };
  const files = {
    [ACCESS.kubeconfig]: { kind: 'other' },
    '/etc/kubernetes/manifests/kube-apiserver.yaml': null,
  } as const;
  const view = (name: string): View => ({
    ...paperView({
      ...{ stat: files, commands: { 'uname -n': `${host}\n` } },
      text: { '/etc/kubernetes/manifests/kube-apiserver.yaml': '    image: here/kube-apiserver:v1.20.1\n' },
    }),
    ...{
      name,
      result,
      read: async ({ argv }: Command) => {
        if (argv[0] !== 'sh') return `${host}\n`;
        if (argv[4] === undefined) return '1767225660\n'; // when kubelet was started, since 1970
        return `${argv[4] === 'kubelet.service' ? 60_000_000 : runtime}\n`; // since the machine was
      },
      on: async (place) => view(String(place)),
    },
  });
  const shellOf = (name: string): Shell => ({
    ...{ view: view(name), controller: view('controller'), log: (text) => void told.push(text) },
    run: async (command) => void ran.push(command.title ?? shown(command).replace(`${CALL} `, '')) as never,
    until: patient,
    on: async (place) => shellOf(String(place)),
    ...{ zx: () => assert.fail('nobody asks for zx'), leftOut: [], conceal: () => {} },
  });
  const perform = async (step: Step, facts: object, last: Last) => {
    for (const change of step.plan(facts as never, last))
      if (change.kind === 'script') await change.script(shellOf(host));
    return { ran, told };
  };
  return { perform };
}

/** What a Service and a pod have got that were made to see who acts. */
const NAME = 'cc-controllers';
const ACTING = JSON.stringify({
  items: [{ kind: 'Endpoints' }, { kind: 'Pod', status: { conditions: [{ type: 'PodScheduled' }] } }],
});
const cleared = (host: string) =>
  `-n kube-system delete service,pod ${NAME}-${host} --ignore-not-found --force --grace-period=0`;
const CREATED = '-n kube-system apply -f -';

const PENDING: Last = {
  ...NEVER,
  pending: [{ task: 'w-1/containerd/config', why: 'it has other bytes than declared' }],
};
const JOINED = { joined: true, stage: null };
const worker = draining(TURNING, 'workers');
const plane = draining(TURNING, 'planes');
const closing = returning(TURNING, { name: 'end', where: { firstOf: 'control-plane' }, needs: [] });
const ASKED = [cleared('w-1'), CREATED, cleared('w-1')];
const CORDON = [
  ...ASKED,
  'kubectl cordon w-1',
  'drain w-1 --ignore-daemonsets --delete-emptydir-data --timeout=60s',
];
const CLUSTER: readonly Node[] = [
  { name: 'cp-1', plane: true },
  { name: 'cp-2', plane: true },
  { name: 'w-1' },
  { name: 'w-2' },
];

async function reasons(work: Promise<unknown>): Promise<unknown> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof Failed && error.failure.kind === 'check-failed', String(error));
  return [error.failure.what, ...error.failure.reasons];
}

test('node is drained where something would disturb it, and that is noted before and after', async () => {
  const changes = worker.plan(JOINED, PENDING);
  const why = 'w-1/containerd/config would disturb it: it has other bytes than declared';
  assert.deepEqual(
    changes.map((change) => [describe(change), change.why]),
    ['write /etc/cc/kubernetes-turn', 'have its pods go elsewhere', 'write /etc/cc/kubernetes-turn'].map(
      (what) => [what, why],
    ),
  );
  assert.deepEqual((await clusterOf('w-1', CLUSTER).perform(worker, JOINED, PENDING)).ran, CORDON);
});

test('host that is no node yet is not drained, nor one that nothing disturbs or that is drained already', () => {
  assert.deepEqual(worker.plan({ joined: false, stage: null }, PENDING), []);
  assert.deepEqual(worker.plan(JOINED, { ...NEVER, pending: [] }), []);
  assert.deepEqual(worker.plan({ joined: true, stage: 'drained' }, PENDING), []);
  assert.deepEqual(worker.plan({ joined: true, stage: 'draining' }, PENDING).length, 3);
});

test('host is in its turn as long as its note stands', () => {
  assert.deepEqual(
    [null, 'draining', 'drained'].map((stage) => worker.isInside?.({ joined: true, stage })),
    [false, true, true],
  );
});

test('control planes take turns one at a time, and workers after them, as many as may be unavailable', () => {
  assert.deepEqual(plane.turn, { kind: 'opens', of: 'control planes', places: 1 });
  assert.deepEqual(worker.turn, { kind: 'opens', of: 'workers', places: 2, after: ['control planes'] });
});

test('only node of a cluster keeps its pods, which could go nowhere', async () => {
  for (const others of [[], [{ name: 'w-2', unschedulable: true }], [{ name: 'w-2', ready: 'False' }]]) {
    const done = await clusterOf('w-1', [{ name: 'w-1' }, ...others]).perform(worker, JOINED, PENDING);
    assert.deepEqual([done.ran, done.told], [[], ['its pods stay: no other node could take them\n']]);
  }
});

test('worker is not drained for a version that a control plane does not have yet', async () => {
  const old = CLUSTER.map((node) => (node.name === 'cp-2' ? { ...node, version: 'v1.20.2' } : node));
  assert.deepEqual(await reasons(clusterOf('w-1', old).perform(worker, JOINED, PENDING)), [
    'control planes are upgraded before workers',
    'cp-2 runs v1.20.2, and 1.20.3 is declared: cc run cp-2',
  ]);
});

test('control plane is not drained while another one is not ready', async () => {
  const down = CLUSTER.map((node) => (node.name === 'cp-2' ? { ...node, ready: 'False' } : node));
  assert.deepEqual(await reasons(clusterOf('cp-1', down).perform(plane, JOINED, PENDING)), [
    'the other control planes are ready, so that the API and etcd stay',
    'cp-2: the runtime is down',
  ]);
});

test('API that stays silent stops the turn, but for the only control plane, which may need just that', async () => {
  const silent = { silent: Number.POSITIVE_INFINITY };
  await assert.rejects(clusterOf('w-1', CLUSTER, silent).perform(worker, JOINED, PENDING), {
    message:
      'the API on cp-1 does not answer: connection refused; the API on cp-2 does not answer: connection refused',
  });
  const alone = draining({ ...TURNING, planes: ['cp-1'] }, 'planes');
  assert.deepEqual((await clusterOf('cp-1', CLUSTER, silent).perform(alone, JOINED, PENDING)).ran, []);
});

test('API that is silent for a moment, as after the turn before this one, is waited for', async () => {
  assert.deepEqual(
    (await clusterOf('w-1', CLUSTER, { silent: 4 }).perform(worker, JOINED, PENDING)).ran,
    CORDON,
  );
});

test('node is not drained while nobody takes pods out of Services', async () => {
  const ran: string[] = [];
  const idle = clusterOf('w-1', CLUSTER, { controllers: '{"items":[]}', ran }).perform(
    worker,
    JOINED,
    PENDING,
  );
  await assert.rejects(idle, {
    message:
      'the controller manager makes no endpoints of a new Service, and the scheduler says nothing of a new pod',
  });
  assert.deepEqual(ran, ASKED);
});

test('node is drained once kube-proxy of all other nodes that are ready is replaced and runs', async () => {
  const proxies = (updated: number, unavailable: number, observed = 2) =>
    JSON.stringify({
      metadata: { generation: 2 },
      status: {
        ...{ observedGeneration: observed, desiredNumberScheduled: 4 },
        ...(updated === 0 ? {} : { updatedNumberScheduled: updated }),
        ...(unavailable === 0 ? {} : { numberUnavailable: unavailable }),
      },
    });
  const draining = (told: string, nodes = CLUSTER) =>
    clusterOf('w-1', nodes, { proxies: told }).perform(worker, JOINED, PENDING);
  assert.deepEqual((await draining(proxies(4, 0))).ran, CORDON);
  await assert.rejects(draining(proxies(0, 0)), { message: 'it is replaced on 0 of 4 nodes' });
  await assert.rejects(draining(proxies(4, 0, 1)), { message: 'nobody has begun to replace it' });
  await assert.rejects(draining(proxies(4, 1)), { message: 'it does not run on 1 of 4 nodes' });
  const down = CLUSTER.map((node) => (node.name === 'w-2' ? { ...node, ready: 'Unknown' } : node));
  assert.deepEqual((await draining(proxies(3, 1), down)).ran, CORDON);
});

const DRAINED = { joined: true, stage: 'drained' };
const MARKED: Node = { name: 'w-1', unschedulable: true, annotations: { [CORDONED]: 'yes' } };
const ending = (node: Node) => clusterOf('w-1', [node]).perform(closing, DRAINED, NEVER);

test('node takes pods again once it is ready, if cc has cordoned it', async () => {
  assert.deepEqual((await ending(MARKED)).ran, ['kubectl uncordon w-1']);
  assert.deepEqual((await ending({ name: 'w-1', unschedulable: true })).ran, []);
  assert.deepEqual(closing.plan(JOINED, NEVER), []);
});

test('kubelet is started anew after its runtime, because it tells of itself every five minutes only', async () => {
  const ended = await clusterOf('w-1', [MARKED], { runtime: 60_000_001 }).perform(closing, DRAINED, NEVER);
  assert.deepEqual(ended.ran, ['systemctl restart kubelet.service', 'kubectl uncordon w-1']);
});

test('node is not ready by what a kubelet said that is gone, or that has another version', async () => {
  await assert.rejects(ending({ ...MARKED, heartbeat: '2026-01-01T00:00:59Z' }), {
    message: 'its kubelet has not told of itself since it was started',
  });
  await assert.rejects(ending({ ...MARKED, version: 'v1.20.2' }), {
    message: 'w-1 runs v1.20.2, and 1.20.3 is declared: cc run w-1',
  });
  await assert.rejects(ending({ ...MARKED, ready: 'False' }), { message: 'w-1: the runtime is down' });
});
