/** Labels and taints of nodes: what a host declares is set and noted, what it declares no more goes, what others set stays. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Host } from '../../core/model/plugin.ts';
import { kubeadm } from '../../plugins/kubeadm.ts';
import type { Lasting } from '../rig/temp.ts';
import { type Bench, type BenchSetup, benchOf, NODE } from './bench.ts';
import { BELOW, clusterOn, KUBECTL } from './cluster.ts';
import { MISSING } from './tools.ts';

/** The node as the API has it, changed as kubectl changes it. */
interface Stored {
  labels: Record<string, string>;
  annotations: Record<string, string>;
  taints: { key: string; value?: string; effect: string }[];
}

const stored = (): Stored => ({ labels: {}, annotations: {}, taints: [] });

function map(words: readonly string[], into: Record<string, string>): string {
  for (const word of words) {
    const [key = '', value] = word.endsWith('-') ? [word.slice(0, -1)] : word.split(/=(.*)/s);
    if (value === undefined) delete into[key];
    else into[key] = value;
  }
  return '';
}

function taint(words: readonly string[], node: Stored): string {
  for (const word of words) {
    const [, key = '', value, effect = ''] = /^([^=:]+)(?:=([^:]*))?:(\w+)-?$/.exec(word) ?? [];
    node.taints = node.taints.filter((each) => each.key !== key || each.effect !== effect);
    if (!word.endsWith('-')) node.taints.push({ key, ...(value ? { value } : {}), effect });
  }
  return '';
}

function clusterWith(node: Stored): BenchSetup {
  const setup = clusterOn();
  const conditions = [{ type: 'Ready', status: 'True', message: '' }];
  const list = () => {
    const { labels, annotations, taints } = node;
    const metadata = { name: 'node-1', labels, annotations };
    return JSON.stringify({ items: [{ metadata, spec: { taints }, status: { conditions } }] });
  };
  const words = (argv: readonly string[]) => argv.slice(argv.indexOf('--overwrite') + 1);
  return {
    ...setup,
    reads: (host, bench) => [
      ...(setup.reads?.(host, bench) ?? []),
      ['uname -n', 'NODE-1\n'],
      [
        `${KUBECTL} get nodes -o json`,
        () => (host.disk.has('/etc/kubernetes/admin.conf') ? list() : MISSING),
      ],
    ],
    does: (host, bench) => [
      ...(setup.does?.(host, bench) ?? []),
      [`${KUBECTL} label node node-1 --overwrite`, (argv) => map(words(argv), node.labels)],
      [`${KUBECTL} annotate node node-1 --overwrite`, (argv) => map(words(argv), node.annotations)],
      [`${KUBECTL} taint node node-1 --overwrite`, (argv) => taint(words(argv), node)],
    ],
  };
}

type Declared = Pick<Host, 'labels' | 'taints'>;

/** Makes the cluster, and answers what was done to the labels and taints of its node. */
async function made(t: Lasting, node: Stored, declared: Declared) {
  const bench = await benchOf(
    t,
    { hosts: [{ ...NODE, ...declared }], plugins: [...BELOW, kubeadm()] },
    clusterWith(node),
  );
  const { outcomes } = await bench.run();
  const id = labelsOf(bench).id;
  const state = outcomes.get(id)?.state;
  return { bench, state, did: bench.ran.flatMap(({ argv }) => told(argv)) };
}

const told = (argv: readonly string[]) =>
  argv.includes('--overwrite') ? [argv.slice(4).join(' ').replace('node node-1 --overwrite ', '')] : [];

const labelsOf = (bench: Bench) => bench.tasks.find(({ step }) => step.name === 'labels')!;

async function again(bench: Bench): Promise<readonly string[] | undefined> {
  const { looked } = await bench.look();
  return looked.get(labelsOf(bench).id)?.changes.map(({ why }) => why);
}

const BOTH: Declared = { labels: { zone: 'a', rack: '7' }, taints: ['gpu=yes:NoSchedule', 'slow:NoExecute'] };

test('labels and taints of a host are noted, then set, and found so by the next look', async (t) => {
  const node = stored();
  node.labels['others'] = 'stay';
  const { bench, state, did } = await made(t, node, BOTH);
  assert.equal(state, 'applied');
  assert.deepEqual(did, [
    'annotate cc/labels=zone=a,rack=7 cc/taints=gpu=yes:NoSchedule,slow=:NoExecute',
    'label zone=a rack=7',
    'taint gpu=yes:NoSchedule slow=:NoExecute',
  ]);
  assert.deepEqual(node.labels, { others: 'stay', zone: 'a', rack: '7' });
  assert.deepEqual(await again(bench), []);
  node.labels = { rack: '7' };
  assert.deepEqual(await again(bench), ['zone=a is declared']);
});

test('taint of the control plane that its only node declares stays, and another one of its kind goes', async (t) => {
  const node = stored();
  const [old, declared] = ['node-role.kubernetes.io/master', 'node-role.kubernetes.io/control-plane'];
  node.taints = [old, declared].map((key) => ({ key, effect: 'NoSchedule' }));
  const setup = clusterWith(node);
  const bench = await benchOf(
    t,
    { hosts: [{ ...NODE, taints: [`${declared}:NoSchedule`] }], plugins: [...BELOW, kubeadm()] },
    {
      ...setup,
      does: (host, bench) => [
        ...(setup.does?.(host, bench) ?? []),
        [
          (argv) => argv.join(' ').startsWith(`${KUBECTL} taint node node-1 node-role`),
          (argv) => {
            const keys = argv.slice(7).map((word) => word.slice(0, -1));
            node.taints = node.taints.filter(({ key }) => !keys.includes(key));
            return '';
          },
        ],
      ],
    },
  );
  await bench.run();
  assert.deepEqual(node.taints, [{ key: declared, effect: 'NoSchedule' }]);
  bench.ran.length = 0;
  const again = await bench.run();
  assert.deepEqual([...new Set([...again.outcomes.values()].map(({ state }) => state))], ['verified']);
  assert.deepEqual(
    bench.ran.filter(({ argv }) => argv.includes('taint')),
    [],
  );
});

test('labels and taints that are declared no more go, but for what others have set', async (t) => {
  const node = stored();
  await made(t, node, BOTH);
  node.labels['rack'] = '8';
  node.taints.push({ key: 'theirs', effect: 'NoSchedule' });
  const { did } = await made(t, node, { labels: { zone: 'b' } });
  assert.deepEqual(did, [
    'annotate cc/labels=zone=a,rack=7,zone=b',
    'label zone=b',
    'taint gpu:NoSchedule- slow:NoExecute-',
    'annotate cc/labels=zone=b cc/taints-',
  ]);
  assert.deepEqual(node.labels, { zone: 'b', rack: '8' });
  assert.deepEqual(node.taints, [{ key: 'theirs', effect: 'NoSchedule' }]);
  const { bench } = await made(t, node, {});
  assert.deepEqual(node, {
    labels: { rack: '8' },
    annotations: {},
    taints: [{ key: 'theirs', effect: 'NoSchedule' }],
  });
  assert.deepEqual(await again(bench), []);
});

test('labels that somebody else had set before are not taken for those of cc', async (t) => {
  const node = stored();
  node.labels['zone'] = 'a';
  const { did } = await made(t, node, { labels: { zone: 'a' } });
  assert.deepEqual(did, []);
  await made(t, node, {});
  assert.deepEqual(node.labels, { zone: 'a' });
});

test('labels and taints are planned before there is a cluster', async (t) => {
  const bench = await benchOf(
    t,
    { hosts: [{ ...NODE, ...BOTH }], plugins: [...BELOW, kubeadm()] },
    clusterWith(stored()),
  );
  assert.deepEqual(await again(bench), [
    'what cc sets is noted before',
    'zone=a is declared, rack=7 is declared',
    'gpu=yes:NoSchedule is declared, slow=:NoExecute is declared',
  ]);
});
