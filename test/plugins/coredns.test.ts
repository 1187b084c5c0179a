/** CoreDNS: what it is built of, what it runs as, when it serves, and what it is refused with. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { test } from 'node:test';
import type { Json } from '../../core/model/json.ts';
import { cluster, cri, podNetwork, serviceNetwork } from '../../plugins/capabilities.ts';
import { QUERY } from '../../plugins/coredns/asking.ts';
import { objects } from '../../plugins/coredns/manifest.ts';
import { coredns } from '../../plugins/coredns.ts';
import { EXPAND_CONTEXT, expanded, failureIn } from '../graph/recipes.ts';
import { laws } from '../rig/laws.ts';
import type { Paper } from '../rig/paper.ts';
import type { Lasting } from '../rig/temp.ts';
import { type BenchSetup, benchOf, NODE } from './bench.ts';
import { COMPILER, GO } from './compiler.ts';
import { ADMIN, applying, asking, KUBECTL } from './kubectl.ts';
import { MISSING, providing } from './tools.ts';

const RUNTIME = {
  unit: 'cri.service',
  socket: 'unix:///run/cri.sock',
  cgroupDriver: 'systemd',
  importImages: { argv: ['ctr', 'import', '-'] },
  listImages: { argv: ['ctr', 'list'] },
  removePods: [{ argv: ['ctr', 'end-all'] }],
} as const;
const below = (dns = false, runtime: Parameters<typeof cri.of>[0] = RUNTIME) => [
  GO,
  providing(podNetwork, {
    name: 'pods',
    subnet: '10.244.0.0/16',
    bin: '/opt/cc/cni',
    config: '/etc/cni/net.d',
    bridge: 'cc0',
  }),
  providing(cri, runtime),
  providing(cluster, {
    version: '1.20.2',
    kubeconfig: '/etc/kubernetes/admin.conf',
    kubectl: '/usr/local/bin/kubectl',
  }),
  providing(serviceNetwork, { subnet: '10.96.0.0/12', domain: 'cluster.local', dns }),
];
const recipe = (given: Parameters<typeof coredns>[0] = {}) => ({ plugins: [...below(), coredns(given)] });

const LOADED = '/run/loaded';
const REF = 'localhost/cc-coredns:1.4.0';
const DEPLOYMENT = '/Deployment.kube-system.cc-coredns';

const STATUS = { observedGeneration: 1, replicas: 2, updatedReplicas: 2, availableReplicas: 2 };

/** The Deployment as the cluster tells of it. */
function told(host: Paper, status: Readonly<Record<string, number>>): string {
  if (!host.disk.has(DEPLOYMENT)) return '';
  return JSON.stringify({ metadata: { generation: 1 }, spec: { replicas: 2 }, status });
}

interface Served {
  readonly status?: Readonly<Record<string, number>>;
  /** What Perl says of the question. */
  readonly answer?: string | { code: number; stderr: string };
}

function setup({ status = STATUS, answer = '10.96.0.1\n' }: Served = {}): BenchSetup {
  return {
    bare: (host) => {
      host.write(ADMIN, '');
      host.write('/etc/kubernetes/kubelet.conf', '');
    },
    reads: (host) => [
      ...asking(host),
      ['ctr list', () => (host.disk.has(LOADED) ? host.read(LOADED) : MISSING)],
      [
        `${KUBECTL} -n kube-system get deployment cc-coredns --ignore-not-found -o json`,
        () => told(host, status),
      ],
      [
        (argv) =>
          argv[0] === 'perl' &&
          argv.slice(3).join(' ') === '10.96.0.10 53 kubernetes.default.svc.cluster.local',
        () =>
          host.disk.has(DEPLOYMENT) ? answer : { code: 1, stderr: '10.96.0.10 does not answer within 2 s\n' },
      ],
    ],
    does: (host, bench) => [
      ...applying(host),
      ...(COMPILER.does?.(host, bench) ?? []),
      [
        'ctr import',
        () => {
          host.write(LOADED, `${REF}\n`);
          return '';
        },
      ],
    ],
  };
}

laws('coredns', recipe(), {
  ...setup(),
  // What was built is a cache, an image goes with the runtime, and what is waited for goes with the objects.
  kept: ['compile', 'archive', 'ahead', 'loaded', 'ready', 'answers'],
  left: {
    controller: ['CACHE/coredns/1.4.0.tar', 'CACHE/coredns/1.4.0/bin/coredns'],
    'node-1': [LOADED],
  },
});

const states = ({ outcomes }: { outcomes: ReadonlyMap<string, { state: string }> }) =>
  Object.fromEntries(
    [...outcomes]
      .filter(([id]) => id.includes('/coredns/'))
      .map(([id, { state }]) => [id.slice(id.lastIndexOf('/') + 1), state]),
  );

/** How the last task that failed did so. */
async function failure(t: Lasting, served: Served) {
  const bench = await benchOf(t, recipe({ within: 1 }), setup(served));
  const ran = await bench.run();
  return { states: states(ran), failure: [...ran.outcomes.values()].find(({ failure }) => failure)?.failure };
}

const UNREADY: readonly (readonly [status: Readonly<Record<string, number>>, last: string])[] = [
  [{ ...STATUS, observedGeneration: 0 }, 'it has not been scheduled yet'],
  [{ ...STATUS, availableReplicas: 1 }, 'ready are 1 of 2 replicas'],
  [{ ...STATUS, updatedReplicas: 1 }, 'ready are 1 of 2 replicas'],
  [{ ...STATUS, replicas: 3 }, 'a replica from before has not ended yet'],
];

for (const [status, last] of UNREADY) {
  test(`CoreDNS with ${JSON.stringify(status)} is waited for, and nobody is asked before`, async (t) => {
    const found = await failure(t, { status });
    assert.deepEqual(found.states, {
      ...{ compile: 'applied', archive: 'applied', ahead: 'adopted', loaded: 'applied', objects: 'applied' },
      ...{ ready: 'timed-out', answers: 'skipped' },
    });
    const what = 'CoreDNS runs in the cluster';
    assert.deepEqual(found.failure, { kind: 'timed-out', host: 'node-1', what, within: 1, last });
  });
}

const UNANSWERED: readonly (readonly [answer: NonNullable<Served['answer']>, last: string])[] = [
  ['10.96.0.2\n', '10.96.0.10 has 10.96.0.2 for kubernetes.default.svc.cluster.local, and it is 10.96.0.1'],
  [{ code: 1, stderr: '10.96.0.10 does not answer within 2 s\n' }, '10.96.0.10 does not answer within 2 s'],
];

for (const [answer, last] of UNANSWERED) {
  test(`node is not served where the DNS says ${JSON.stringify(answer)}`, async (t) => {
    const found = await failure(t, { answer });
    assert.equal(found.states['answers'], 'timed-out');
    const what = 'the cluster DNS answers the node';
    assert.deepEqual(found.failure, { kind: 'timed-out', host: 'node-1', what, within: 60, last });
  });
}

test('CoreDNS is built of its tree and of what its vendor folder leaves out, each at its commit', async (t) => {
  const bench = await benchOf(t, recipe(), setup());
  await bench.run();
  const { step } = bench.tasks.find(({ step }) => step.name === 'compile')!; // the plugin has this step
  assert.deepEqual(
    step.artifacts?.map(({ source }) => (source.kind === 'git' ? [source.repository, source.ref] : [])),
    [
      ['https://github.com/coredns/coredns', 'refs/tags/v1.4.0'],
      ['https://github.com/caddyserver/caddy', 'refs/tags/v0.11.4'],
      ['https://github.com/miekg/dns', 'refs/tags/v1.1.4'],
      ['https://github.com/prometheus/client_golang', 'refs/tags/v0.9.1'],
      ['https://github.com/beorn7/perks', 'refs/tags/v1.0.0'],
      ['https://github.com/prometheus/procfs', 'refs/tags/v0.0.1'],
    ],
  );
  const into = bench.ran
    .filter(({ argv }) => argv[0] === 'tar' && argv[1] === '-x')
    .map(({ argv }) => argv[3]);
  const tree = `${bench.cache}/coredns/1.4.0/gopath/src/github.com/coredns/coredns`;
  assert.deepEqual(into, [
    tree,
    `${tree}/vendor/github.com/mholt/caddy`,
    `${tree}/vendor/github.com/miekg/dns`,
    `${tree}/vendor/github.com/prometheus/client_golang`,
    `${tree}/vendor/github.com/beorn7/perks`,
    `${tree}/vendor/github.com/prometheus/procfs`,
  ]);
});

const REFUSED: readonly (readonly [
  what: string,
  plugins: ReturnType<typeof below>,
  path: string,
  message: string,
])[] = [
  [
    'beside that of kubeadm',
    [...below(true), coredns()],
    'coredns.version',
    'would stand beside that of kubeadm: expected kubeadm.dns: false',
  ],
  [
    'of a version that nobody can build here',
    [...below(), coredns({ version: '1.7.0' })],
    'coredns.version',
    'cannot be built: there is all that it takes of 1.4.0 only',
  ],
  [
    'for a runtime that takes in no images',
    [...below(false, { ...RUNTIME, importImages: undefined } as never), coredns()],
    'coredns.version',
    'is no use: the container runtime of this recipe cannot take in images',
  ],
  [
    'whose Corefile would get a line of its own',
    [...below(), coredns({ forward: ['1.1.1.1\n    erratic'] })],
    'coredns.forward.0',
    'expected an address or the path of a file',
  ],
];

for (const [what, plugins, path, message] of REFUSED) {
  test(`CoreDNS ${what} is refused`, () => {
    assert.deepEqual(
      failureIn(() => expanded({ hosts: [NODE], plugins })),
      { kind: 'config-invalid', file: EXPAND_CONTEXT.file, problems: [{ path, message }] },
    );
  });
}

const SERVING = {
  ...{ version: '1.20.2', image: REF, replicas: 3, domain: 'cluster.example' },
  ...{ address: '10.96.0.10', forward: ['192.0.2.53', '192.0.2.54'] },
};
const objectOf = (kind: string, over: Partial<typeof SERVING> = {}) =>
  objects({ ...SERVING, ...over }).find((object) => object.kind === kind)!; // each kind is there

test('Corefile answers for the domain of Services, and asks those it is told for all else', () => {
  assert.deepEqual(objectOf('ConfigMap')['data'], {
    Corefile: `.:53 {
    errors
    health :8080 {
        lameduck 5s
    }
    kubernetes cluster.example in-addr.arpa ip6.arpa {
        pods insecure
        upstream
        fallthrough in-addr.arpa ip6.arpa
    }
    prometheus :9153
    forward . 192.0.2.53 192.0.2.54
    cache 30
    loop
    loadbalance
}
`,
  });
});

test('Service has the name and the address by which others find the DNS, and leads to its pods', () => {
  const { metadata, ...service } = objectOf('Service');
  const { template } = objectOf('Deployment')['spec'] as { template: { metadata: { labels: Json } } };
  const spec = service['spec'] as Readonly<Record<string, Json>>;
  assert.deepEqual([metadata.namespace, metadata.name], ['kube-system', 'kube-dns']);
  assert.deepEqual([spec['clusterIP'], spec['selector']], ['10.96.0.10', template.metadata.labels]);
});

interface Template {
  readonly metadata: { readonly annotations: Json };
  readonly spec: Readonly<Record<string, Json>>;
}

function templateOf(over: Partial<typeof SERVING> = {}): Template {
  return (objectOf('Deployment', over)['spec'] as unknown as { template: Template }).template;
}

test('pods start anew where the Corefile differs, and for nothing else', () => {
  const { metadata, spec } = templateOf();
  const [other, more] = [templateOf({ domain: 'cluster.other' }), templateOf({ replicas: 4 })];
  assert.notDeepEqual(other.metadata.annotations, metadata.annotations);
  assert.deepEqual(other.spec, spec);
  assert.deepEqual(more, templateOf());
});

const CLASSES: readonly (readonly [version: string, priority: Json | undefined, selector: string])[] = [
  ['1.10.13', undefined, 'beta.kubernetes.io/os'],
  ['1.13.12', 'system-cluster-critical', 'beta.kubernetes.io/os'],
  ['1.14.10', 'system-cluster-critical', 'kubernetes.io/os'],
];

for (const [version, priority, selector] of CLASSES) {
  test(`pods of Kubernetes ${version} have the priority and the node selector that it knows`, () => {
    const { spec } = templateOf({ version });
    assert.equal(spec['priorityClassName'], priority);
    assert.deepEqual(spec['nodeSelector'], { [selector]: 'linux' });
  });
}

/** A server that answers each question with what is made of it, and what the script says of that. */
async function queried(t: Lasting, answer: (question: Buffer) => Buffer): Promise<string> {
  const server = createSocket('udp4');
  server.on('message', (question, { port, address }) => server.send(answer(question), port, address));
  await new Promise<void>((resolve) => server.bind(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const words = [
    '-e',
    QUERY,
    '127.0.0.1',
    `${server.address().port}`,
    'kubernetes.default.svc.cluster.local',
  ];
  return new Promise((resolve) => execFile('perl', words, (_, stdout, stderr) => resolve(stdout + stderr)));
}

/** A name that points to the one in the question. */
const POINTER = [0xc0, 12];

/** The question as an answer with a code, and with a record of an address. */
function answered(
  question: Buffer,
  code: number,
  address?: readonly number[],
  name: readonly number[] = POINTER,
): Buffer {
  const head = Buffer.from(question);
  head.writeUInt16BE(0x8580 | code, 2);
  head.writeUInt16BE(address ? 1 : 0, 6);
  const record = [...name, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, ...(address ?? [])];
  return Buffer.concat([head, ...(address ? [Buffer.from(record)] : [])]);
}

const NAMED = 'kubernetes.default.svc.cluster.local';
const LABELS = NAMED.split('.').flatMap((label) => [label.length, ...Buffer.from(label)]);
const ANSWERS: readonly (readonly [what: string, answer: (question: Buffer) => Buffer, says: string])[] = [
  ['an address', (question) => answered(question, 0, [10, 96, 0, 1]), '10.96.0.1\n'],
  [
    'an address below the name written out, as CoreDNS does',
    (question) => answered(question, 0, [10, 96, 0, 1], [...LABELS, 0]),
    '10.96.0.1\n',
  ],
  [
    'an address that is cut off',
    (question) => answered(question, 0, [10, 96]),
    '127.0.0.1 answers something else\n',
  ],
  [
    'a name alone',
    (question) => answered(question, 0, []).subarray(0, -10),
    '127.0.0.1 answers something else\n',
  ],
  ['that there is no such name', (question) => answered(question, 3), `127.0.0.1 knows no ${NAMED}\n`],
  ['nothing of the name', (question) => answered(question, 0), `127.0.0.1 knows no ${NAMED}\n`],
  ['a failure', (question) => answered(question, 2), `127.0.0.1 could not answer for ${NAMED}: code 2\n`],
  ['something else', () => Buffer.from('nothing of the kind'), '127.0.0.1 answers something else\n'],
  ['too little', (question) => question.subarray(0, 4), '127.0.0.1 answers something else\n'],
];

for (const [what, answer, says] of ANSWERS) {
  test(`question to a DNS that answers ${what} ends in its words`, async (t) => {
    assert.equal(await queried(t, answer), says);
  });
}

test('question is one for the address of the name, as RFC 1035 has it', async (t) => {
  const asked: Buffer[] = [];
  await queried(t, (question) => {
    asked.push(question.subarray(2));
    return answered(question, 3);
  });
  assert.deepEqual(
    asked.map((question) => [...question]),
    [[1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...LABELS, 0, 0, 1, 0, 1]],
  );
});
