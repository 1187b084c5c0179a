/** The smoke test against a cluster of paper: the page arrives, or the reason why not, and nothing stays. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clusterDns, nodeImages, overlayNetwork, runtimeClass } from '../../plugins/capabilities.ts';
import { inVm, onNode, workload } from '../../plugins/nginx-smoke/manifests.ts';
import { bare, expanded, failureIn, needsOf, part } from '../graph/recipes.ts';
import { laws } from '../rig/laws.ts';
import { type Bench, benchOf, NODE } from './bench.ts';
import { type Applied, type Behaviour, MARK, READY, READY_VMS, recipe, smokeOn } from './smoke.ts';

laws('nginx-smoke', recipe(), smokeOn({ lingers: 2 }));
const VM: Behaviour = {
  pods: () => READY_VMS,
  machine: true,
};
for (const version of ['1.9.2', '1.36.4'])
  laws(`nginx-smoke with VMs on ${version}`, recipe({}, 'vm', version), {
    ...smokeOn(VM),
    plugin: 'nginx-smoke',
  });

const NGINX =
  'docker.io/library/nginx:1.30.5@sha256:b972f831f200b19ef0767938224f9711e74cd783718738cd7405d5cabf75c442';
const CURL =
  'docker.io/curlimages/curl:8.21.0@sha256:7c12af72ceb38b7432ab85e1a265cff6ae58e06f95539d539b654f2cfa64bb13';

const LOAD = { images: { nginx: NGINX, client: CURL }, node: 'node-1', mark: MARK };
const HOST = { release: '6.1.0', boot: 'boot-1', uptime: 9000 };

/** Runs the test, and answers how its one task ended and whether its namespace is still there. */
async function smoke(
  t: Parameters<typeof benchOf>[0],
  behaviour: Behaviour,
  isolation: 'vm' | 'none' = 'none',
  version = '1.20.2',
) {
  const applied: Applied = [];
  const bench = await benchOf(t, recipe({ within: 5 }, isolation, version), smokeOn(behaviour, applied));
  const { outcomes } = await bench.run();
  const [outcome] = outcomes.values();
  return { ...outcome!, applied, left: left(bench), bench }; // there is one task
}

const left = ({ hosts }: Bench) => hosts.get('node-1')!.disk.has('/namespace'); // every bench has this host

const KERNEL = ['kernel: pod 6.1.0, node 6.1.0 (the same)', 'boot_id: pod boot-1, node boot-1 (the same)'];

test('page that arrives by address is reported with how pods are isolated', async (t) => {
  const { state, report, applied, left } = await smoke(t, {});
  const by = 'by address, since the cluster has no DNS';
  assert.deepEqual([state, left], ['applied', false]);
  assert.deepEqual(report, {
    by,
    url: 'http://10.96.0.7/',
    isolation: 'none',
    evidence: { kind: 'kernels', pod: HOST, node: HOST },
    lines: [
      `page fetched from http://10.96.0.7/ (${by}), two replicas ready`,
      ...KERNEL,
      'isolation declared none, proven none',
    ],
  });
  assert.deepEqual(applied, [workload({ ...LOAD, pods: { client: {} } })]);
});

test('page is asked for by name where the cluster has DNS', async (t) => {
  const { state, report } = await smoke(t, { dns: 'service/kube-dns\n' });
  const { by, url } = report as { by: string; url: string };
  assert.deepEqual(
    [state, by, url],
    ['applied', 'by name', 'http://nginx.cc-nginx-smoke.svc.cluster.local/'],
  );
});

test('page and pods that take their time are waited for', async (t) => {
  const [pods, pages] = [
    [READY.slice(1), READY],
    [undefined, 'not yet nginx', 'Welcome to nginx'],
  ];
  const { state } = await smoke(t, {
    pods: () => (pods.length > 1 ? pods.shift()! : READY), // longer than one, so there is a first
    page: () => (pages.length > 1 ? pages.shift() : pages[0]),
    lingers: 3,
  });
  assert.equal(state, 'applied');
});

test('pods that are never ready end the test with what the cluster says of them', async (t) => {
  const pods = () => [
    READY[0]!, // there are three
    {
      name: 'nginx-1',
      ready: false,
      phase: 'Pending',
      waiting: { reason: 'ErrImagePull', message: 'no such image' },
    },
    { name: 'nginx-2', ready: false, phase: 'Pending', condition: '0/1 nodes are available' },
  ];
  const { state, failure, left } = await smoke(t, { pods });
  assert.deepEqual([state, left], ['timed-out', false]);
  assert.deepEqual(failure, {
    kind: 'timed-out',
    host: 'node-1',
    what: 'nginx and the client are ready',
    within: 5,
    last: 'nginx-1 Pending: no such image; nginx-2 Pending: 0/1 nodes are available',
  });
});

test('pods that never come are counted', async (t) => {
  const { failure } = await smoke(t, { pods: () => READY.slice(1) });
  assert.equal(failure?.kind === 'timed-out' ? failure.last : failure, '2 of 3 pods are there');
});

test('page that never arrives ends the test, and one of another server too', async (t) => {
  for (const [page, last] of [
    [undefined, 'no answer yet'],
    ['<h1>It works!</h1>', 'the answer is not the page'],
  ] as const) {
    const { failure, left } = await smoke(t, { page: () => page });
    assert.deepEqual(
      [failure, left],
      [
        {
          kind: 'timed-out',
          host: 'node-1',
          what: 'the page arrives from http://10.96.0.7/',
          within: 5,
          last,
        },
        false,
      ],
    );
  }
});

/** Of an honest pod without a machine, and of one with. */
const PROGRAM = '/opt/kata/bin/qemu-system-x86_64';
const rows = (boot: string, uptime: number, hypervisor: string, process: string) => [
  'kernel: pod 6.1.0, control 6.1.0, node 6.1.0',
  `boot_id: pod ${boot}, control boot-1, node boot-1`,
  `uptime: pod ${uptime} s at the age of 30 s, control 9000 s at the age of 30 s`,
  'mounts over what was read: pod none, control none',
  `processes of ${PROGRAM} for the sandbox: pod ${hypervisor}, control none`,
  `the pod's own processes on the node: pod ${process}, control 79`,
];

test('pods of a recipe that declares machines of their own are refused on a shared kernel', async (t) => {
  const { state, failure, left } = await smoke(t, { pods: () => READY_VMS }, 'vm');
  assert.deepEqual([state, left], ['failed', false]);
  const against = `boot_id, uptime, processes of ${PROGRAM} for the sandbox, the pod's own processes on the node`;
  assert.deepEqual(failure, {
    kind: 'check-failed',
    host: 'node-1',
    what: 'the recipe declares that pods run in virtual machines',
    reasons: [
      ...rows('boot-1', 9000, 'none', '78'),
      `isolation declared vm, proven none: not as in a virtual machine are ${against}`,
    ],
  });
});

test('pods in machines of their own, beside one that has none, are proven to be', async (t) => {
  const { state, report, applied } = await smoke(t, VM, 'vm', '1.36.4');
  const { isolation, evidence, lines } = report as Record<string, unknown>;
  assert.deepEqual([state, isolation], ['applied', 'vm']);
  const seen = { covered: [], named: false, age: 30 };
  assert.deepEqual(evidence, {
    kind: 'machines',
    node: HOST,
    pod: {
      ...{ ...HOST, ...seen, boot: 'boot-2', uptime: 20, sandbox: 'ab' },
      ...{ hypervisors: ['77'], processes: [] },
    },
    control: { ...HOST, ...seen, sandbox: 'cd', hypervisors: [], processes: ['79'] },
    program: PROGRAM,
    names: false,
  });
  assert.deepEqual((lines as readonly string[]).slice(1), [
    ...rows('boot-2', 20, '77', 'none'),
    'isolation declared vm, proven vm',
  ]);
  const asking = { runtimeClassName: 'kata' };
  assert.deepEqual(applied, [workload({ ...LOAD, pods: { client: asking, control: {} } })]);
});

test('machines that are declared and that no plugin makes are refused before anything starts', () => {
  const { plugins, ...rest } = recipe({}, 'vm');
  const without = plugins.filter(({ spec }) => spec.name !== 'vm-runtime');
  assert.deepEqual(
    failureIn(() => expanded({ ...rest, hosts: [NODE], plugins: without })),
    {
      kind: 'config-invalid',
      file: '/site/cc.config.ts',
      problems: [
        {
          path: 'nginx-smoke',
          message: 'needs a plugin that provides "vm-runtime", and the recipe has none',
        },
      ],
    },
  );
});

test('namespace that cannot be removed does not hide why the test failed', async (t) => {
  let applied = 0;
  const { failure } = await smoke(t, {
    pods: () => {
      applied += 1;
      return [];
    },
    undeletable: () => applied > 0,
  });
  assert.equal(failure?.kind === 'timed-out' ? failure.last : failure, '0 of 3 pods are there');
});

test('namespace of a kubectl that does not wait is removed without being told not to', async (t) => {
  const { bench } = await smoke(t, {}, 'none', '1.9.2');
  const deletes = bench.ran.filter(({ argv }) => argv.includes('delete')).map(({ argv }) => argv.at(-1));
  assert.deepEqual([...new Set(deletes)], ['--ignore-not-found']);
});

const [TRUSTED, UNTRUSTED] = ['true', 'false'].map((trust) => ({
  'io.kubernetes.cri-o.TrustedSandbox': trust,
}));

for (const [version, vm, node] of [
  ['1.9.2', { annotations: UNTRUSTED }, { annotations: TRUSTED, hostNetwork: true }],
  ['1.13.12', { annotations: UNTRUSTED }, { annotations: TRUSTED, hostNetwork: true }],
  ['1.14.0', { runtimeClassName: 'kata' }, {}],
  ['1.36.4', { runtimeClassName: 'kata' }, {}],
] as const) {
  test(`pods of ${version} ask for their runtime in its words`, () => {
    assert.deepEqual([inVm(version, 'kata'), onNode(version)], [vm, node]);
  });
}

/** A manifest in one line that can be read. */
const shownOf = (text: string) => JSON.stringify(JSON.parse(text), null, 1).replaceAll(/\n */g, ' ');

const PODS = {
  client: { runtimeClassName: 'kata' },
  control: { annotations: { a: 'b' }, hostNetwork: true },
};
const load = (pods: Parameters<typeof workload>[0]['pods']) =>
  workload({ images: { nginx: 'image:1', client: 'image:2' }, node: 'node-1', mark: 'mark', pods });

test('workload is a namespace, two replicas, a service and pods on the node they are compared with, word for word', () => {
  const account = '"serviceAccountName": "smoke", "automountServiceAccountToken": false, ';
  const waiting = (pod: string) =>
    `${account}"nodeName": "node-1", "terminationGracePeriodSeconds": 0, ` +
    `"containers": [ { "name": "${pod}", "image": "image:2", "imagePullPolicy": "IfNotPresent", ` +
    `"command": [ "sh", "-c", "trap exit TERM; sleep 3600 & wait", "mark-${pod}" ] } ] } }`;
  assert.equal(
    shownOf(load(PODS)),
    '{ "apiVersion": "v1", "kind": "List", "items": [ ' +
      '{ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "cc-nginx-smoke", ' +
      '"labels": { "pod-security.kubernetes.io/enforce": "baseline" } } }, ' +
      '{ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "smoke", "namespace": "cc-nginx-smoke" } }, ' +
      '{ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "nginx", "namespace": "cc-nginx-smoke" }, ' +
      '"spec": { "replicas": 2, "selector": { "matchLabels": { "app": "nginx" } }, ' +
      '"template": { "metadata": { "labels": { "app": "nginx" } }, ' +
      `"spec": { "runtimeClassName": "kata", ${account}` +
      '"containers": [ { "name": "nginx", "image": "image:1", "imagePullPolicy": "IfNotPresent", ' +
      '"ports": [ { "containerPort": 80 } ] } ], "terminationGracePeriodSeconds": 0 } } } }, ' +
      '{ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "nginx", "namespace": "cc-nginx-smoke" }, ' +
      '"spec": { "selector": { "app": "nginx" }, "ports": [ { "port": 80 } ] } }, ' +
      '{ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "client", "namespace": "cc-nginx-smoke" }, ' +
      `"spec": { "runtimeClassName": "kata", ${waiting('client')}, ` +
      '{ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "control", "namespace": "cc-nginx-smoke", ' +
      `"annotations": { "a": "b" } }, "spec": { "hostNetwork": true, ${waiting('control')} ] }`,
  );
});

test('workload asks for its runtime in the template of its pods', () => {
  const asking = { annotations: { a: 'b' }, runtimeClassName: 'kata' };
  const deployment = JSON.parse(load({ client: asking })).items[2];
  const { metadata, spec } = deployment.spec.template;
  assert.deepEqual(
    [metadata, spec.runtimeClassName],
    [{ labels: { app: 'nginx' }, annotations: { a: 'b' } }, 'kata'],
  );
});

test('pods are started once images, the network between nodes, the class and the DNS are there', () => {
  const parts = [
    part('d', () => ({ steps: [bare('answer')], provides: [clusterDns.of({ address: '10.96.0.10' })] }), {
      provides: [clusterDns],
    }),
    part('i', () => ({ steps: [bare('load')], provides: [nodeImages.of({ nginx: 'n', client: 'c' })] }), {
      provides: [nodeImages],
    }),
    part('o', () => ({ steps: [bare('run')], provides: [overlayNetwork.of({ backend: 'vxlan' })] }), {
      provides: [overlayNetwork],
    }),
    part('c', () => ({ steps: [bare('make')], provides: [runtimeClass.of({ name: 'kata' })] }), {
      provides: [runtimeClass],
    }),
  ];
  const { plugins } = recipe();
  const all = needsOf(expanded({ hosts: [NODE], plugins: [...plugins, ...parts] }));
  assert.deepEqual(all['node-1/nginx-smoke/page'], [
    ...['node-1/d/answer', 'node-1/i/load', 'node-1/o/run', 'node-1/c/make'],
  ]);
});
