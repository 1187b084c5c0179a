/** Nodes that join a cluster: what kubeadm is told, by what it is let in, and when a node joins again. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join as pathOf } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import type { ExecOptions } from '../../core/host/transport.ts';
import { describe } from '../../core/model/change.ts';
import { maskedData } from '../../core/model/mask.ts';
import { joinFlags } from '../../plugins/kubeadm/flags.ts';
import { joinConfig } from '../../plugins/kubeadm/join-config.ts';
import { JOIN } from '../../plugins/kubeadm/joining.ts';
import { pinsOf, token } from '../../plugins/kubeadm/token.ts';
import { kubeadm } from '../../plugins/kubeadm.ts';
import { expanded, failureIn } from '../graph/recipes.ts';
import type { Answer, Paper } from '../rig/paper.ts';
import { type Lasting, tempFolder } from '../rig/temp.ts';
import { type Bench, type BenchSetup, benchOf, type FakeCommand, NODE } from './bench.ts';
import { AUTHORITY } from './certificate.ts';
import { BELOW, below, clusterOn, KUBECTL, OVERLAY } from './cluster.ts';
import { removed, script, wrote } from './tools.ts';

/** By openssl x509 -pubkey | openssl pkey -pubin -outform der | sha256sum. */
const PIN = 'sha256:4bc17576f0f4c99cac8be5d4fafa5e1448309494edf2bfd610e815e51759d475';

const TOLD = {
  criSocket: 'unix:///run/cri.sock',
  endpoint: '10.0.0.1:6443',
  token: 'abcdef.0123456789abcdef',
  pins: [PIN],
};
const FLAT = {
  token: TOLD.token,
  discoveryTokenAPIServers: [TOLD.endpoint],
  discoveryTokenCACertHashes: [PIN],
};
const GROUPED = {
  nodeRegistration: { criSocket: TOLD.criSocket },
  discovery: {
    bootstrapToken: { token: TOLD.token, apiServerEndpoint: TOLD.endpoint, caCertHashes: [PIN] },
  },
};

for (const [version, document] of [
  ['1.9.2', { apiVersion: 'kubeadm.k8s.io/v1alpha1', kind: 'NodeConfiguration', ...FLAT }],
  [
    '1.10.13',
    { apiVersion: 'kubeadm.k8s.io/v1alpha1', kind: 'NodeConfiguration', criSocket: TOLD.criSocket, ...FLAT },
  ],
  [
    '1.11.10',
    {
      ...{ apiVersion: 'kubeadm.k8s.io/v1alpha2', kind: 'NodeConfiguration' },
      nodeRegistration: { criSocket: TOLD.criSocket },
      ...FLAT,
    },
  ],
  [
    '1.12.10',
    {
      ...{ apiVersion: 'kubeadm.k8s.io/v1alpha3', kind: 'JoinConfiguration' },
      nodeRegistration: { criSocket: TOLD.criSocket },
      ...FLAT,
    },
  ],
  ['1.13.12', { apiVersion: 'kubeadm.k8s.io/v1beta1', kind: 'JoinConfiguration', ...GROUPED }],
  ['1.20.2', { apiVersion: 'kubeadm.k8s.io/v1beta2', kind: 'JoinConfiguration', ...GROUPED }],
  ['1.30.1', { apiVersion: 'kubeadm.k8s.io/v1beta3', kind: 'JoinConfiguration', ...GROUPED }],
  ['1.36.4', { apiVersion: 'kubeadm.k8s.io/v1beta4', kind: 'JoinConfiguration', ...GROUPED }],
] as const)
  test(`kubeadm ${version} is told how to join in the newest form that it reads`, () => {
    assert.equal(joinConfig({ version, ...TOLD }), `${JSON.stringify(document, null, 2)}\n`);
  });

test('join leaves out checks as each version can', () => {
  const flags = (version: string, preflight: boolean) => joinFlags({ version, preflight }).join(' ');
  assert.equal(flags('1.9.2', true), '--ignore-preflight-errors=Swap,CRI,Service-Docker,SystemVerification');
  assert.equal(flags('1.13.12', false), '--ignore-preflight-errors=all');
  assert.equal(flags('1.14.10', false), '--skip-phases=preflight');
  assert.equal(flags('1.20.2', true), '--ignore-preflight-errors=Swap');
  assert.equal(flags('1.36.4', true), '');
});

test('authority is pinned by its public key, each of several', () => {
  assert.deepEqual(pinsOf(AUTHORITY), [PIN]);
  assert.deepEqual(pinsOf(`${AUTHORITY}${AUTHORITY}`), [PIN, PIN]);
  assert.deepEqual(pinsOf(''), []);
});

test('tokens have the form that the API asks for, and no two are alike', () => {
  const all = Array.from({ length: 100 }, () => token());
  for (const { id, secret } of all) assert.match(`${id}.${secret}`, /^[a-z0-9]{6}\.[a-z0-9]{16}$/);
  assert.equal(new Set(all.map(({ secret }) => secret)).size, 100);
});

test('configuration of a join is readable by root alone, and goes with it, also when that fails', async (t) => {
  const folder = await tempFolder(t);
  const [file, program] = [pathOf(folder, 'join.json'), pathOf(folder, 'kubeadm')];
  const text = JOIN.replace('/run/cc-kubeadm-join.json', file);
  const run = async (code: number) => {
    await writeFile(program, `#!/bin/sh\nstat -c %a "$3"; cat "$3"; umask; exit ${code}\n`);
    await chmod(program, 0o755);
    const running = promisify(execFile)('sh', ['-c', text, 'cc', program, 'join'], { encoding: 'utf8' });
    running.child.stdin?.end('told\n');
    const answer: { stdout: string; code?: number } = await running.catch((error) => error);
    await assert.rejects(readFile(file), { code: 'ENOENT' });
    return [answer.stdout, answer.code ?? 0];
  };
  const umask = process.umask().toString(8).padStart(4, '0');
  assert.deepEqual(await run(0), [`600\ntold\n${umask}\n`, 0]);
  assert.deepEqual(await run(3), [`600\ntold\n${umask}\n`, 3]);
});

const WORKER = { name: 'w-1', roles: ['worker'], connection: { kind: 'ssh', address: 'w-1' } } as const;
const PLUGINS = [...below('1.20.2', OVERLAY), kubeadm()];
const RECIPE = { hosts: [NODE, WORKER], plugins: PLUGINS };

const CONF = '/etc/kubernetes/kubelet.conf';
/** Stands for the object of the worker, as the API has it: the address of its node. */
const OBJECT = '/srv/nodes/w-1';
/** Stands for the mark on it. */
const MARKED = '/srv/marked';
const CALL_AS_NODE = `/usr/local/bin/kubectl --kubeconfig ${CONF} --request-timeout=10s`;
const AS_NODE = `/usr/local/bin/kubectl --kubeconfig ${CONF} --request-timeout=10s get node w-1`;

/** What was handed to a program by standard input. */
interface Handed {
  readonly host: string;
  readonly argv: readonly string[];
  readonly input: unknown;
}

/** A plane and a worker; `joins` answers what a join that fails says. */
function clusterOf(handed: Handed[], joins: () => Answer = () => ''): BenchSetup {
  const setup = clusterOn();
  const plane = (bench: Bench) => bench.hosts.get('node-1')!; // every bench has this host
  const object = (bench: Bench): Answer => {
    if (!plane(bench).disk.has(OBJECT)) return '';
    const address = plane(bench).read(OBJECT);
    const conditions = [{ type: 'Ready', status: 'True', message: '' }];
    const status = { addresses: [{ type: 'InternalIP', address }], conditions };
    const annotations = plane(bench).disk.has(MARKED) ? { 'cc/host': 'w-1' } : {};
    return JSON.stringify({ metadata: { name: 'w-1', annotations }, spec: {}, status });
  };
  const all = (bench: Bench): Answer => {
    const own = {
      metadata: { name: 'node-1' },
      spec: {},
      status: { conditions: [{ type: 'Ready', status: 'True' }] },
    };
    const joined = object(bench);
    return JSON.stringify({ items: [own, ...(joined === '' ? [] : [JSON.parse(String(joined))])] });
  };
  const keep = (host: Paper, argv: readonly string[], { input }: ExecOptions) => {
    handed.push({ host: host.host, argv, input });
    return '';
  };
  return {
    ...setup,
    reads: (host, bench) => [
      ...(setup.reads?.(host, bench) ?? []),
      ['uname -n', `${host.host.toUpperCase()}\n`],
      ['ip -o -4 address show', '2: eth0    inet 10.0.0.7/24 scope global eth0\n'],
      [`${KUBECTL} get nodes -o json`, () => all(bench)],
      [`${KUBECTL} get node w-1 --ignore-not-found -o json`, () => object(bench)],
      [`${AS_NODE} --ignore-not-found -o json`, () => object(bench)],
      [`${KUBECTL} get pods --all-namespaces --field-selector spec.nodeName=w-1 -o json`, '{"items":[]}'],
      [`${KUBECTL} config view`, 'https://10.0.0.1:6443'],
      ['date -u -d', '2026-01-01T00:10:00Z\n'],
    ],
    does: (host, bench) => [
      ...(setup.does?.(host, bench) ?? []),
      ...joining(() => plane(bench)),
      [`${CALL_AS_NODE} annotate node w-1 cc/host=w-1 --overwrite`, () => wrote(plane(bench), MARKED, '')],
      [`${KUBECTL} patch node w-1`, ''],
      [`${KUBECTL} drain w-1`, ''],
      [`${KUBECTL} apply -f -`, (argv, options) => keep(host, argv, options)],
      [
        script(JOIN),
        (argv, options) => {
          keep(host, argv, options);
          const answer = joins();
          if (answer !== '') return answer;
          host.write('/etc/kubernetes/pki/ca.crt', AUTHORITY);
          host.write('/var/lib/kubelet/config.yaml', 'kind: KubeletConfiguration\n');
          wrote(host, CONF, 'a key of the node');
          return wrote(plane(bench), OBJECT, '10.0.0.7');
        },
      ],
    ],
  };
}

function joining(plane: () => Paper): readonly FakeCommand[] {
  return [
    [`${KUBECTL} delete node w-1 --ignore-not-found`, () => removed(plane(), OBJECT)],
    [`${KUBECTL} -n kube-system delete secret`, ''],
  ];
}

const workerOf = (bench: Bench) => bench.hosts.get('w-1')!;
const planeOf = (bench: Bench) => bench.hosts.get('node-1')!;
const joinIn = (bench: Bench) =>
  bench.tasks.find(({ step, host }) => step.name === 'join' && host.name === 'w-1')!;

/** A bench whose plane has a real authority, once it is made. */
async function made(t: Lasting, joins?: () => Answer) {
  const handed: Handed[] = [];
  const bench = await benchOf(t, RECIPE, clusterOf(handed, joins));
  planeOf(bench).when(
    (argv) => argv[0] === '/usr/local/bin/kubectl' && argv.includes('/readyz'),
    () => {
      if (!planeOf(bench).disk.has('/etc/kubernetes/admin.conf')) return { code: 1, stderr: 'refused\n' };
      return wrote(planeOf(bench), '/etc/kubernetes/pki/ca.crt', AUTHORITY);
    },
  );
  return { bench, handed };
}

async function planned(bench: Bench) {
  const { looked, failed } = await bench.look();
  const { id } = joinIn(bench);
  return failed[id] ?? looked.get(id)?.changes.map((change) => [describe(change), change.why]);
}

test('worker joins by a token of its own, that nothing tells and that goes with it', async (t) => {
  const { bench, handed } = await made(t);
  const ran = await bench.run();
  assert.deepEqual(ran.outcomes.get(joinIn(bench).id)?.state, 'applied');
  const [secret, config] = handed.map(({ input }) => JSON.parse(String(input)));
  const { 'token-id': id, 'token-secret': value } = secret.stringData;
  assert.match(`${id}.${value}`, /^[a-z0-9]{6}\.[a-z0-9]{16}$/);
  assert.deepEqual(secret, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: `bootstrap-token-${id}`, namespace: 'kube-system' },
    type: 'bootstrap.kubernetes.io/token',
    stringData: {
      description: 'by which cc has a node join',
      'token-id': id,
      'token-secret': value,
      expiration: '2026-01-01T00:10:00Z',
      'auth-extra-groups': 'system:bootstrappers:kubeadm:default-node-token',
      'usage-bootstrap-authentication': 'true',
      'usage-bootstrap-signing': 'true',
    },
  });
  assert.deepEqual(config.discovery.bootstrapToken, {
    token: `${id}.${value}`,
    apiServerEndpoint: '10.0.0.1:6443',
    caCertHashes: [PIN],
  });
  assert.deepEqual(
    handed.map(({ host, argv }) => [host, argv.slice(-3).join(' ')]),
    [
      ['node-1', 'apply -f -'],
      ['w-1', '/usr/local/bin/kubeadm join --ignore-preflight-errors=Swap'],
    ],
  );
  const commands = bench.ran.map(({ argv }) => argv.join(' '));
  assert.equal(
    commands.filter((each) => each.endsWith(`delete secret bootstrap-token-${id} --ignore-not-found`)).length,
    1,
  );
  const stamps = [...bench.hosts.values()].flatMap((host) => [...host.stamps]);
  assert.equal(JSON.stringify([commands, stamps, maskedData(ran.events)]).includes(value), false);
  assert.deepEqual(await planned(bench), []);
});

test('token goes when a join fails, and the next run joins anew', async (t) => {
  let answer: Answer = { code: 1, stderr: 'no way\n' };
  const { bench } = await made(t, () => answer);
  const { outcomes } = await bench.run();
  const failure = outcomes.get(joinIn(bench).id)?.failure;
  assert.ok(failure?.kind === 'command-failed');
  assert.deepEqual([failure.host, failure.stderr], ['w-1', 'no way\n']);
  const last = bench.ran.at(-1)?.argv.join(' ') ?? '';
  assert.match(last, /-n kube-system delete secret bootstrap-token-[a-z0-9]{6} --ignore-not-found$/);
  answer = '';
  assert.equal((await bench.run()).outcomes.get(joinIn(bench).id)?.state, 'applied');
});

const REJOIN = [
  'run systemctl stop kubelet',
  'run ctr end-all',
  'run a script that clears what the cluster left, and no more',
  'run a script that notes what is there',
  'have it join by /usr/local/bin/kubeadm join --ignore-preflight-errors=Swap',
];

test('node that was deleted by hand is seen, and joins again', async (t) => {
  const { bench } = await made(t);
  await bench.run();
  removed(planeOf(bench), OBJECT);
  assert.deepEqual(
    await planned(bench),
    REJOIN.map((what) => [what, 'the cluster has no node w-1']),
  );
  await bench.run();
  assert.equal(planeOf(bench).read(OBJECT), '10.0.0.7');
});

test('machine that was made anew under the same name and address joins, and its old node goes first', async (t) => {
  const { bench } = await made(t);
  wrote(planeOf(bench), OBJECT, '10.0.0.7');
  await bench.run();
  const all = bench.ran.map(({ argv }) => argv.join(' '));
  const [gone, joined] = ['delete node w-1', 'kubeadm join'].map((text) =>
    all.findIndex((each) => each.includes(text)),
  );
  assert.ok(gone! >= 0 && gone! < joined!, `${gone} ${joined}`);
});

test('host whose name another machine has in the cluster is refused', async (t) => {
  const { bench } = await made(t);
  wrote(planeOf(bench), OBJECT, '10.0.0.9');
  const { outcomes } = await bench.run();
  assert.deepEqual(outcomes.get(joinIn(bench).id)?.failure, {
    kind: 'check-failed',
    host: 'w-1',
    what: 'its name is free in the cluster',
    reasons: [
      'the cluster has a node w-1, and none of its addresses is one of this host',
      'give this host another name: hostnamectl set-hostname NAME; or, if that node is gone: kubectl delete node w-1',
    ],
  });
});

test('node of another cluster is refused, and left as it is', async (t) => {
  const { bench } = await made(t);
  workerOf(bench).write(CONF, 'a key for another cluster');
  workerOf(bench).write('/etc/kubernetes/pki/ca.crt', 'another authority');
  const { outcomes } = await bench.run();
  assert.deepEqual(outcomes.get(joinIn(bench).id)?.failure, {
    kind: 'check-failed',
    host: 'w-1',
    what: 'it is a node of no other cluster',
    reasons: [
      '/etc/kubernetes or /var/lib/kubelet hold a state that cc has not made',
      'move it away, or reset that node by hand: kubeadm reset',
    ],
  });
});

test('worker that is taken back leaves the cluster, and nothing on its host', async (t) => {
  const { bench } = await made(t);
  await bench.run();
  const { outcomes } = await bench.run('undo', ['w-1']);
  assert.equal(outcomes.get(joinIn(bench).id)?.state, 'applied');
  const words = bench.ran.map(({ argv }) => argv.join(' '));
  const [drained, gone, stopped] = ['drain w-1', 'delete node w-1', 'disable --now kubelet.service'].map(
    (each) => words.findLastIndex((line) => line.includes(each)),
  );
  // Its pods move while its kubelet is there.
  assert.ok(0 <= drained! && drained! < gone! && gone! < stopped!, `${drained} ${gone} ${stopped}`);
  assert.equal(planeOf(bench).disk.has(OBJECT), false);
  const left = [...workerOf(bench).disk.keys()].filter((path) => /kubernetes|kubelet|\/cc/.test(path));
  assert.deepEqual(left, []);
});

test('pods of several nodes need a network between them', () => {
  const failure = failureIn(() => expanded({ hosts: [NODE, WORKER], plugins: [...BELOW, kubeadm()] }));
  assert.deepEqual(failure, {
    kind: 'config-invalid',
    file: '/site/cc.config.ts',
    problems: [
      {
        path: 'cni.network',
        message:
          "leaves every node on its own, so that pods of different nodes would have the same addresses: take 'routes' or 'flannel'",
      },
    ],
  });
});

for (const [subnet, room] of [
  ['10.244.0.0/24', 'one node'],
  ['10.244.0.0/23', '2 nodes'],
] as const)
  test(`network of pods ${subnet} has room for ${room}`, () => {
    const other = { ...WORKER, name: 'w-2', connection: { kind: 'ssh', address: 'w-2' } } as const;
    const hosts = [NODE, WORKER, other];
    const plugins = [...below('1.20.2', { ...OVERLAY, subnet }), kubeadm()];
    assert.deepEqual(
      failureIn(() => expanded({ hosts, plugins })),
      {
        kind: 'config-invalid',
        file: '/site/cc.config.ts',
        problems: [
          {
            path: 'cni.subnet',
            message: `is ${subnet}, which has room for ${room}, a /24 each, and the recipe has 3: take a larger network`,
          },
        ],
      },
    );
  });
