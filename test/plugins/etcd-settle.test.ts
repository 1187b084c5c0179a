/** What a restored cluster forgets, and which kubelets start anew after it. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { describe } from '../../core/model/change.ts';
import type { Last } from '../../core/model/step.ts';
import type { View } from '../../core/model/view.ts';
import { RESTORED } from '../../plugins/etcd/restore.ts';
import { resumed } from '../../plugins/etcd/settle.ts';
import { kubeadm } from '../../plugins/kubeadm.ts';
import { tempFolder } from '../rig/temp.ts';
import { benchOf } from './bench.ts';
import { BELOW, KUBECTL } from './cluster.ts';
import { BYTES, fresh, node, taskIn, withEtcd } from './etcd.ts';

const CONDITIONS = [{ type: 'Ready', status: 'True', message: '' }];
const object = (name: string, labels: Readonly<Record<string, string>>) => ({
  ...{ metadata: { name, labels }, spec: {}, status: { conditions: CONDITIONS } },
});
const PLANE = { 'node-role.kubernetes.io/master': '' };
const pod = (name: string, kind: string | undefined) => ({
  metadata: { name, ...(kind === undefined ? {} : { ownerReferences: [{ kind }] }) },
});

test('restored cluster forgets the control planes that are gone, and starts its own pods anew', async (t) => {
  const file = join(await tempFolder(t), 'etcd.tar');
  await writeFile(file, BYTES, { mode: 0o600 });
  const bench = await benchOf(t, { plugins: [...BELOW, kubeadm({ restore: file })] }, withEtcd(fresh()));
  const own = node(bench);
  const nodes = new Map<string, Readonly<Record<string, string>>>([
    ['node-1', PLANE],
    ['cp-2', PLANE],
    ['w-1', {}],
  ]);
  const status = 'apiEndpoints:\n  cp-2:\n    advertiseAddress: 10.0.0.2\n  node-1:\n    bindPort: 6443\n';
  const done: string[] = [];
  const does = (argv: readonly string[]) => {
    done.push(argv.slice(4).join(' '));
    nodes.delete(argv[6] ?? '');
    return '';
  };
  own.when(`${KUBECTL} get nodes -o json`, () =>
    JSON.stringify({ items: [...nodes].map(([name, labels]) => object(name, labels)) }),
  );
  own.when(
    (argv) => argv.join(' ').endsWith('member list'),
    'a0, started, node-1, https://10.0.0.1:2380, https://10.0.0.1:2379, false\n',
  );
  own.when(`${KUBECTL} -n kube-system get configmap kubeadm-config -o json`, () =>
    JSON.stringify({ data: { ClusterStatus: status } }),
  );
  own.when(`${KUBECTL} -n kube-system replace -f -`, (_, { input }) => {
    done.push(JSON.parse(String(input)).data.ClusterStatus);
    return '';
  });
  own.when(`${KUBECTL} -n kube-system get pods -o json`, () =>
    JSON.stringify({
      items: [
        pod('kube-proxy-a', 'DaemonSet'),
        pod('coredns-b', 'ReplicaSet'),
        pod('etcd-node-1', 'Node'),
        pod('by-hand', undefined),
      ],
    }),
  );
  own.when(`${KUBECTL} -n kube-system delete`, does);
  own.when(`${KUBECTL} delete node`, does);
  const { outcomes } = await bench.run();
  assert.equal(outcomes.get(taskIn(bench, 'init').id)?.state, 'applied');
  assert.deepEqual(done, [
    '-n kube-system delete pod etcd-cp-2 --ignore-not-found --force --grace-period=0',
    'apiEndpoints:\n  node-1:\n    bindPort: 6443\n',
    'delete node cp-2 --ignore-not-found',
    '-n kube-system delete pod kube-proxy-a coredns-b --ignore-not-found --wait=false',
  ]);
});

/** A worker whose kubelet was started at 100 s, and its control plane; both answer nothing else. */
function worker(plane: string | undefined, isNode: boolean): View {
  const text = async (path: string) => (path === RESTORED ? plane : assert.fail(path));
  return {
    stat: async () => (isNode ? { kind: 'file' } : undefined),
    read: async ({ argv }: { argv: readonly string[] }) =>
      argv.join(' ').includes('ActiveEnterTimestamp kubelet.service') ? '100\n' : assert.fail(argv.join(' ')),
    on: async () => ({ text }),
  } as unknown as View; // as far as the step asks
}

for (const [what, plane, isNode, restarts] of [
  ['that was started before the restore starts anew', 'etcd.tar\n101\n', true, true],
  ['that was started since goes on', 'etcd.tar\n100\n', true, false],
  ['of a cluster that was not restored goes on', undefined, true, false],
  ['that has not joined yet is left alone', 'etcd.tar\n101\n', false, false],
] as const)
  test(`kubelet ${what}`, async () => {
    const step = resumed();
    const facts = await step.probe(worker(plane, isNode));
    const last: Last = { current: true, unfinished: false, why: '', facts: undefined };
    assert.deepEqual(
      step.plan(facts, last).map(describe),
      restarts ? ['run systemctl restart kubelet.service'] : [],
    );
  });
