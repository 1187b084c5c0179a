/** The smoke test of a cluster with many nodes: who asks whom, what is told of it, and what each way to fail is called. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createServer, type ServerResponse } from 'node:http';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { PAYLOAD, PAYLOAD_DIGEST, workload } from '../../plugins/nginx-smoke/manifests.ts';
import { ASK } from '../../plugins/nginx-smoke/reach.ts';
import { missing } from '../rig/tools.ts';
import { listening } from '../rig/web.ts';
import { benchOf, NODE } from './bench.ts';
import { type Applied, type Behaviour, MARK, type PaperNode, READY, recipe, smokeOn } from './smoke.ts';

/** The test runs on node-1, whose client is there in any cluster. */
const NODES: readonly PaperNode[] = [
  { name: 'w-2', address: '192.0.2.3' },
  { name: 'node-1', address: '192.0.2.1' },
  { name: 'w-1', address: '192.0.2.2' },
];

/** The pods of a cluster whose nodes all take part; the first one has the client of the test itself. */
function podsFor(nodes: readonly PaperNode[]) {
  const names = nodes.flatMap((_, at) => [`server-${at + 1}`, ...(at > 0 ? [`client-${at + 1}`] : [])]);
  return () => [...READY, ...names.map((name) => ({ name, ready: true }))];
}

async function smoke(t: Parameters<typeof benchOf>[0], behaviour: Behaviour) {
  const applied: Applied = [];
  const nodes = behaviour.nodes ?? NODES;
  const setup = smokeOn({ nodes, pods: podsFor(nodes), ...behaviour }, applied);
  const bench = await benchOf(t, recipe({ within: 5 }), setup);
  const { outcomes } = await bench.run();
  const [outcome] = outcomes.values();
  const clients = bench.ran
    .filter(({ argv }) => argv.includes(ASK))
    .map(({ argv }) => [argv[argv.indexOf('exec') + 1]!, argv.slice(argv.indexOf('cc') + 1)] as const); // both are there
  return { ...outcome!, applied, clients, left: bench.hosts.get('node-1')!.disk.has('/namespace') }; // there is one task, and this host
}

/** As the failure of the task tells it. */
function reasonsIn({ failure }: Awaited<ReturnType<typeof smoke>>): readonly string[] {
  if (failure?.kind !== 'check-failed') return assert.fail(JSON.stringify(failure));
  assert.equal(failure.what, 'every node reaches nginx on every node');
  return failure.reasons;
}

const KERNEL = [
  'kernel: pod 6.1.0, node 6.1.0 (the same)',
  'boot_id: pod boot-1, node boot-1 (the same)',
  'isolation declared none, proven none',
];
const PAGE =
  'page fetched from http://10.96.0.7/ (by address, since the cluster has no DNS), two replicas ready';

test('every node asks nginx of every node in three ways, and the report has a matrix', async (t) => {
  const { state, report, clients, left } = await smoke(t, {});
  assert.deepEqual([state, left], ['applied', false]);
  const { matrix, notAsked, lines } = report as Record<string, unknown>;
  const ok = { 'node-1': 'ok', 'w-1': 'ok', 'w-2': 'ok' };
  assert.deepEqual(matrix, { 'node-1': ok, 'w-1': ok, 'w-2': ok });
  assert.equal(notAsked, undefined);
  assert.deepEqual(lines, [
    PAGE,
    'each node fetches 65536 bytes from nginx of each, by pod address, Service address and node port:',
    '  from \\ to  node-1  w-1  w-2',
    '  node-1     ok      ok   ok',
    '  w-1        ok      ok   ok',
    '  w-2        ok      ok   ok',
    ...KERNEL,
  ]);
  const urls = [1, 2, 3].flatMap((at) => [
    `http://10.244.${at}.7/payload`,
    `http://10.96.0.${10 + at}/payload`,
    `http://192.0.2.${at}:${30000 + at}/payload`,
  ]);
  const words = urls.flatMap((url, at) => [`${at}`, url]);
  assert.deepEqual(clients, [
    ['client', words],
    ['client-2', words],
    ['client-3', words],
  ]);
});

test('pods of each node are placed there, whatever it is kept for, and each nginx has a Service', async (t) => {
  const { applied } = await smoke(t, {});
  const [text = ''] = applied;
  const images = { nginx: 'image:1', client: 'image:2' };
  const load = { images, node: 'node-1', mark: MARK, pods: { client: { runtimeClassName: 'kata' } } };
  const of = (given: string) => JSON.parse(given).items.map(({ kind, metadata }: never) => [kind, metadata]);
  const spots = [
    { node: 'node-1', server: 'server-1', client: 'client' },
    { node: 'w-1', server: 'server-2', client: 'client-2' },
  ];
  const whole = JSON.parse(workload({ ...load, spots })).items;
  const alone = JSON.parse(workload(load)).items;
  const [content, ...more] = whole.slice(alone.length);
  assert.deepEqual(whole.slice(0, alone.length), alone);
  assert.deepEqual(of(text).length, alone.length + 1 + 3 * 3 - 1);
  const { data, ...rest } = content;
  assert.deepEqual(rest, {
    ...{ apiVersion: 'v1', kind: 'ConfigMap' },
    metadata: { name: 'content', namespace: 'cc-nginx-smoke' },
  });
  assert.deepEqual(Object.keys(data), ['nginx.conf', 'payload']);
  const common = {
    ...{ runtimeClassName: 'kata', serviceAccountName: 'smoke', automountServiceAccountToken: false },
    ...{ tolerations: [{ operator: 'Exists' }], terminationGracePeriodSeconds: 0 },
  };
  const server = (name: string, nodeName: string) => [
    {
      ...{ apiVersion: 'v1', kind: 'Pod' },
      metadata: { name, namespace: 'cc-nginx-smoke', labels: { server: name } },
      spec: {
        ...{ ...common, nodeName },
        containers: [
          {
            ...{ name: 'nginx', image: 'image:1', imagePullPolicy: 'IfNotPresent' },
            ...{ command: ['nginx', '-c', '/etc/cc/nginx.conf'], ports: [{ containerPort: 80 }] },
            volumeMounts: [{ name: 'content', mountPath: '/etc/cc' }],
          },
        ],
        volumes: [{ name: 'content', configMap: { name: 'content' } }],
      },
    },
    {
      ...{ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'cc-nginx-smoke' } },
      spec: { type: 'NodePort', selector: { server: name }, ports: [{ port: 80 }] },
    },
  ];
  const command = ['sh', '-c', 'trap exit TERM; sleep 3600 & wait', `${MARK}-client-2`];
  assert.deepEqual(more, [
    ...server('server-1', 'node-1'),
    ...server('server-2', 'w-1'),
    {
      ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'client-2', namespace: 'cc-nginx-smoke' } },
      spec: {
        ...{ ...common, nodeName: 'w-1' },
        containers: [{ name: 'client-2', image: 'image:2', imagePullPolicy: 'IfNotPresent', command }],
      },
    },
  ]);
});

/** How a curl ends, the word of its cell and the sentence. */
const ENDS: readonly (readonly [says: string, word: string, why: string])[] = [
  ['28 000 0 0.001 0.000', 'dropped', 'nobody answered within 3 s, so packets are dropped on the way'],
  ['7 000 0 0.001 0.000', 'refused', 'the connection is refused, or there is no route to it'],
  [
    '28 000 0 0.001 0.002',
    'cut off',
    'it connected, and 0 of 65536 bytes came within 8 s: small packets pass and full ones do not, as where an MTU is wrong',
  ],
  ['28 200 40000 0.001 0.002 abc -', 'cut off', 'it connected, and 40000 of 65536 bytes came within 8 s'],
  ['18 200 4096 0.001 0.002 abc -', 'cut off', 'the connection broke when 4096 of 65536 bytes had come'],
  ['56 000 0 0.001 0.002', 'cut off', 'the connection broke when 0 of 65536 bytes had come'],
  ['0 502 150 0.001 0.002 abc -', 'other answer', 'HTTP says 502'],
  ['0 200 65536 0.001 0.002 abc -', 'other answer', '65536 bytes came that are not those of nginx'],
  ['127 ', 'not asked', 'curl exited 127'],
];

for (const [says, word, why] of ENDS)
  test(`pair whose curl says "${says}" is named as ${word}: ${why}`, async (t) => {
    const told = await smoke(t, {
      // Both ways between two workers, and the node port alone of one pair.
      asks: (client, url) => {
        if (client === 'client-2' && /^http:\/\/(10\.244\.3\.7|10\.96\.0\.13|192\.0\.2\.3:)/.test(url))
          return says;
        return client === 'client-3' && url.startsWith('http://192.0.2.2:') ? says : undefined;
      },
    });
    assert.deepEqual([told.state, told.left], ['failed', false]);
    const port = `port ${word}`.length;
    assert.deepEqual(reasonsIn(told), [
      `from \\ to  node-1  ${'w-1'.padEnd(port)}  w-2`,
      `node-1     ok      ${'ok'.padEnd(port)}  ok`,
      `w-1        ok      ${'ok'.padEnd(port)}  ${word}`,
      `w-2        ok      port ${word}  ok`,
      `w-1 → w-2: by pod address 10.244.3.7, by Service address 10.96.0.13, by node port 192.0.2.3:30003: ${why}`,
      `w-2 → w-1: by node port 192.0.2.2:30002: ${why}`,
    ]);
  });

test('node whose client cannot be asked is told in the words of the cluster', async (t) => {
  const told = await smoke(t, {
    nodes: NODES.slice(1),
    mute: (client) => (client === 'client-2' ? 'some log\nerror dialing backend: no route' : undefined),
  });
  const why = 'the client there could not ask: error dialing backend: no route';
  const ways = (at: number) =>
    `by pod address 10.244.${at}.7, by Service address 10.96.0.${10 + at}, by node port 192.0.2.${at}:${30000 + at}`;
  assert.deepEqual(reasonsIn(told), [
    'from \\ to  node-1     w-1',
    'node-1     ok         ok',
    'w-1        not asked  not asked',
    `w-1 → node-1: ${ways(1)}: ${why}`,
    `w-1 → w-1: ${ways(2)}: ${why}`,
  ]);
});

test('what comes up late is asked again, and nothing else', async (t) => {
  let tries = 0;
  const { state, clients } = await smoke(t, {
    asks: (client, url) => {
      if (client !== 'client-3' || url !== 'http://10.96.0.11/payload') return undefined;
      tries += 1;
      return tries < 4 ? '7 000 0 0.001 0.000' : undefined;
    },
  });
  const again = ['client-3', ['0', 'http://10.96.0.11/payload']];
  assert.equal(state, 'applied');
  assert.deepEqual(clients.slice(3), [again, again, again]);
});

test('client that a slow host could not ask is asked three times, however long one time takes', async (t) => {
  let tries = 0;
  const pace = 60;
  const cut = await smoke(t, {
    pace,
    mute: (client) => (client === 'client-3' && tries++ < 2 ? 'EOF' : undefined),
  });
  assert.deepEqual([cut.state, tries], ['applied', 3]);
  const never = await smoke(t, { pace, mute: (client) => (client === 'client-3' ? 'EOF' : undefined) });
  assert.equal(never.state, 'failed');
  assert.equal(never.clients.filter(([client]) => client === 'client-3').length, 3);
});

test('nodes that are not ready, cordoned, or without an address are not asked, and named', async (t) => {
  const nodes = [
    ...NODES,
    { name: 'w-3', address: '192.0.2.4', sick: 'kubelet stopped posting node status' },
    { name: 'w-4', address: '192.0.2.5', cordoned: true },
    { name: 'w-5' },
  ];
  const { state, report, clients } = await smoke(t, { nodes, pods: podsFor(NODES) });
  const { notAsked, lines } = report as { notAsked: unknown; lines: readonly string[] };
  assert.equal(state, 'applied');
  assert.equal(clients.length, 3);
  assert.deepEqual(notAsked, [
    { node: 'w-3', why: 'it is not ready: kubelet stopped posting node status' },
    { node: 'w-4', why: 'it is cordoned' },
    { node: 'w-5', why: 'the cluster knows no address of it' },
  ]);
  assert.deepEqual(lines.slice(6, 9), [
    'w-3 is not asked: it is not ready: kubelet stopped posting node status',
    'w-4 is not asked: it is cordoned',
    'w-5 is not asked: the cluster knows no address of it',
  ]);
});

test('node of a host that --limit leaves out is not asked, under whatever name the recipe has it', async (t) => {
  const nodes = NODES.slice(0, 2);
  const host = { name: 'second', roles: ['worker'], connection: { kind: 'ssh', address: 'w-2' } } as const;
  const setup = smokeOn({ nodes });
  const bench = await benchOf(t, { ...recipe(), hosts: [NODE, host] }, { ...setup, leftOut: ['second'] });
  bench.hosts.get('second')!.when('uname -n', 'W-2\n'); // the bench has this host
  const [outcome] = (await bench.run()).outcomes.values();
  assert.ok(outcome);
  const { lines } = outcome.report as { lines: readonly string[] };
  assert.deepEqual(lines, [PAGE, 'w-2 is not asked: this run leaves it out, by --limit', ...KERNEL]);
});

test('cluster with one node left is tested like one of one node, and the others are named', async (t) => {
  const nodes = [NODES[1]!, { ...NODES[0]!, cordoned: true }]; // there are three
  const { state, report, clients } = await smoke(t, { nodes, pods: () => READY });
  const { matrix, lines } = report as { matrix?: unknown; lines: readonly string[] };
  assert.deepEqual([state, clients, matrix], ['applied', [], undefined]);
  assert.deepEqual(lines, [PAGE, 'w-2 is not asked: it is cordoned', ...KERNEL]);
});

test('every node finds names where the cluster has DNS, and one that does not is named', async (t) => {
  const dns = 'service/kube-dns\n';
  const well = await smoke(t, { dns });
  assert.equal(well.state, 'applied');
  const { lines } = well.report as { lines: readonly string[] };
  assert.equal(lines.at(-4), 'each node finds the Service of its own nginx by name');
  const asked = well.clients.slice(3).map(([client, [, url]]) => [client, url]);
  const url = (at: number) => `http://server-${at}.cc-nginx-smoke.svc.cluster.local/payload`;
  assert.deepEqual(asked, [
    ['client', url(1)],
    ['client-2', url(2)],
    ['client-3', url(3)],
  ]);
  for (const says of ['6 000 0 0.000 0.000', '28 000 0 0.000 0.000']) {
    const ill = await smoke(t, { dns, asks: (_, to) => (to === url(2) ? says : undefined) });
    const host = 'server-2.cc-nginx-smoke.svc.cluster.local';
    assert.deepEqual(reasonsIn(ill), [`w-1 → w-1: by name ${host}: the cluster DNS gave no address for it`]);
  }
});

test('of many nodes the table has those with faults, and the sentences end', async (t) => {
  const nodes = Array.from({ length: 30 }, (_, at) => ({
    name: `n-${String(at + 1).padStart(2, '0')}`,
    address: `192.0.2.${at + 1}`,
  }));
  const pods = () => [...podsFor(nodes)(), { name: 'client-1', ready: true }];
  const well = await smoke(t, { nodes, pods });
  assert.deepEqual((well.report as { lines: readonly string[] }).lines.slice(1, 3), [
    'each node fetches 65536 bytes from nginx of each, by pod address, Service address and node port:',
    '  30 nodes, all pairs ok',
  ]);
  const ill = await smoke(t, {
    ...{ nodes, pods },
    asks: (_, url) => (url.startsWith('http://10.244.7.7') ? '28 000 0 0.001 0.000' : undefined),
  });
  const told = reasonsIn(ill);
  const rows = nodes.map(({ name }) => `${name}       pod dropped`);
  assert.deepEqual(told.slice(0, 31), ['from \\ to  n-07', ...rows]);
  assert.equal(told.length, 31 + 21);
  assert.equal(told.at(-1), 'and 10 more pairs');
});

const skip = missing('curl', 'sha256sum');

test('client fetches all addresses at once, and tells each end of curl', { skip }, async (t) => {
  const answers: Readonly<Record<string, (response: ServerResponse) => void>> = {
    '/payload': (response) => response.end(PAYLOAD),
    '/other': (response) => response.writeHead(503).end('no'),
    '/short': (response) => {
      response.writeHead(200, { 'content-length': PAYLOAD.length });
      response.write(PAYLOAD.slice(0, 4096), () => response.destroy());
    },
  };
  const filled: number[] = [];
  const server = createServer({ maxHeaderSize: 65_536 }, ({ url = '', headers }, response) => {
    filled.push(String(headers['x-fill']).length);
    answers[url]?.(response);
  });
  const url = await listening(t, server);
  const targets = ['/payload', '/other', '/short'].map((path) => `${url}${path}`);
  const all = [...targets, 'http://127.0.0.1:9/payload', 'http://nowhere.invalid/payload'];
  const words = all.flatMap((each, at) => [`${at}`, each]);
  const { stdout } = await promisify(execFile)('sh', ['-c', ASK, 'cc', ...words], { encoding: 'utf8' });
  const lines = stdout.split('\n').filter(Boolean).toSorted();
  const told = lines.map((line) => {
    const [key, ended, http, size, , connect, digest] = line.split(' ');
    return [key, ended, http, size, Number(connect) > 0, digest === PAYLOAD_DIGEST];
  });
  assert.deepEqual(told, [
    ['0', '0', '200', '65536', true, true],
    ['1', '0', '503', '2', true, false],
    ['2', '18', '200', '4096', true, false],
    ['3', '7', '000', '0', false, false],
    ['4', '6', '000', '0', false, false],
  ]);
  assert.deepEqual(filled, [16_384, 16_384, 16_384]);
});
