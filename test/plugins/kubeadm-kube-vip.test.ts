/** The virtual address of the API by kube-vip: what its pod is told, when it goes by which credentials, and what it leaves. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { describe } from '../../core/model/change.ts';
import { joinFlags } from '../../plugins/kubeadm/flags.ts';
import { DROP, kubeVipManifest, MANIFEST } from '../../plugins/kubeadm/kube-vip.ts';
import { kubeadm } from '../../plugins/kubeadm.ts';
import { expanded, failureIn } from '../graph/recipes.ts';
import { type Lasting, tempFolder } from '../rig/temp.ts';
import { type Bench, benchOf, NODE } from './bench.ts';
import { below, clusterOn, OVERLAY } from './cluster.ts';
import { script } from './tools.ts';

const SHARED = '10.0.0.10';
const IMAGE = `ghcr.io/kube-vip/kube-vip@sha256:${'a'.repeat(64)}`;
const ENDPOINT = { address: SHARED, by: 'kube-vip', image: IMAGE } as const;
const [ADMIN, SUPER] = ['/etc/kubernetes/admin.conf', '/etc/kubernetes/super-admin.conf'];

test('pod of kube-vip has the address on one link, by the election of a leader, and credentials it only reads', () => {
  const { spec, ...rest } = JSON.parse(kubeVipManifest(ENDPOINT, { link: 'eth0', kubeconfig: ADMIN }));
  assert.deepEqual(rest, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'kube-vip', namespace: 'kube-system' },
  });
  const { containers, ...pod } = spec;
  assert.deepEqual(pod, {
    hostNetwork: true,
    priorityClassName: 'system-node-critical',
    volumes: [
      { name: 'kubeconfig', hostPath: { path: ADMIN, type: 'File' } },
      { name: 'hosts', hostPath: { path: '/etc/cc/kube-vip.hosts', type: 'File' } },
    ],
  });
  const [{ env, ...container }] = containers;
  assert.deepEqual(container, {
    name: 'kube-vip',
    image: IMAGE,
    imagePullPolicy: 'IfNotPresent',
    args: ['manager'],
    securityContext: { capabilities: { add: ['NET_ADMIN', 'NET_RAW'] } },
    volumeMounts: [
      { mountPath: ADMIN, name: 'kubeconfig', readOnly: true },
      { mountPath: '/etc/hosts', name: 'hosts', readOnly: true },
    ],
  });
  const told = (env as { name: string; value?: string }[]).map(({ name, value }) => [name, value]);
  assert.deepEqual(Object.fromEntries(told), {
    ...{ vip_arp: 'true', port: '6443', vip_interface: 'eth0', address: SHARED },
    ...{ vip_cidr: '32', vip_subnet: '32', cp_enable: 'true', cp_namespace: 'kube-system' },
    ...{ vip_ddns: 'false', svc_enable: 'false', vip_leaderelection: 'true' },
    ...{ vip_leasename: 'plndr-cp-lock', vip_leaseduration: '5', vip_renewdeadline: '3' },
    ...{ vip_retryperiod: '1', vip_nodename: undefined },
  });
});

type Given = NonNullable<Parameters<typeof kubeadm>[0]>['endpoint'];

function recipe(endpoint: Given, version = '1.20.2') {
  return { hosts: [NODE], plugins: [...below(version, OVERLAY), kubeadm({ endpoint, preflight: false })] };
}

for (const [what, endpoint, version, path, message] of [
  [
    'no image',
    { address: SHARED, by: 'kube-vip' },
    '1.20.2',
    'kubeadm.endpoint',
    "has no image of kube-vip: image: 'ghcr.io/kube-vip/kube-vip@sha256:…', by the digest of the one that you trust",
  ],
  [
    'an image by its tag',
    { ...ENDPOINT, image: 'ghcr.io/kube-vip/kube-vip:v0.8.0' },
    '1.20.2',
    'kubeadm.endpoint.image',
    'expected an image by its digest, as ghcr.io/kube-vip/kube-vip@sha256:…, with 64 digits',
  ],
  [
    'a name for an address',
    { ...ENDPOINT, address: 'api.example.org' },
    '1.20.2',
    'kubeadm.endpoint',
    'is api.example.org, and kube-vip gives a host an IPv4 address: name one that no host has',
  ],
  [
    'a port of its own',
    { ...ENDPOINT, port: 8443 },
    '1.20.2',
    'kubeadm.endpoint',
    'has the port 8443, and with kube-vip it leads to the API server itself, which listens on 6443',
  ],
  [
    'a Kubernetes without Leases',
    ENDPOINT,
    '1.13.12',
    'kubeadm.endpoint',
    'cannot be by kube-vip with Kubernetes 1.13: its pods agree by Leases, which 1.14 has first; take keepalived',
  ],
  [
    'its image for keepalived',
    { ...ENDPOINT, by: 'keepalived' },
    '1.20.2',
    'kubeadm.endpoint',
    "has an image, which is for by: 'kube-vip' alone",
  ],
  [
    'its interface for an address that is given',
    { address: SHARED, by: 'given', interface: 'eth0' },
    '1.20.2',
    'kubeadm.endpoint',
    "has an interface, which is for by: 'kube-vip' alone",
  ],
] as const)
  test(`endpoint by kube-vip is refused with ${what}`, () => {
    assert.deepEqual(
      failureIn(() => expanded(recipe(endpoint, version))),
      { kind: 'config-invalid', file: '/site/cc.config.ts', problems: [{ path, message }] },
    );
  });

async function plane(t: Lasting, version: string, endpoint: Given = ENDPOINT, addresses = ['10.0.0.1/24']) {
  const setup = clusterOn({ answers: true });
  return benchOf(t, recipe(endpoint, version), {
    ...setup,
    reads: (host, bench) => [
      ...(setup.reads?.(host, bench) ?? []),
      [
        'ip -o -4 address show',
        addresses
          .map((each, index) => `${index + 2}: eth${index}    inet ${each} scope global eth${index}\n`)
          .join(''),
      ],
      ['uname -n', 'node-1\n'],
    ],
    does: (host, bench) => [...(setup.does?.(host, bench) ?? []), [script(DROP), '']],
  });
}

const node = ({ hosts }: Bench) => hosts.get('node-1')!; // every bench has this host
const taskIn = (bench: Bench, name: string) => bench.tasks.find(({ step }) => step.name === name)!; // each is asked for by name
const credentials = (bench: Bench) =>
  JSON.parse(node(bench).read(MANIFEST)).spec.volumes[0].hostPath.path as string;

test('pod of kube-vip stands there before kubeadm is called, and goes with its address', async (t) => {
  const bench = await plane(t, '1.20.2');
  const before = bench.snapshot();
  const { outcomes, events } = await bench.run();
  assert.deepEqual(
    [...outcomes].filter(([, { state }]) => state === 'failed'),
    [],
  );
  const ends = events.flatMap((event) => (event.kind === 'task' ? [event] : []));
  const at = (name: string, state: string) =>
    ends.findIndex((event) => event.id === taskIn(bench, name).id && event.state === state);
  assert.ok(at('kube-vip', 'applied') >= 0 && at('kube-vip', 'applied') < at('init', 'performing'));
  assert.equal(credentials(bench), ADMIN);
  assert.equal(
    bench.tasks.some(({ step }) => step.name === 'kube-vip-settled'),
    false,
  );
  const again = await bench.run();
  assert.deepEqual([...new Set([...again.outcomes.values()].map(({ state }) => state))], ['verified']);
  bench.ran.length = 0;
  await bench.run('undo');
  assert.deepEqual(bench.snapshot(), before);
  assert.deepEqual(
    bench.ran.filter(({ argv }) => script(DROP)(argv)).map(({ argv }) => argv.slice(4)),
    [[SHARED]],
  );
});

test('from 1.29 on the first control plane is made with super-admin.conf, and goes by admin.conf once it is made', async (t) => {
  const bench = await plane(t, '1.29.3');
  const { looked } = await bench.look();
  const planned = looked.get(taskIn(bench, 'kube-vip').id);
  assert.deepEqual(planned?.changes.map(describe), [`write ${MANIFEST}`]);
  assert.match(JSON.stringify(planned?.facts), new RegExp(SUPER));
  const { outcomes } = await bench.run();
  assert.equal(outcomes.get(taskIn(bench, 'kube-vip-settled').id)?.state, 'applied');
  assert.equal(credentials(bench), ADMIN);
  const again = await bench.run();
  const states = [...new Set([...again.outcomes.values()].map(({ state }) => state))].toSorted();
  assert.deepEqual(states, ['adopted', 'verified']);
  assert.equal(credentials(bench), ADMIN);
});

for (const [what, endpoint, addresses, link] of [
  ['the link in whose network it lies', ENDPOINT, ['192.0.2.1/24', '10.0.0.1/24', `${SHARED}/32`], 'eth1'],
  [
    'the one that is declared',
    { ...ENDPOINT, interface: 'eth2' },
    ['192.0.2.1/24', '10.0.0.1/24', '10.0.0.3/24'],
    'eth2',
  ],
] as const)
  test(`kube-vip has the address on ${what}`, async (t) => {
    const bench = await plane(t, '1.20.2', endpoint, [...addresses]);
    await bench.run();
    const { env } = JSON.parse(node(bench).read(MANIFEST)).spec.containers[0];
    assert.equal(env.find(({ name }: { name: string }) => name === 'vip_interface').value, link);
  });

for (const [what, endpoint, addresses, reason] of [
  [
    'in no network of its own',
    ENDPOINT,
    ['10.0.0.1/29'],
    `${SHARED} is not in the network of any of its interfaces, so that others would look for it elsewhere`,
  ],
  [
    'elsewhere than on the declared link',
    { ...ENDPOINT, interface: 'eth1' },
    ['10.0.0.1/24', '192.0.2.1/24'],
    `${SHARED} is not in the network of eth1, so that others would look for it elsewhere`,
  ],
  [
    'its own already',
    ENDPOINT,
    [`${SHARED}/24`],
    `${SHARED} is an address of eth0 already: name one that no host has`,
  ],
] as const)
  test(`host that has the address ${what} gets no kube-vip, and kubeadm is not called`, async (t) => {
    const bench = await plane(t, '1.20.2', endpoint, [...addresses]);
    const { outcomes } = await bench.run();
    assert.deepEqual(outcomes.get(taskIn(bench, 'kube-vip').id)?.failure, {
      kind: 'check-failed',
      host: 'node-1',
      what: `${MANIFEST} can be written`,
      reasons: [reason],
    });
    assert.notEqual(outcomes.get(taskIn(bench, 'init').id)?.state, 'applied');
  });

test('join passes over the pod of kube-vip that stands there, and over nothing more', () => {
  const flags = (preflight: boolean) => [
    joinFlags({ version: '1.30.1', preflight, manifests: true }),
    joinFlags({ version: '1.30.1', preflight }),
  ];
  assert.deepEqual(flags(true), [['--ignore-preflight-errors=DirAvailable--etc-kubernetes-manifests'], []]);
  assert.deepEqual(flags(false), [['--skip-phases=preflight'], ['--skip-phases=preflight']]);
});

test('address that kube-vip has left goes from its link, and from no other', async (t) => {
  const folder = await tempFolder(t);
  const [ip, log] = [join(folder, 'ip'), join(folder, 'log')];
  await writeFile(
    ip,
    `#!/bin/sh
[ "$1" = address ] && { echo "$@" >>'${log}'; exit; }
echo "$@" >'${log}'
echo '2: eth0    inet 10.0.0.10/32 scope global eth0'
`,
  );
  await chmod(ip, 0o755);
  const env = { PATH: `${folder}:/usr/bin:/bin` };
  await promisify(execFile)('sh', ['-c', DROP, 'cc', SHARED], { env });
  assert.equal(
    await readFile(log, 'utf8'),
    '-o -4 address show to 10.0.0.10/32\naddress delete 10.0.0.10/32 dev eth0\n',
  );
});
