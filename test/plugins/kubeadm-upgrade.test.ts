/** A cluster that gets another version: what is refused by name, what kubeadm is told on each node, and in which order. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { test } from 'node:test';
import type { Artifact } from '../../core/model/artifact.ts';
import { plugin } from '../../core/model/plugin.ts';
import * as v from '../../core/model/vocabulary.ts';
import { placed } from '../../core/steps/placed.ts';
import { kubernetesRelease } from '../../plugins/capabilities.ts';
import { commandsOf, tooFar, UNCHECKED, unreachable, upgrade } from '../../plugins/kubeadm/upgrade.ts';
import { kubeadm } from '../../plugins/kubeadm.ts';
import { applied, changed, INTERRUPTED, NEVER, PERFORMED } from '../steps/last.ts';
import { type BenchSetup, benchOf } from './bench.ts';
import { below, KUBECTL, type Made, madeCluster } from './cluster.ts';
import { fresh, withEtcd } from './etcd.ts';
import { wrote } from './tools.ts';

test('version is reached from the same minor and from the one before', () => {
  for (const [from, to] of [
    ['1.20.2', '1.20.2'],
    ['1.20.2', '1.20.10'],
    ['1.20.15', '1.21.0'],
    ['1.9.11', '1.10.13'],
  ] as const)
    assert.equal(unreachable(from, to), undefined, `${from} ${to}`);
});

test('minor versions that would be skipped are named, each to be declared first', () => {
  assert.equal(
    unreachable('1.20.2', '1.22.1'),
    'its control plane is of 1.20.2, and 1.22.1 skips 1.21: declare a version of 1.21 first, with cc run all, then 1.22.1',
  );
  assert.equal(
    unreachable('1.9.11', '1.12.1'),
    'its control plane is of 1.9.11, and 1.12.1 skips 1.10, 1.11: declare a version of 1.10 first, then of 1.11, each with cc run all, then 1.12.1',
  );
});

test('way back is refused, of minor versions and of patches', () => {
  for (const to of ['1.19.16', '1.20.1'])
    assert.equal(
      unreachable('1.20.2', to),
      `its control plane is of 1.20.2, and kubeadm knows no way back to ${to}: declare kubernetes.version '1.20.2'`,
    );
});

test('kubelet that is too old or too new beside the version is named', () => {
  assert.equal(tooFar('w-3', 'v1.20.9', '1.21.0'), undefined);
  assert.equal(
    tooFar('w-3', 'v1.19.4', '1.21.0'),
    'w-3 runs kubelet 1.19.4, which is too old beside 1.21.0: first declare a version of 1.20, and have the node upgraded: cc run all',
  );
  assert.equal(
    tooFar('w-3', 'v1.22.0', '1.21.0'),
    'w-3 runs kubelet 1.22.0, which is newer than 1.21.0: declare that version, or remove the node',
  );
});

test('kubeadm is told on each node what its version knows', () => {
  const told = (version: string, first: boolean, isPlane: boolean, preflight = true) =>
    commandsOf({ version, kubeadm: 'kubeadm', preflight }, { first, isPlane }).map((argv) => argv.join(' '));
  const config = (version: string) => `kubeadm upgrade node config --kubelet-version v${version}`;
  assert.deepEqual(told('1.20.3', true, true), ['kubeadm upgrade apply v1.20.3 --yes']);
  assert.deepEqual(told('1.20.3', true, true, false), [
    'kubeadm upgrade apply v1.20.3 --yes --ignore-preflight-errors=all',
  ]);
  assert.deepEqual(told('1.20.3', false, true, false), [
    'kubeadm upgrade node --ignore-preflight-errors=all',
  ]);
  assert.deepEqual(told('1.15.0', false, true, false), ['kubeadm upgrade node']);
  assert.deepEqual(told('1.15.0', false, false), ['kubeadm upgrade node']);
  assert.deepEqual(told('1.14.1', false, true), [
    'kubeadm upgrade node experimental-control-plane',
    config('1.14.1'),
  ]);
  assert.deepEqual(told('1.11.1', false, false), [config('1.11.1')]);
  assert.deepEqual(told('1.10.1', false, false), []);
});

test('kubeadm that is told to check nothing finds a crictl that answers nothing, and that is gone afterwards', () => {
  const asks = 'crictl inspecti x; echo $?; command -v crictl; exit 3';
  const { status, stdout } = spawnSync('sh', ['-c', UNCHECKED, 'cc', 'sh', '-c', asks], {
    env: { PATH: '/usr/bin:/bin' },
    encoding: 'utf8',
  });
  const [exit, crictl = ''] = stdout.split('\n');
  assert.deepEqual([status, exit, crictl.endsWith('/crictl'), existsSync(crictl)], [3, '1', true, false]);
});

test('worker is upgraded where it was brought to another version, or an upgrade was cut off', () => {
  const step = upgrade(
    {
      ...{ version: '1.20.3', kubeadm: 'kubeadm', preflight: true, planes: [], snapshots: '/s' },
      access: { kubectl: '', kubeconfig: '' },
    },
    { name: 'x', first: false, needs: [] },
  );
  const facts = { joined: true, planes: [], version: '1.20.3' };
  const whys = (last: Parameters<typeof step.plan>[1], more = {}) =>
    step.plan({ ...facts, ...more }, last).map(({ why }) => why);
  assert.deepEqual(whys(changed('x', { ...facts, version: '1.20.2' })), [
    'its node is of 1.20.2, declared 1.20.3',
  ]);
  assert.deepEqual(whys(changed('x', { ...facts, version: '1.20.2' }), { joined: false }), []);
  for (const planes of [[], ['1.20.3']])
    assert.deepEqual(new Set(whys(INTERRUPTED, { planes })), new Set(['its upgrade did not finish']));
  for (const last of [NEVER, PERFORMED, applied(facts), changed('another need', facts)])
    assert.deepEqual(whys(last), []);
  assert.deepEqual(whys(PERFORMED, { planes: ['1.20.2', '1.20.3'] }), [
    'its control plane is of 1.20.2, declared 1.20.3',
  ]);
});

const KUBELET = '/usr/local/bin/kubelet';
const PROGRAM: Artifact = { name: 'kubelet', source: { kind: 'url', url: 'https://x.org/kubelet' } };
/** The programs of a version; this test looks at kubelet alone. */
const programs = (version: string) =>
  plugin({
    name: 'programs',
    help: 'kubelet',
    options: v.strictObject({}),
    provides: [kubernetesRelease],
    build: () => ({
      provides: [
        kubernetesRelease.of({
          ...{ version, imageRepository: 'registry.lab', pauseImage: 'registry.lab/pause:3.2' },
          ...{ bin: '/usr/local/bin', programs: {} },
        }),
      ],
      steps: [placed(PROGRAM, { path: KUBELET, needs: [] })],
    }),
  })();
const NODE = 'node-1';
const APPLY = 'kubeadm upgrade apply v1.20.3 --yes';

/** A control plane of 1.20.2 or as told, and the only node, for which a version is declared. */
function clusterOf(made: Partial<Made> = {}, saved = fresh()): BenchSetup {
  const setup = withEtcd(saved);
  const node = (version: string) => {
    const conditions = [
      { type: 'Ready', status: 'True', message: '', lastHeartbeatTime: '2026-01-01T00:01:00Z' },
    ];
    return {
      metadata: { name: NODE },
      spec: {},
      status: { conditions, nodeInfo: { kubeletVersion: version } },
    };
  };
  return {
    ...setup,
    bare: (host) => {
      setup.bare?.(host);
      if (host.host !== NODE) return;
      madeCluster(host, made);
      host.write('/etc/kubernetes/kubelet.conf', 'a key of the node');
      host.write(KUBELET, 'the old one', 0o755);
    },
    reads: (host, bench) => [
      ...(setup.reads?.(host, bench) ?? []),
      ['uname -n', `${NODE}\n`],
      [`${KUBECTL} get --raw /healthz`, 'ok'],
      [(argv) => argv[0] === 'sh' && String(argv[2]).includes('ActiveEnterTimestamp'), '1767225600\n'],
      [
        `${KUBECTL} get node ${NODE} --ignore-not-found -o json`,
        () => JSON.stringify(node(host.read(KUBELET) === 'the old one' ? 'v1.20.2' : 'v1.20.3')),
      ],
    ],
    does: (host, bench) => [
      ...(setup.does?.(host, bench) ?? []),
      [
        `/usr/local/bin/${APPLY}`,
        () => {
          saved.said.push(APPLY);
          madeCluster(host, { version: '1.20.3' });
          return wrote(host, '/etc/kubernetes/kubelet.conf', 'a key of the node');
        },
      ],
    ],
  };
}

const recipeOf = (version: string) => ({
  plugins: [programs(version), ...below(version).slice(1), kubeadm()],
});

test('cluster whose version is not to be reached is refused, and nothing on its host is changed', async (t) => {
  const bench = await benchOf(t, recipeOf('1.22.1'), clusterOf());
  const host = bench.hosts.get(NODE)!;
  const before = host.snapshot();
  const { outcomes } = await bench.run();
  const failures = [...outcomes].flatMap(([id, { failure }]) => (failure ? [[id, failure]] : []));
  assert.deepEqual(failures, [
    [
      `${NODE}/kubeadm/version`,
      {
        ...{ kind: 'check-failed', host: NODE, what: 'its cluster can be brought to Kubernetes 1.22.1' },
        reasons: [unreachable('1.20.2', '1.22.1')],
      },
    ],
  ]);
  assert.deepEqual(host.snapshot(), before);
});

test('kubelet is replaced and started anew in the turn of its node, after the control plane', async (t) => {
  const bench = await benchOf(t, recipeOf('1.20.3'), clusterOf());
  const { events, outcomes } = await bench.run();
  const performed = events.flatMap((event) =>
    event.kind === 'task' && event.state === 'performing' ? [event.id.replace(`${NODE}/`, '')] : [],
  );
  const order = ['kubeadm/drain', 'kubeadm/upgrade', 'kubeadm/kubelet', 'kubeadm/uncordon'];
  assert.deepEqual(
    performed.filter((id) => order.includes(id)),
    order,
  );
  assert.ok(performed.indexOf('kubeadm/drain') < performed.indexOf('programs/kubelet'));
  assert.ok([...outcomes.values()].every(({ failure }) => failure === undefined));
  const second = await bench.run();
  assert.deepEqual(
    second.events.flatMap((event) => (event.kind === 'change' ? [event.id] : [])),
    [],
  );
});

test('control plane of which a part is upgraded already goes on', async (t) => {
  const setup = clusterOf();
  const bench = await benchOf(t, recipeOf('1.20.3'), {
    ...setup,
    bare: (host) => {
      setup.bare?.(host);
      if (host.host !== NODE) return;
      const manifest = '/etc/kubernetes/manifests/kube-scheduler.yaml';
      host.write(manifest, '    image: registry.lab/kube-scheduler:v1.20.3\n');
    },
  });
  const { events } = await bench.run();
  const whys = events.flatMap((event) =>
    event.kind === 'change' && event.id === `${NODE}/kubeadm/upgrade` ? [[event.what, event.why]] : [],
  );
  const why = 'its control plane is of 1.20.2, declared 1.20.3';
  assert.deepEqual(whys, [
    [`save a snapshot of etcd to ${bench.state}/before-upgrades`, why],
    [`/usr/local/bin/${APPLY}`, why],
  ]);
});

test('a snapshot of etcd is on the controller before kubeadm changes the cluster', async (t) => {
  const saved = fresh();
  const bench = await benchOf(t, recipeOf('1.20.3'), clusterOf({}, saved));
  await bench.run();
  assert.deepEqual(await readdir(`${bench.state}/before-upgrades`), [
    'etcd-2026-11-27T12-00-00Z-revision-42.tar',
  ]);
  assert.deepEqual(saved.said.slice(-2), ['removed', APPLY]);
});

test('cluster of which no snapshot can be had is not upgraded', async (t) => {
  const saved = { ...fresh(), bytes: Buffer.from('cut off') };
  const bench = await benchOf(t, recipeOf('1.20.3'), clusterOf({}, saved));
  const { outcomes } = await bench.run();
  const failed = [...outcomes].filter(([, { failure }]) => failure?.kind === 'check-failed');
  assert.deepEqual(
    failed.map(([id]) => id),
    [`${NODE}/kubeadm/upgrade`],
  );
  assert.ok(!saved.said.includes(APPLY));
});
