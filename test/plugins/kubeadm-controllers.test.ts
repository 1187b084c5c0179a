/** Controllers that do not hear of what is declared: seen by having them act, and mended by starting API servers anew. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describe } from '../../core/model/change.ts';
import { plugin } from '../../core/model/plugin.ts';
import * as v from '../../core/model/vocabulary.ts';
import { controllers } from '../../plugins/kubeadm/controllers.ts';
import { annotating, BEGAN, RESTARTED } from '../../plugins/kubeadm/static-pods.ts';
import type { Paper } from '../rig/paper.ts';
import type { Lasting } from '../rig/temp.ts';
import { benchOf, type FakeCommand } from './bench.ts';
import { ADMIN, KUBECTL } from './kubectl.ts';
import { script } from './tools.ts';

const SYSTEM = `${KUBECTL} -n kube-system`;
const KEPT = [
  'Service default/kubernetes ClusterIP ',
  'Service default/web ClusterIP {"app":"web"}',
  'Service default/far ExternalName {"app":"web"}',
  'Endpoints default/kubernetes  ',
  'Endpoints default/web  ',
].join('\n');

/** A cluster of two control planes; an API server that tells nothing does so until it starts anew. */
interface Cluster {
  /** The host of that server. */
  deaf?: string;
  /** The host whose etcd has no leader. */
  alone?: string;
  /** What `get services,endpoints` prints. */
  kept: string;
  /** Whether the Service and the pod are there by which controllers are asked. */
  asked: boolean;
  /** API servers that have started anew. */
  readonly started: string[];
}

function commands(own: Paper, cluster: Cluster): readonly FakeCommand[] {
  const pod = { kind: 'Pod', status: { conditions: [{ type: 'PodScheduled', status: 'False' }] } };
  return [
    ['uname -n', `${own.host}\n`],
    ['date -u', 'now\n'],
    [`${KUBECTL} get services,endpoints`, () => cluster.kept],
    [
      `${SYSTEM} get endpoints/cc-controllers pod/cc-controllers --ignore-not-found -o json`,
      () => {
        assert.equal(cluster.asked, true);
        return JSON.stringify(cluster.deaf ? pod : { items: [{ kind: 'Endpoints' }, pod] });
      },
    ],
    [script(BEGAN), ''],
    [
      `${KUBECTL} get --raw /healthz`,
      () => (cluster.alone === own.host ? { code: 1, stderr: 'etcd failed\n' } : 'ok'),
    ],
    [
      script(annotating(RESTARTED)),
      () => {
        cluster.started.push(own.host);
        if (cluster.deaf === own.host) delete cluster.deaf;
        return '';
      },
    ],
    [
      `${SYSTEM} apply -f -`,
      () => {
        assert.equal(cluster.asked, false);
        cluster.asked = true;
        return '';
      },
    ],
    [
      `${SYSTEM} delete service,pod cc-controllers`,
      () => {
        cluster.asked = false;
        return '';
      },
    ],
  ];
}

async function two(t: Lasting, deaf?: string) {
  const cluster: Cluster = { kept: KEPT, asked: false, started: [], ...(deaf ? { deaf } : {}) };
  const access = { kubectl: '/usr/local/bin/kubectl', kubeconfig: ADMIN };
  const alone = plugin({
    name: 'kubeadm',
    help: 'has that one step',
    options: v.strictObject({}),
    build: () => ({ steps: [controllers({ access, planes: ['node-1', 'cp-2'], needs: [] })] }),
  });
  const other = {
    name: 'cp-2',
    roles: ['control-plane'],
    connection: { kind: 'ssh', address: 'cp-2' },
  } as const;
  const bench = await benchOf(
    t,
    { hosts: [other], plugins: [alone()] },
    {
      bare: (host) => host.write(ADMIN, 'credentials'),
      reads: (host) => commands(host, cluster),
    },
  );
  const [task] = bench.tasks;
  const outcome = async () => (await bench.run()).outcomes.get(task!.id); // the plugin has it
  const planned = async () => {
    const { looked } = await bench.look();
    return looked.get(task!.id)?.changes.map((change) => [describe(change), change.why]);
  };
  return { cluster, outcome, planned };
}

const PROVE =
  'prove that the controller manager and the scheduler act, and have API servers start anew if they do not';

test('controllers that act are left alone, and asked once', async (t) => {
  const { cluster, outcome, planned } = await two(t);
  assert.deepEqual(await planned(), [[PROVE, 'never applied']]);
  assert.equal((await outcome())?.state, 'applied');
  assert.deepEqual(cluster.started, []);
  assert.equal(cluster.asked, false);
  assert.equal((await outcome())?.state, 'verified');
});

for (const [deaf, started] of [
  ['node-1', ['node-1']],
  ['cp-2', ['node-1', 'cp-2']],
] as const)
  test(`controllers that hear nothing by the API server of ${deaf} do so once it has started anew`, async (t) => {
    const { cluster, outcome } = await two(t, deaf);
    assert.equal((await outcome())?.state, 'applied');
    assert.deepEqual(cluster.started, started);
    assert.equal(cluster.asked, false);
  });

test('API server that would not come back is left alone', async (t) => {
  const { cluster, outcome } = await two(t, 'cp-2');
  cluster.alone = 'node-1';
  assert.equal((await outcome())?.state, 'applied');
  assert.deepEqual(cluster.started, ['cp-2']);
});

test('controllers that no start of an API server helps fail, and leave nothing', async (t) => {
  const { cluster, outcome } = await two(t, 'elsewhere');
  assert.deepEqual((await outcome())?.failure, {
    kind: 'check-failed',
    host: 'node-1',
    what: 'the controllers of the cluster act',
    reasons: [
      'the controller manager makes no endpoints of a new Service',
      'see what they say: kubectl -n kube-system logs -l tier=control-plane',
    ],
  });
  assert.deepEqual(cluster.started, ['node-1', 'cp-2']);
  assert.equal(cluster.asked, false);
});

test('Service that nobody keeps endpoints for is seen by a look, and has controllers asked again', async (t) => {
  const { cluster, outcome, planned } = await two(t);
  await outcome();
  assert.deepEqual(await planned(), []);
  cluster.kept = `${KEPT}\nService a/b ClusterIP {"app":"b"}`;
  assert.deepEqual(await planned(), [[PROVE, 'no endpoints are kept for a/b']]);
});
