/** An etcd that somebody else keeps: what kubeadm is told of it, which files control planes get, and what cc leaves alone then. */
import assert from 'node:assert/strict';
import { chmod, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { maskedData } from '../../core/model/mask.ts';
import type { PluginUse } from '../../core/model/plugin.ts';
import { etcd } from '../../plugins/etcd.ts';
import { type ClusterConfig, FILES, kubeadmConfig } from '../../plugins/kubeadm/config.ts';
import { ANNOTATION } from '../../plugins/kubeadm/external-etcd.ts';
import { joinConfig } from '../../plugins/kubeadm/join-config.ts';
import { annotating, BEGAN } from '../../plugins/kubeadm/static-pods.ts';
import { commandsOf } from '../../plugins/kubeadm/upgrade.ts';
import { kubeadm } from '../../plugins/kubeadm.ts';
import { expanded, failureIn } from '../graph/recipes.ts';
import type { Answer, Paper } from '../rig/paper.ts';
import { type Lasting, tempFolder } from '../rig/temp.ts';
import { type Bench, benchOf, NODE } from './bench.ts';
import { below, clusterOn, MADE, madeCluster, OVERLAY } from './cluster.ts';
import { CLUSTER, removed, script } from './tools.ts';

const ENDPOINTS = ['https://10.0.0.5:2379', 'https://10.0.0.6:2379'];
const EXTERNAL = { endpoints: ENDPOINTS, ...FILES };

const WITH_ETCD: Omit<ClusterConfig, 'version'> = {
  ...CLUSTER,
  etcd: EXTERNAL,
};

for (const [version, kind, told] of [
  ['1.9.2', 'MasterConfiguration', EXTERNAL],
  ['1.10.13', 'MasterConfiguration', EXTERNAL],
  ['1.11.10', 'MasterConfiguration', { external: EXTERNAL }],
  ['1.12.10', 'ClusterConfiguration', { external: EXTERNAL }],
  ['1.14.0', 'ClusterConfiguration', { external: EXTERNAL }],
  ['1.20.2', 'ClusterConfiguration', { external: EXTERNAL }],
  ['1.30.0', 'ClusterConfiguration', { external: EXTERNAL }],
  ['1.36.4', 'ClusterConfiguration', { external: EXTERNAL }],
] as const)
  test(`init of ${version} is told where etcd is`, () => {
    const documents = kubeadmConfig({ ...WITH_ETCD, version })
      .split('---\n')
      .filter(Boolean)
      .map((text) => JSON.parse(text) as { kind: string; etcd?: unknown });
    assert.deepEqual(
      documents.filter(({ etcd }) => etcd !== undefined).map(({ kind, etcd }) => [kind, etcd]),
      [[kind, told]],
    );
  });

test('join of 1.12 makes a control plane by what its form has for that', () => {
  const config = {
    ...{ version: '1.12.10', criSocket: 'unix:///run/cri.sock', endpoint: '10.0.0.10:6443', token: 'a.b' },
    pins: ['sha256:c'],
  };
  const told = (plane: { address?: string }) => {
    const { controlPlane, apiEndpoint } = JSON.parse(joinConfig({ ...config, plane }));
    return { controlPlane, apiEndpoint };
  };
  assert.deepEqual(told({}), { controlPlane: true, apiEndpoint: undefined });
  assert.deepEqual(told({ address: '10.0.0.2' }), {
    controlPlane: true,
    apiEndpoint: { advertiseAddress: '10.0.0.2' },
  });
  assert.equal('controlPlane' in JSON.parse(joinConfig(config)), false);
});

const SERVER = '/etc/kubernetes/manifests/kube-apiserver.yaml';
const WITHOUT = '/etc/kubernetes/manifests/etcd.yaml';

/** What kubeadm leaves of a control plane whose etcd is elsewhere. */
function made(host: Paper): string {
  madeCluster(host, {}, MADE);
  removed(host, WITHOUT, '/var/lib/etcd/member/snap/db');
  host.write(SERVER, withServers(host.read(SERVER), ENDPOINTS));
  return '';
}

function withServers(manifest: string, servers: readonly string[]): string {
  return manifest.replace('    - kube-apiserver\n', `$&    - --etcd-servers=${servers.join(',')}\n`);
}

/** What a site keeps on the controller. */
async function files(t: Lasting, key = 'the first key') {
  const folder = await tempFolder(t);
  const [ca, certificate, keyFile] = ['ca.crt', 'client.crt', 'client.key'].map((name) => join(folder, name));
  await writeFile(ca!, 'the authority\n', { mode: 0o644 }); // three were made
  await writeFile(certificate!, `certificate of ${key}\n`, { mode: 0o644 });
  await writeFile(keyFile!, `${key}\n`, { mode: 0o600 });
  return { ca: ca!, certificate: certificate!, key: keyFile! };
}

interface Told {
  /** What curl says of an endpoint. */
  readonly answers: Map<string, Answer>;
  readonly annotated: string[];
}

async function plane(t: Lasting, curl = true) {
  const given = await files(t);
  const told: Told = { answers: new Map(), annotated: [] };
  const setup = clusterOn();
  const recipe = {
    plugins: [
      ...below('1.20.2'),
      kubeadm({ preflight: false, etcd: { external: { endpoints: ENDPOINTS, ...given } } }),
    ],
  };
  const bench = await benchOf(t, recipe, {
    ...setup,
    bare: (host) => {
      setup.bare?.(host);
      if (curl) host.write('/usr/bin/curl', 'a program', 0o755);
    },
    reads: (host, bench) => [
      ...(setup.reads?.(host, bench) ?? []),
      ['uname -n', 'node-1\n'],
      [
        '/usr/bin/curl',
        (argv) => {
          const url = argv.at(-1) ?? '';
          assert.deepEqual(argv.slice(argv.indexOf('--cacert'), -3), CREDENTIALS);
          return told.answers.get(url) ?? '';
        },
      ],
      [
        `/usr/local/bin/kubectl --kubeconfig /etc/kubernetes/admin.conf --request-timeout=10s get --raw /healthz`,
        'ok',
      ],
      [
        script(BEGAN),
        () => {
          assert.match(host.read(SERVER), /^ {4}cc-kubernetes\/etcd-files: "/m);
          return '';
        },
      ],
    ],
    does: (host, bench) => [
      ...(setup.does?.(host, bench) ?? []),
      ['/usr/local/bin/kubeadm init', () => made(host)],
      [
        script(annotating(ANNOTATION)),
        ([, , , , file = '', value = '']) => {
          told.annotated.push(file);
          const line = `    ${ANNOTATION}: "${value}"`;
          const rest = host
            .read(file)
            .split('\n')
            .filter((each) => !each.startsWith(`    ${ANNOTATION}`));
          host.write(file, [line, ...rest].join('\n'));
          return '';
        },
      ],
    ],
  });
  return { bench, given, ...told };
}

const CREDENTIALS = ['--cacert', FILES.caFile, '--cert', FILES.certFile, '--key', FILES.keyFile];
const node = ({ hosts }: Bench) => hosts.get('node-1')!; // every bench has this host
const taskIn = (bench: Bench, name: string) => bench.tasks.find(({ step }) => step.name === name)!; // each is asked for by name
const calls = ({ ran }: Bench, word: string) => ran.filter(({ argv }) => argv[1] === word).length;

/** What steps tell of what they find now. */
async function tells(bench: Bench, name: string) {
  const task = taskIn(bench, name);
  return task.step.tells?.((await bench.facts(task)) as never);
}

test('control plane gets the files, asks etcd with them, is made without a member, and nothing tells the key', async (t) => {
  const { bench } = await plane(t);
  const { outcomes, events } = await bench.run();
  assert.deepEqual(
    [...outcomes].filter(([, { state }]) => state === 'failed'),
    [],
  );
  for (const [path, text] of [
    [FILES.caFile, 'the authority\n'],
    [FILES.certFile, 'certificate of the first key\n'],
    [FILES.keyFile, 'the first key\n'],
  ] as const) {
    const file = node(bench).disk.get(path);
    assert.equal(node(bench).read(path), text);
    assert.equal(file?.kind === 'file' && file.mode, 0o600);
  }
  assert.equal(calls(bench, 'init'), 1);
  const commands = bench.ran.map(({ argv }) => argv);
  const told = JSON.stringify([commands, [...node(bench).stamps], maskedData(events)]);
  assert.equal(told.includes('the first key'), false);
  bench.ran.length = 0;
  const again = await bench.run();
  assert.deepEqual([...new Set([...again.outcomes.values()].map(({ state }) => state))], ['verified']);
  assert.equal(calls(bench, 'init'), 0);
  assert.deepEqual(await tells(bench, 'etcd-answers'), []);
});

test('API server starts anew with other files for etcd, once', async (t) => {
  const { bench, given, annotated } = await plane(t);
  await bench.run();
  assert.deepEqual(annotated, []);
  await writeFile(given.certificate, 'certificate of the second key\n');
  await writeFile(given.key, 'the second key\n');
  const { outcomes } = await bench.run();
  assert.equal(outcomes.get(taskIn(bench, 'etcd-key').id)?.state, 'applied');
  assert.equal(outcomes.get(taskIn(bench, 'etcd-renewed').id)?.state, 'applied');
  assert.equal(node(bench).read(FILES.keyFile), 'the second key\n');
  assert.deepEqual(annotated, [SERVER]);
  const again = await bench.run();
  assert.equal(again.outcomes.get(taskIn(bench, 'etcd-renewed').id)?.state, 'verified');
  // kubeadm writes the manifest anew when it upgrades the cluster, and a pod that starts then has the files.
  made(node(bench));
  await bench.run();
  assert.deepEqual(annotated, [SERVER]);
  assert.equal(calls(bench, 'init'), 1);
});

test('key that others may read is refused, and a certificate that they may read is not', async (t) => {
  const { bench, given } = await plane(t);
  await chmod(given.key, 0o644);
  const { outcomes } = await bench.run();
  const failures = [...outcomes].flatMap(([id, { failure }]) => (failure ? [[id, failure]] : []));
  assert.deepEqual(failures, [
    [
      'node-1/kubeadm/etcd-key',
      {
        kind: 'cannot-tell',
        host: 'controller',
        what: 'read the secret <key for etcd>',
        why: `others may read ${given.key} (mode 0644): chmod go= ${given.key}`,
      },
    ],
  ]);
  assert.equal(calls(bench, 'init'), 0);
});

const REFUSED = { code: 7, stderr: 'curl: (7) Failed to connect to 10.0.0.6 port 2379\n' };

test('kubeadm is not called while a member does not answer, and once there is a cluster one may be silent', async (t) => {
  const { bench, answers } = await plane(t);
  answers.set(`${ENDPOINTS[1]}/health`, REFUSED);
  const first = await bench.run();
  const failure = first.outcomes.get(taskIn(bench, 'etcd-answers').id)?.failure;
  assert.deepEqual(failure, {
    ...failure,
    kind: 'timed-out',
    what: `etcd answers at ${ENDPOINTS.join(', ')}`,
    last: `${ENDPOINTS[1]}: curl: (7) Failed to connect to 10.0.0.6 port 2379`,
  });
  assert.equal(calls(bench, 'init'), 0);
  answers.clear();
  await bench.run();
  assert.equal(calls(bench, 'init'), 1);
  await bench.run();
  answers.set(`${ENDPOINTS[1]}/health`, REFUSED);
  const { outcomes } = await bench.run();
  assert.deepEqual([...new Set([...outcomes.values()].map(({ state }) => state))], ['verified']);
  answers.set(`${ENDPOINTS[0]}/health`, REFUSED);
  const none = await bench.run();
  assert.equal(none.outcomes.get(taskIn(bench, 'etcd-answers').id)?.failure?.kind, 'timed-out');
});

test('host without curl says that it could not tell, and goes on', async (t) => {
  const { bench } = await plane(t, false);
  await bench.run();
  assert.equal(calls(bench, 'init'), 1);
  assert.deepEqual(await tells(bench, 'etcd-answers'), [
    'could not tell whether etcd answers: node-1 has no curl',
  ]);
});

test('files for etcd go with the rest, also when the controller has them no more', async (t) => {
  const { bench, given } = await plane(t);
  const before = bench.snapshot();
  await bench.run();
  for (const path of Object.values(given)) await rm(path);
  await bench.run('undo');
  assert.deepEqual(bench.snapshot(), before);
});

for (const [what, given, servers, is, declared] of [
  ['elsewhere, where none is', {}, ENDPOINTS, ENDPOINTS.join(', '), 'that of its control planes'],
  [
    'of its own, where one is elsewhere',
    true,
    ['https://127.0.0.1:2379'],
    'that of its control planes',
    ENDPOINTS.join(', '),
  ],
  [
    'elsewhere, where it is at other addresses',
    true,
    ['https://10.0.0.9:2379'],
    'https://10.0.0.9:2379',
    ENDPOINTS.join(', '),
  ],
] as const)
  test(`cluster with an etcd ${what} is refused, and nothing is changed`, async (t) => {
    const setup = clusterOn();
    const external = { endpoints: [...ENDPOINTS], ...(await files(t)) };
    const options = given === true ? { etcd: { external } } : {};
    const bench = await benchOf(
      t,
      { plugins: [...below('1.20.2'), kubeadm(options)] },
      {
        ...setup,
        bare: (host) => {
          setup.bare?.(host);
          if (host.host !== 'node-1') return;
          madeCluster(host);
          host.write(SERVER, withServers(host.read(SERVER), servers));
        },
      },
    );
    const before = node(bench).snapshot();
    const { outcomes } = await bench.run();
    const failure = outcomes.get(taskIn(bench, 'cluster').id)?.failure;
    assert.deepEqual(failure?.kind === 'cannot-change' && failure.differences, [
      { what: 'its etcd', is, declared },
    ]);
    assert.deepEqual(node(bench).snapshot(), before);
  });

const HERE = { ca: '/site/ca.crt', certificate: '/site/client.crt', key: '/site/client.key' };
type Given = NonNullable<Parameters<typeof kubeadm>[0]>;

function problemsOf(given: Given, version = '1.20.2', more: readonly PluginUse[] = []) {
  const failure = failureIn(() =>
    expanded({ hosts: [NODE], plugins: [...below(version), kubeadm(given), ...more] }),
  );
  return failure?.kind === 'config-invalid' ? failure.problems : undefined;
}

for (const [what, given, problem] of [
  [
    'endpoint without TLS',
    { etcd: { external: { endpoints: ['http://10.0.0.5:2379'], ...HERE } } },
    {
      path: 'kubeadm.etcd.external.endpoints.0',
      message: 'expected an address as https://10.0.0.5:2379, found "http://10.0.0.5:2379"',
    },
  ],
  [
    'endpoint that is named twice',
    { etcd: { external: { endpoints: [ENDPOINTS[0]!, ENDPOINTS[0]!], ...HERE } } },
    { path: 'kubeadm.etcd.external.endpoints', message: 'names one twice' },
  ],
  [
    'restore of an etcd that is elsewhere',
    { etcd: { external: { endpoints: ENDPOINTS, ...HERE } }, restore: '/site/snapshot.tar' },
    {
      path: 'kubeadm.restore',
      message: 'is for an etcd on the control planes: restore that of etcd.external where it is kept',
    },
  ],
] as const)
  test(`${what} is refused`, () => {
    assert.deepEqual(problemsOf(given as Given), [problem]);
  });

test('snapshots of an etcd that is elsewhere are refused', () => {
  const given = { etcd: { external: { endpoints: ENDPOINTS, ...HERE } } };
  assert.deepEqual(problemsOf(given, '1.20.2', [etcd()]), [
    {
      path: 'etcd.snapshots',
      message: 'are of an etcd on the control planes: whoever keeps that of kubeadm.etcd.external saves it',
    },
  ]);
});

function two(version: string, given: Given) {
  const second = {
    name: 'cp-2',
    roles: ['control-plane'],
    connection: { kind: 'ssh', address: 'cp-2' },
  } as const;
  const endpoint = { address: '10.0.0.10', by: 'given' } as const;
  return { hosts: [NODE, second], plugins: [...below(version, OVERLAY), kubeadm({ endpoint, ...given })] };
}

test('further control planes join from 1.12 on where etcd is elsewhere, and below that none is taken', () => {
  const given = { etcd: { external: { endpoints: ENDPOINTS, ...HERE } } };
  assert.ok(expanded(two('1.12.10', given)).tasks.some(({ id }) => id === 'cp-2/kubeadm/etcd-key'));
  const failure = failureIn(() => expanded(two('1.11.10', given)));
  assert.deepEqual(failure?.kind === 'config-invalid' && failure.problems, [
    {
      path: 'hosts.cp-2',
      message:
        'would be a further control plane, which kubeadm 1.11 cannot have join: take Kubernetes 1.13 or later, or make it a worker',
    },
  ]);
  assert.deepEqual(
    commandsOf(
      { version: '1.12.10', kubeadm: 'kubeadm', preflight: true },
      { first: false, isPlane: true },
    )[0],
    ['kubeadm', 'upgrade', 'node', 'experimental-control-plane'],
  );
});
