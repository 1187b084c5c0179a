/** A node that leaves its cluster: what is asked of a cluster that stays, what not, and which control plane may not go. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describe } from '../../core/model/change.ts';
import { type Command, shown } from '../../core/model/command.ts';
import { Failed } from '../../core/model/failure.ts';
import type { Shell } from '../../core/model/shell.ts';
import type { Undoing } from '../../core/model/step.ts';
import type { Place, View } from '../../core/model/view.ts';
import { type Leaving, leaving, stranded, type Told } from '../../plugins/kubeadm/leave.ts';
import { mayGo } from '../../plugins/kubeadm/staying.ts';
import { paperView } from '../rig/view.ts';
import { ALL } from '../steps/last.ts';
import { patient } from './tools.ts';

const ACCESS = { kubectl: '/bin/kubectl', kubeconfig: '/etc/kubernetes/admin.conf' };
const CALL = '/bin/kubectl --kubeconfig /etc/kubernetes/admin.conf --request-timeout=10s';
const CLUSTER: Leaving = { access: ACCESS, version: '1.20.2', drain: { within: 60, force: false } };
const AT_ONCE: Leaving = { ...CLUSTER, drain: { within: 0, force: false } };
const PLANE = { name: 'cp-1', roles: ['control-plane'] };
const WORKER = { name: 'w-1', roles: ['worker'] };
const STAYS: Undoing = { staying: [WORKER, PLANE] };
const WHY = 'kubeadm has made it a node';

const told = (node: Told['node']) => ({ name: 'w-3', plane: false, node });
const titles = (node: Told['node'], undoing = STAYS, cluster = CLUSTER) =>
  leaving(told(node), cluster, undoing, WHY).map(describe);
const notice = (node: Told['node'], undoing = STAYS, cluster = CLUSTER) =>
  stranded(told(node), cluster, undoing);

test('node leaves a cluster that stays, and nothing of one that goes with it', () => {
  const leave = ['have the pods of the node w-3 go elsewhere, and remove it from the cluster'];
  assert.deepEqual(
    [titles('this'), titles('this', ALL), titles('this', { staying: [WORKER] })],
    [leave, [], []],
  );
  assert.deepEqual([titles('none'), titles('another'), titles('unreached')], [[], [], []]);
  // A silent API is asked again, and fails the task, unless nothing is to be waited for.
  assert.deepEqual([titles('unknown'), titles('unknown', STAYS, AT_ONCE)], [leave, []]);
});

test('host is cleaned although its cluster cannot be reached, and what is not known is said', () => {
  const rest =
    ', so that the cluster may still have the node w-3; once it can be asked: kubectl delete node w-3';
  assert.equal(notice('unreached'), `cp-1 cannot be reached${rest}`);
  assert.equal(notice('unknown', STAYS, AT_ONCE), `the API on cp-1 does not answer${rest}`);
  assert.deepEqual(
    [notice('unreached', ALL), notice('unknown'), notice('this'), notice('none')],
    [undefined, undefined, undefined, undefined],
  );
});

/** Runs the script of a removal; answers what was run on which host, and what was logged. */
async function removed(cluster: Leaving, ready: string) {
  const ran: string[] = [];
  const logged: string[] = [];
  const view = paperView({
    stat: { [ACCESS.kubeconfig]: { kind: 'other' }, '/etc/kubernetes/manifests/kube-apiserver.yaml': null },
  });
  const never = (): never => assert.fail('a removal asks for nothing else');
  const node = { metadata: {}, spec: {}, status: { conditions: [{ type: 'Ready', status: ready }] } };
  const answers: Readonly<Record<string, unknown>> = {
    [`${CALL} get node w-3 --ignore-not-found -o json`]: node,
    [`${CALL} get pods --all-namespaces --field-selector spec.nodeName=w-3 -o json`]: { items: [] },
    [`${CALL} get nodes -o json`]: { items: [] },
  };
  const shellOn = (host: string): Shell => ({
    ...{ until: patient, zx: never, conceal: never, leftOut: [], controller: view },
    view: {
      ...view,
      name: host,
      read: async () => `${host}\n`,
      result: async (command) => ({ code: 0, stdout: JSON.stringify(answers[shown(command)]), stderr: '' }),
    },
    log: (text) => void logged.push(text),
    run: async (command: Command) => {
      ran.push(`${host}: ${command.title ?? shown(command).slice(CALL.length + 1)}`);
      return '';
    },
    on: async (place) => shellOn(String(place)),
  });
  const [change] = leaving(told('this'), cluster, STAYS, WHY);
  assert.ok(change?.kind === 'script');
  await change.script(shellOn('w-3'));
  return { ran, logged };
}

test('node is cordoned and drained on its control plane, and deleted then', async () => {
  assert.deepEqual(await removed(CLUSTER, 'True'), {
    ran: [
      'cp-1: kubectl cordon w-3',
      'cp-1: drain w-3 --ignore-daemonsets --delete-emptydir-data --timeout=60s',
      'cp-1: delete node w-3 --ignore-not-found',
    ],
    logged: [],
  });
});

test('node whose kubelet is silent is deleted at once, which its log says', async () => {
  assert.deepEqual(await removed(CLUSTER, 'Unknown'), {
    ran: ['cp-1: delete node w-3 --ignore-not-found'],
    logged: ['the kubelet of w-3 says nothing: its pods are made again elsewhere when its node is gone\n'],
  });
});

test('node whose pods are not to be waited for is deleted at once', async () => {
  assert.deepEqual(await removed(AT_ONCE, 'True'), {
    ran: ['cp-1: delete node w-3 --ignore-not-found'],
    logged: [],
  });
});

/** What a cluster on paper has, by the names of its hosts. */
interface Planes {
  /** The nodes that the API names, by control plane; one that is not here cannot be reached. */
  readonly nodes: Readonly<Record<string, readonly string[] | 'silent' | 'none'>>;
  readonly members?: readonly string[];
  /** Control planes whose etcd does not answer. */
  readonly sick?: readonly string[];
  /** Where their etcd is, if not on them. */
  readonly etcd?: string;
}

function viewOn(name: string, planes: Planes): View {
  const nodes = planes.nodes[name];
  assert.ok(nodes !== undefined, name);
  const [conf, server] = [ACCESS.kubeconfig, '/etc/kubernetes/manifests/kube-apiserver.yaml'];
  const there = nodes === 'none' ? null : ({ kind: 'other' } as const);
  const paper = paperView({
    stat: { [conf]: there, [server]: there },
    text: {
      [server]: nodes === 'none' ? null : `    - --etcd-servers=${planes.etcd ?? 'https://127.0.0.1:2379'}\n`,
    },
    commands: {
      'uname -n': `${name.toUpperCase()}\n`,
      [`${etcdctl(name)} member list`]: planes.sick?.includes(name)
        ? null
        : (planes.members ?? [])
            .map((member, index) => `${index}, started, ${member}, https://10.0.0.${index}:2380, x, false\n`)
            .join(''),
    },
  });
  const result = async (command: Command) => {
    const bad = { code: 1, stdout: '', stderr: 'refused\n' };
    if (shown(command) === `${etcdctl(name)} endpoint health`)
      return planes.sick?.includes(name) ? bad : { code: 0, stdout: '', stderr: '' };
    assert.equal(shown(command), `${CALL} get nodes -o json`);
    if (nodes === 'silent') return bad;
    const items = (nodes as readonly string[]).map((each) => ({ metadata: { name: each } })); // none is not asked
    return { code: 0, stdout: JSON.stringify({ items }), stderr: '' };
  };
  const on = async (place: Place) => viewOn(String(place), planes);
  return { ...paper, name, result, on };
}

const etcdctl = (name: string) =>
  `${CALL} -n kube-system exec etcd-${name} -- etcdctl --endpoints=https://127.0.0.1:2379 --cacert=/etc/kubernetes/pki/etcd/ca.crt --cert=/etc/kubernetes/pki/etcd/healthcheck-client.crt --key=/etc/kubernetes/pki/etcd/healthcheck-client.key`;

/** Why cp-1 must not go. */
async function refusal(undoing: Undoing, planes: Planes) {
  try {
    await mayGo(viewOn('cp-1', planes), CLUSTER, undoing);
    return undefined;
  } catch (error) {
    assert.ok(error instanceof Failed && error.failure.kind === 'check-failed', `${error}`);
    return [error.failure.what, ...error.failure.reasons];
  }
}

const planeOf = (name: string) => ({ name, roles: ['control-plane'] });
const WORKERS: Undoing = { staying: [WORKER, { name: 'w-2', roles: ['worker'] }] };

test('last control plane does not go while nodes stay, and the refusal counts them', async () => {
  const what = 'no node is left without a control plane';
  const fix = 'take them back with it: cc run cleanup --limit cp-1,w-1,w-2';
  const two = [what, '2 nodes would be: w-1, w-2', fix];
  assert.deepEqual(await refusal(WORKERS, { nodes: { 'cp-1': ['cp-1', 'w-1', 'w-2'] } }), two);
  assert.deepEqual(await refusal(WORKERS, { nodes: { 'cp-1': ['cp-1', 'w-2'] } }), [
    ...[what, '1 node would be: w-2', fix],
  ]);
  assert.deepEqual(await refusal(WORKERS, { nodes: { 'cp-1': 'silent' } }), [
    ...[what, 'the API does not answer: refused', '2 nodes would be: w-1, w-2', fix],
  ]);
  // One that has not joined yet is no control plane of theirs.
  const grown = { staying: [WORKER, planeOf('cp-2')] };
  assert.deepEqual(await refusal(grown, { nodes: { 'cp-1': ['cp-1', 'w-1'], 'cp-2': 'none' } }), [
    ...[what, '1 node would be: w-1', 'take them back with it: cc run cleanup --limit cp-1,w-1,cp-2'],
  ]);
});

test('control plane goes with all its nodes, after them, and before there is any', async () => {
  assert.equal(await refusal(ALL, { nodes: { 'cp-1': ['cp-1', 'w-1'] } }), undefined);
  assert.equal(await refusal(WORKERS, { nodes: { 'cp-1': ['cp-1'] } }), undefined);
  assert.equal(await refusal(WORKERS, { nodes: { 'cp-1': 'none' } }), undefined);
});

test('control plane without which etcd would lose its majority does not go', async () => {
  const all = ['cp-1', 'cp-2', 'cp-3'];
  const two = { staying: [planeOf('cp-2'), planeOf('cp-3')] };
  const nodes = { 'cp-1': all, 'cp-2': all, 'cp-3': all };
  assert.equal(await refusal(two, { nodes, members: all }), undefined);
  const what = 'etcd keeps its majority';
  const reason = 'etcd has 3 members: of the 2 that would be left 1 answer, and 2 must';
  assert.deepEqual(await refusal(two, { nodes, members: all, sick: ['cp-3'] }), [
    ...[what, reason, 'bring these back first: cp-3'],
  ]);
  const { 'cp-3': _, ...reached } = nodes;
  assert.deepEqual(await refusal(two, { nodes: reached, members: all }), [
    ...[what, reason, 'bring these back first: cp-3'],
  ]);
  assert.deepEqual(await refusal(two, { nodes, members: all, sick: all }), [
    ...[what, 'of the 2 that would be left 0 answer, and 2 must', 'bring these back first: cp-2, cp-3'],
  ]);
  // Two of three at once leave one, which is a majority of itself; and who is no member takes none away.
  assert.equal(await refusal({ staying: [planeOf('cp-3')] }, { nodes, members: all }), undefined);
  assert.equal(await refusal(two, { nodes, members: ['cp-2', 'cp-3'], sick: ['cp-3'] }), undefined);
});

test('control plane that asks an etcd elsewhere takes no member away, and is still not the last one to go', async () => {
  const etcd = 'https://10.0.0.5:2379,https://10.0.0.6:2379';
  const all = ['cp-1', 'cp-2', 'cp-3'];
  const two = { staying: [planeOf('cp-2'), planeOf('cp-3')] };
  const nodes = { 'cp-1': all, 'cp-2': all, 'cp-3': all };
  assert.equal(await refusal(two, { nodes, sick: all, etcd }), undefined);
  assert.equal(await refusal(two, { nodes: { 'cp-1': all }, sick: all, etcd }), undefined);
  assert.deepEqual(await refusal(WORKERS, { nodes: { 'cp-1': ['cp-1', 'w-1'] }, etcd }), [
    'no node is left without a control plane',
    '1 node would be: w-1',
    'take them back with it: cc run cleanup --limit cp-1,w-1,w-2',
  ]);
});
