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

const ACCESS = { kubectl: '/bin/kubectl', kubeconfig: '/etc/kubernetes/admin.conf' };
const CALL = '/bin/kubectl --kubeconfig /etc/kubernetes/admin.conf --request-timeout=10s';
const TURNING: Turning = {
  ...{ access: ACCESS, version: '1.20.3', planes: ['cp-1', 'cp-2'], maxUnavailable: 2 },
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

/** A cluster that is asked on its first control plane, and one host of it; `silent`: its API does not answer. */
function clusterOf(host: string, nodes: readonly Node[], { silent = false } = {}) {
  const ran: string[] = [];
  const told: string[] = [];
  const own = () => nodes.find(({ name }) => name === host);
  const answers: Readonly<Record<string, () => string>> = {
    [`${CALL} get nodes -o json`]: () => JSON.stringify({ items: nodes.map(objectOf) }),
    [`${CALL} get node ${host} --ignore-not-found -o json`]: () =>
      own() ? JSON.stringify(objectOf(own()!)) : '',
    [`${CALL} get pods --all-namespaces --field-selector spec.nodeName=${host} -o json`]: () =>
      '{"items":[]}',
  };
  const result: View['result'] = async (command) => {
    const answer = answers[shown(command)];
    assert.ok(answer, shown(command));
    return silent
      ? { code: 1, stdout: '', stderr: 'connection refused\n' }
      : { code: 0, stdout: answer(), stderr: '' };
  };
  const files = {
    [ACCESS.kubeconfig]: { kind: 'other' },
    '/etc/kubernetes/manifests/kube-apiserver.yaml': null,
  } as const;
  const view = (name: string): View => ({
    ...paperView({ stat: files, commands: { 'uname -n': `${host}\n` } }),
    ...{
      name,
      result,
      read: async (command: Command) => (command.argv[0] === 'sh' ? '1767225660\n' : `${host}\n`),
    },
  });
  const shellOf = (name: string): Shell => ({
    ...{ view: view(name), controller: view('controller'), log: (text) => void told.push(text) },
    run: async (command) => void ran.push(command.title ?? shown(command).slice(CALL.length + 1)) as never,
    until: async (_, __, look) => {
      const why = await look();
      if (why !== undefined) throw new Error(why);
    },
    on: async () => shellOf('cp-1'),
    ...{ zx: () => assert.fail('nobody asks for zx'), leftOut: [], conceal: () => {} },
  });
  const perform = async (step: Step, facts: object, last: Last) => {
    for (const change of step.plan(facts as never, last))
      if (change.kind === 'script') await change.script(shellOf(host));
    return { ran, told };
  };
  return { perform };
}

const PENDING: Last = {
  ...NEVER,
  pending: [{ task: 'w-1/containerd/config', why: 'it has other bytes than declared' }],
};
const JOINED = { joined: true, stage: null };
const worker = draining(TURNING, 'workers');
const plane = draining(TURNING, 'planes');
const closing = returning(TURNING, { name: 'end', where: { firstOf: 'control-plane' }, needs: [] });
const CORDON = ['kubectl cordon w-1', 'drain w-1 --ignore-daemonsets --delete-emptydir-data --timeout=60s'];
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
    assert.deepEqual([done.ran, done.told], [[], ['no other node could take its pods: they stay\n']]);
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

test('API that is silent stops the turn, but for the only control plane, which may need just that', async () => {
  const silent = { silent: true };
  assert.deepEqual(await reasons(clusterOf('w-1', CLUSTER, silent).perform(worker, JOINED, PENDING)), [
    'the cluster can spare it',
    'the API does not answer: connection refused',
  ]);
  const alone = draining({ ...TURNING, planes: ['cp-1'] }, 'planes');
  assert.deepEqual((await clusterOf('cp-1', CLUSTER, silent).perform(alone, JOINED, PENDING)).ran, []);
});

const DRAINED = { joined: true, stage: 'drained' };
const MARKED: Node = { name: 'w-1', unschedulable: true, annotations: { [CORDONED]: 'yes' } };
const ending = (node: Node) => clusterOf('w-1', [node]).perform(closing, DRAINED, NEVER);

test('node takes pods again once it is ready, if cc has cordoned it', async () => {
  assert.deepEqual((await ending(MARKED)).ran, ['kubectl uncordon w-1']);
  assert.deepEqual((await ending({ name: 'w-1', unschedulable: true })).ran, []);
  assert.deepEqual(closing.plan(JOINED, NEVER), []);
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
