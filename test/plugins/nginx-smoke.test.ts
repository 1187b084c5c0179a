/** The smoke test against a cluster of paper: the page arrives, or the reason why not, and nothing stays. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { client, workload } from '../../plugins/nginx-smoke/manifests.ts';
import { laws } from '../rig/laws.ts';
import { type Bench, benchOf } from './bench.ts';
import { type Applied, type Behaviour, READY, recipe, smokeOn } from './smoke.ts';

laws('nginx-smoke', { ...recipe(), hosts: [] }, { ...smokeOn({ lingers: 2 }) });

const NGINX = 'docker.io/library/nginx:stable';
const CURL = 'docker.io/curlimages/curl:latest';

/** Runs the test, and answers how its one task ended and whether its namespace is still there. */
async function smoke(
  t: Parameters<typeof benchOf>[0],
  behaviour: Behaviour,
  isolation: 'vm' | 'none' = 'none',
) {
  const applied: Applied = [];
  const bench = await benchOf(t, recipe({ within: 5 }, isolation), smokeOn(behaviour, applied));
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
    evidence: { pod: { release: '6.1.0', boot: 'boot-1' }, node: { release: '6.1.0', boot: 'boot-1' } },
    lines: [
      `page fetched from http://10.96.0.7/ (${by}), two replicas ready`,
      ...KERNEL,
      'isolation declared none, proven none',
    ],
  });
  assert.deepEqual(applied, [workload(NGINX), client(CURL, 'node-1')]);
});

test('page is asked for by name where the cluster has DNS', async (t) => {
  const { state, report } = await smoke(t, { dns: '10.244.0.9' });
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

test('pods of a recipe that declares machines of their own are refused on a shared kernel', async (t) => {
  const { state, failure, left } = await smoke(t, {}, 'vm');
  assert.deepEqual([state, left], ['failed', false]);
  assert.deepEqual(failure, {
    kind: 'check-failed',
    host: 'node-1',
    what: 'the recipe declares that pods run in virtual machines',
    reasons: [...KERNEL, 'isolation declared vm, proven none'],
  });
});

test('pods on a kernel of their own are proven to be', async (t) => {
  const { state, report } = await smoke(t, { boot: { pod: 'boot-2', node: 'boot-1' } }, 'vm');
  assert.deepEqual([state, (report as { isolation: string }).isolation], ['applied', 'vm']);
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

test('workload is a namespace, two replicas and a service, word for word', () => {
  assert.equal(
    JSON.stringify(JSON.parse(workload('image:1')), null, 1).replaceAll(/\n */g, ' '),
    '{ "apiVersion": "v1", "kind": "List", "items": [ ' +
      '{ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "cc-nginx-smoke" } }, ' +
      '{ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "nginx", "namespace": "cc-nginx-smoke" }, ' +
      '"spec": { "replicas": 2, "selector": { "matchLabels": { "app": "nginx" } }, ' +
      '"template": { "metadata": { "labels": { "app": "nginx" } }, ' +
      '"spec": { "containers": [ { "name": "nginx", "image": "image:1", "imagePullPolicy": "IfNotPresent", ' +
      '"ports": [ { "containerPort": 80 } ] } ], "terminationGracePeriodSeconds": 1 } } } }, ' +
      '{ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "nginx", "namespace": "cc-nginx-smoke" }, ' +
      '"spec": { "selector": { "app": "nginx" }, "ports": [ { "port": 80 } ] } } ] }',
  );
});

test('client is a pod on the node it is compared with, word for word', () => {
  assert.equal(
    client('image:2', 'node-1'),
    '{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"v1","kind":"Pod",' +
      '"metadata":{"name":"client","namespace":"cc-nginx-smoke"},"spec":{"nodeName":"node-1",' +
      '"terminationGracePeriodSeconds":0,"containers":[{"name":"client","image":"image:2",' +
      '"imagePullPolicy":"IfNotPresent","command":["sleep","3600"]}]}}]}',
  );
});
