/** A node that is drained: what is asked of its cluster in which order, and what stays as it was where that fails. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Command, shown } from '../../core/model/command.ts';
import { Failed, fail } from '../../core/model/failure.ts';
import type { Shell } from '../../core/model/shell.ts';
import { CORDONED, drained, uncordoned } from '../../plugins/kubectl/drain.ts';
import { type Budget, held, type Pod } from '../../plugins/kubectl/pods.ts';
import { paperView } from '../rig/view.ts';
import { patient } from './tools.ts';

const ACCESS = { kubectl: '/bin/kubectl', kubeconfig: '/etc/kubernetes/admin.conf' };
const CALL = '/bin/kubectl --kubeconfig /etc/kubernetes/admin.conf --request-timeout=10s';
const DRAINING = { version: '1.20.2', within: 60 };

interface Api {
  node: { annotations: Record<string, string>; unschedulable?: boolean; ready: string } | undefined;
  pods: readonly Pod[];
  readonly budgets: readonly Budget[];
  /** What a drain does: it fails with what is answered. */
  drain: () => string | undefined;
}

const pod = (name: string, kind?: string, more: Partial<Pod['metadata']> = {}): Pod => ({
  metadata: {
    ...{ name, namespace: 'default', labels: { app: 'web' } },
    ...(kind === undefined ? {} : { ownerReferences: [{ kind, controller: true }] }),
    ...more,
  },
  status: { phase: 'Running' },
});
const STATIC = pod('etcd', 'Node', { annotations: { 'kubernetes.io/config.mirror': 'x' } });
const BUDGET: Budget = {
  apiVersion: 'policy/v1beta1',
  metadata: { name: 'web', namespace: 'default' },
  spec: { selector: { matchLabels: { app: 'web' } } },
  status: { disruptionsAllowed: 0, currentHealthy: 1, desiredHealthy: 1 },
};

/** A cluster of one node; what changes something is kept. */
function clusterOf(over: Partial<Api> = {}) {
  const api: Api = {
    node: { annotations: {}, ready: 'True' },
    pods: [pod('web-1', 'ReplicaSet'), pod('proxy', 'DaemonSet'), STATIC],
    budgets: [],
    drain: () => {
      api.pods = api.pods.filter(({ metadata }) => metadata.name === 'proxy');
      return undefined;
    },
    ...over,
  };
  const ran: string[] = [];
  const object = () => {
    if (api.node === undefined) return '';
    const { annotations, ready, ...spec } = api.node;
    const status = { conditions: [{ type: 'Ready', status: ready }] };
    return JSON.stringify({ metadata: { annotations }, spec, status });
  };
  const answers: Readonly<Record<string, () => string>> = {
    [`${CALL} get node w-3 --ignore-not-found -o json`]: object,
    [`${CALL} get pods --all-namespaces --field-selector spec.nodeName=w-3 -o json`]: () =>
      JSON.stringify({ items: api.pods }),
    [`${CALL} get poddisruptionbudgets --all-namespaces -o json`]: () =>
      JSON.stringify({ items: api.budgets }),
  };
  const patched = ({ argv }: Command) => {
    const { metadata, spec } = JSON.parse(String(argv.at(-1)));
    assert.ok(api.node);
    if (metadata.annotations[CORDONED] === null) delete api.node.annotations[CORDONED];
    else Object.assign(api.node.annotations, metadata.annotations);
    if (spec.unschedulable === null) delete api.node.unschedulable;
    else api.node.unschedulable = spec.unschedulable;
  };
  const run = async (command: Command) => {
    ran.push(command.title ?? shown(command).slice(CALL.length + 1));
    if (command.argv.includes('patch')) patched(command);
    else {
      const stderr = api.drain();
      const facts = { host: 'paper', command: 'kubectl drain', code: 1, signal: null };
      if (stderr !== undefined) fail({ kind: 'command-failed', ...facts, stderr });
    }
    return '';
  };
  const view = paperView({
    stat: { [ACCESS.kubeconfig]: { kind: 'other' }, '/etc/kubernetes/manifests/kube-apiserver.yaml': null },
  });
  const result = async (command: Command) => {
    const answer = answers[shown(command)];
    assert.ok(answer, shown(command));
    return { code: 0, stdout: answer(), stderr: '' };
  };
  const never = (): never => assert.fail('a drain asks for nothing else');
  const shell: Shell = {
    ...{
      run,
      log: never,
      until: patient,
      zx: never,
      on: never,
      leftOut: [],
      conceal: never,
      controller: view,
    },
    view: { ...view, result },
  };
  return { api, ran, shell };
}

const DRAIN = 'drain w-3 --ignore-daemonsets --delete-emptydir-data --timeout=60s';

async function failureOf(work: Promise<unknown>) {
  const error = await work.then(
    () => undefined,
    (thrown) => thrown,
  );
  assert.ok(error instanceof Failed, `${error}`);
  return error.failure;
}

test('drain cordons a node under the name of cc, and has its pods go', async () => {
  const { api, ran, shell } = clusterOf();
  assert.equal(await drained(shell, ACCESS, 'w-3', DRAINING), 'drained');
  assert.deepEqual(ran, ['kubectl cordon w-3', DRAIN]);
  assert.deepEqual(api.node, { annotations: { [CORDONED]: 'yes' }, ready: 'True', unschedulable: true });
});

test('drain names local data as each kubectl does, and forces only when told', async () => {
  const { ran, shell } = clusterOf({ pods: [pod('alone')] });
  await drained(shell, ACCESS, 'w-3', { version: '1.19.16', within: 5, force: true });
  assert.equal(ran.at(-1), 'drain w-3 --ignore-daemonsets --delete-local-data --force --timeout=5s');
});

test('drain that a budget blocks names pod and budget, and lets the node take pods again', async () => {
  const { api, ran, shell } = clusterOf({ budgets: [BUDGET], drain: () => 'global timeout reached: 60s' });
  assert.deepEqual(await failureOf(drained(shell, ACCESS, 'w-3', DRAINING)), {
    kind: 'check-failed',
    host: 'paper',
    what: 'the pods of w-3 go elsewhere within 60 s',
    reasons: ['default/web-1 is still there: the budget default/web keeps it: 1 healthy, and 1 must be'],
  });
  assert.deepEqual(ran, ['kubectl cordon w-3', DRAIN, 'kubectl uncordon w-3']);
  assert.deepEqual(api.node, { annotations: {}, ready: 'True' });
});

test('drain that fails leaves a node cordoned that somebody else has cordoned', async () => {
  const { api, ran, shell } = clusterOf({
    node: { annotations: {}, unschedulable: true, ready: 'True' },
    drain: () => 'global timeout reached: 60s',
  });
  assert.equal((await failureOf(drained(shell, ACCESS, 'w-3', DRAINING))).kind, 'check-failed');
  assert.deepEqual(ran, [DRAIN]);
  assert.deepEqual(api.node, { annotations: {}, unschedulable: true, ready: 'True' });
  assert.equal(await uncordoned(shell, ACCESS, 'w-3'), false);
});

test('drain that fails for a reason of its own tells that', async () => {
  const { shell } = clusterOf({ pods: [STATIC], drain: () => 'error: unknown flag' });
  const failure = await failureOf(drained(shell, ACCESS, 'w-3', DRAINING));
  assert.ok(failure.kind === 'command-failed');
  assert.equal(failure.stderr, 'error: unknown flag');
});

test('pods that nobody would make again are named before anything changes', async () => {
  const done = { ...pod('done'), status: { phase: 'Succeeded' } };
  const { ran, shell } = clusterOf({ pods: [pod('web-1', 'ReplicaSet'), pod('alone'), done] });
  assert.deepEqual(await failureOf(drained(shell, ACCESS, 'w-3', DRAINING)), {
    kind: 'check-failed',
    host: 'paper',
    what: 'the pods of w-3 are made again elsewhere',
    reasons: [
      'default/alone has no controller: kubectl -n default delete pod alone',
      `or have cc end all of them: --set kubeadm.drain='{"force":true}'`,
    ],
  });
  assert.deepEqual(ran, []);
});

test('of many pods the first ten are named', async () => {
  const { shell } = clusterOf({ pods: Array.from({ length: 13 }, (_, index) => pod(`p-${index}`)) });
  const failure = await failureOf(drained(shell, ACCESS, 'w-3', DRAINING));
  assert.ok(failure.kind === 'check-failed');
  assert.deepEqual(failure.reasons.slice(9, 11), [
    'default/p-9 has no controller: kubectl -n default delete pod p-9',
    'and 3 more',
  ]);
});

test('node whose kubelet says nothing is not waited for, also where it falls silent meanwhile', async () => {
  const dead = clusterOf({ node: { annotations: {}, ready: 'Unknown' } });
  assert.equal(await drained(dead.shell, ACCESS, 'w-3', DRAINING), 'silent');
  assert.deepEqual(dead.ran, []);
  const dying = clusterOf({
    drain: () => {
      dying.api.node!.ready = 'Unknown'; // every cluster here has a node
      return 'global timeout reached: 60s';
    },
  });
  assert.equal(await drained(dying.shell, ACCESS, 'w-3', DRAINING), 'silent');
  // A kubelet that says it is not ready still ends pods.
  const unready = clusterOf({ node: { annotations: {}, ready: 'False' } });
  assert.equal(await drained(unready.shell, ACCESS, 'w-3', DRAINING), 'drained');
});

test('node that the cluster does not have needs no drain', async () => {
  const { ran, shell } = clusterOf({ node: undefined });
  assert.equal(await drained(shell, ACCESS, 'w-3', DRAINING), 'absent');
  assert.equal(await uncordoned(shell, ACCESS, 'w-3'), false);
  assert.deepEqual(ran, []);
});

test('node that cc has cordoned takes pods again when cc says so', async () => {
  const { api, ran, shell } = clusterOf({
    node: { annotations: { [CORDONED]: 'yes' }, unschedulable: true, ready: 'True' },
  });
  assert.equal(await uncordoned(shell, ACCESS, 'w-3'), true);
  assert.deepEqual([ran, api.node], [['kubectl uncordon w-3'], { annotations: {}, ready: 'True' }]);
});

test('budget keeps the pods that its selector names', () => {
  const own = pod('web-1', 'ReplicaSet');
  const kept = (selector: NonNullable<Budget['spec']>['selector'], apiVersion = 'policy/v1beta1') =>
    held(own, [{ ...BUDGET, apiVersion, spec: selector === undefined ? {} : { selector } }]) !==
    'it still runs';
  const asks = (key: string, operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist', ...values: string[]) =>
    kept({ matchExpressions: [{ key, operator, values }] });
  assert.deepEqual(
    [kept({ matchLabels: { app: 'web' } }), kept({ matchLabels: { app: 'db' } })],
    [true, false],
  );
  assert.deepEqual(
    [asks('app', 'In', 'web'), asks('app', 'In', 'db'), asks('x', 'In', 'web')],
    [true, false, false],
  );
  assert.deepEqual([asks('app', 'NotIn', 'web'), asks('x', 'NotIn', 'web')], [false, true]);
  assert.deepEqual([asks('app', 'Exists'), asks('x', 'Exists')], [true, false]);
  assert.deepEqual([asks('app', 'DoesNotExist'), asks('x', 'DoesNotExist')], [false, true]);
  assert.deepEqual([kept(undefined), kept({}), kept({}, 'policy/v1')], [false, false, true]);
  const elsewhere = { ...BUDGET, metadata: { name: 'web', namespace: 'other' } };
  const roomy = { ...BUDGET, status: { disruptionsAllowed: 1 } };
  assert.equal(held(own, [elsewhere, roomy]), 'it still runs');
  const ending = pod('web-1', 'ReplicaSet', { deletionTimestamp: '2026-01-01T00:00:00Z' });
  assert.equal(held(ending, []), 'it has been told to end');
});
