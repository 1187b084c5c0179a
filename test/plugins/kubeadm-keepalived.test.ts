/** The virtual address of the API: what keepalived is told on each control plane, and which recipes cannot have one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CONFIG, keepalivedConfig } from '../../plugins/kubeadm/keepalived.ts';
import { kubeadm } from '../../plugins/kubeadm.ts';
import { expanded, failureIn } from '../graph/recipes.ts';
import type { Lasting } from '../rig/temp.ts';
import { type Bench, benchOf, NODE } from './bench.ts';
import { below, clusterOn, OVERLAY } from './cluster.ts';
import { networked } from './tools.ts';

const SHARED = '10.0.0.10';
const PEERS = [
  { name: 'cp-1', address: '10.0.0.1' },
  { name: 'cp-2', address: '10.0.0.2' },
  { name: 'cp-3', address: '10.0.0.3' },
];
const VIRTUAL = { address: SHARED, peers: PEERS, version: '1.20.2' };

test('keepalived of the second of three control planes is told this, word for word', () => {
  assert.equal(
    keepalivedConfig(VIRTUAL, { own: '10.0.0.2', link: 'eth0' }),
    `# Made by cc: the address of the cluster's API.
global_defs {
  enable_script_security
  script_user nobody nogroup
}
vrrp_script api {
  script "/usr/bin/curl -q --silent --fail --insecure --noproxy * --output /dev/null --max-time 8 https://127.0.0.1:6443/readyz"
  interval 2
  timeout 9
  fall 4
  rise 2
  weight 100
  init_fail
}
vrrp_instance api {
  state BACKUP
  interface eth0
  virtual_router_id 11
  priority 99
  advert_int 1
  unicast_src_ip 10.0.0.2
  check_unicast_src
  unicast_peer {
    10.0.0.1
    10.0.0.3
  }
  virtual_ipaddress {
    10.0.0.10/32 dev eth0
  }
  track_script {
    api
  }
}
`,
  );
});

test('keepalived asks an API before 1.16 for its health, and names no peers where there are none', () => {
  const text = keepalivedConfig(
    { ...VIRTUAL, version: '1.15.3', peers: PEERS.slice(0, 1) },
    { own: '10.0.0.1', link: 'eth0' },
  );
  assert.match(text, /https:\/\/127\.0\.0\.1:6443\/healthz"$/m);
  assert.doesNotMatch(text, /peer|check_unicast/);
});

type Given = NonNullable<Parameters<typeof kubeadm>[0]>['endpoint'];

function recipe(endpoint: Given, address: string, own?: string) {
  const connection = { kind: 'ssh', address } as const;
  return {
    hosts: [{ ...NODE, connection, ...(own === undefined ? {} : { address: own }) }],
    plugins: [...below('1.20.2', OVERLAY), kubeadm({ endpoint })],
  };
}

for (const [what, endpoint, address, own, fault] of [
  [
    'a name',
    { address: 'api.example.org', by: 'keepalived' },
    '10.0.0.1',
    undefined,
    'is api.example.org, and keepalived gives a host an IPv4 address: name one that no host has',
  ],
  [
    'a port of its own',
    { address: SHARED, port: 8443, by: 'keepalived' },
    '10.0.0.1',
    undefined,
    'has the port 8443, and with keepalived it leads to the API server itself, which listens on 6443',
  ],
  [
    'the address of a host',
    { address: '10.0.0.1', by: 'keepalived' },
    '10.0.0.1',
    undefined,
    'is 10.0.0.1, which is the address of node-1: name one that no host has',
  ],
  [
    'a host that is reached by name',
    { address: SHARED, by: 'keepalived' },
    'cp-1.example',
    undefined,
    "needs the address by which the other control planes reach node-1: { name: 'node-1', address: '192.0.2.11', … }",
  ],
  [
    'a host that is known by a network',
    { address: SHARED, by: 'keepalived' },
    '10.0.0.1',
    '10.0.0.0/24',
    "needs the address by which the other control planes reach node-1: { name: 'node-1', address: '192.0.2.11', … }",
  ],
] as const)
  test(`virtual address is refused by name with ${what}`, () => {
    assert.deepEqual(
      failureIn(() => expanded(recipe(endpoint, address, own))),
      {
        kind: 'config-invalid',
        file: '/site/cc.config.ts',
        problems: [{ path: 'kubeadm.endpoint', message: fault }],
      },
    );
  });

/** A control plane with these addresses on eth0; keepalived takes the shared one when it is started. */
async function plane(t: Lasting, addresses: readonly string[]) {
  const setup = clusterOn();
  const links = (more: readonly string[]) =>
    [...addresses, ...more].map((address) => `2: eth0    inet ${address} scope global eth0`);
  const lines = (more: readonly string[]) => String(networked(...links(more))[1]);
  const bench = await benchOf(t, recipe({ address: SHARED, by: 'keepalived' }, '10.0.0.1'), {
    ...setup,
    bare: (host) => {
      setup.bare?.(host);
      // It comes with the package.
      host.units.set('keepalived.service', { active: 'inactive', enabled: 'disabled', starts: 0 });
    },
    reads: (host, bench) => [
      ...(setup.reads?.(host, bench) ?? []),
      [
        'ip -o -4 address show',
        () => lines(host.units.get('keepalived.service')?.active === 'active' ? [`${SHARED}/32`] : []),
      ],
      ['/usr/bin/curl', { code: 7 }],
    ],
  });
  return bench;
}

const taskIn = (bench: Bench, name: string) => bench.tasks.find(({ step }) => step.name === name)!; // there is each

test('control plane has the shared address before kubeadm is called', async (t) => {
  const bench = await plane(t, ['10.0.0.1/24']);
  const { outcomes, events } = await bench.run();
  const host = bench.hosts.get('node-1')!; // every bench has this host
  const states = ['keepalived-config', 'keepalived', 'shared-address', 'init'].map(
    (name) => outcomes.get(taskIn(bench, name).id)?.state,
  );
  assert.deepEqual(states, ['applied', 'applied', 'adopted', 'applied']);
  assert.equal(
    host.read(CONFIG),
    keepalivedConfig({ ...VIRTUAL, peers: PEERS.slice(0, 1) }, { own: '10.0.0.1', link: 'eth0' }),
  );
  const ends = events.flatMap((event) => (event.kind === 'task' ? [event] : []));
  const at = (name: string, state: string) =>
    ends.findIndex((event) => event.id === taskIn(bench, name).id && event.state === state);
  assert.ok(at('shared-address', 'adopted') < at('init', 'performing'));
});

for (const [what, addresses, reasons] of [
  [
    'another address than the recipe says',
    ['10.0.0.7/24'],
    [
      'none of its addresses is 10.0.0.1, by which the recipe knows it',
      "say in the recipe by which address the other control planes reach it: { name: 'node-1', address: … }",
    ],
  ],
  [
    'another network',
    ['10.0.0.1/29'],
    ['10.0.0.10 is not in the network of eth0, 10.0.0.0/29, so that others would look for it elsewhere'],
  ],
] as const)
  test(`host with ${what} gets no virtual address, and kubeadm is not called`, async (t) => {
    const bench = await plane(t, addresses);
    const { outcomes } = await bench.run();
    assert.deepEqual(outcomes.get(taskIn(bench, 'keepalived-config').id)?.failure, {
      kind: 'check-failed',
      host: 'node-1',
      what: `${CONFIG} can be written`,
      reasons,
    });
    assert.notEqual(outcomes.get(taskIn(bench, 'init').id)?.state, 'applied');
  });

for (const by of ['keepalived', 'kube-vip'] as const)
  test(`virtual address by ${by} is no worker's own`, () => {
    const image = `ghcr.io/kube-vip/kube-vip@sha256:${'0'.repeat(64)}`;
    const endpoint = { address: '10.0.0.21', by, ...(by === 'kube-vip' ? { image } : {}) };
    const { hosts, plugins } = recipe(endpoint, '10.0.0.1');
    const connection = { kind: 'ssh', address: '10.0.0.21' } as const;
    const worker = { name: 'w-1', roles: ['worker'], connection };
    assert.deepEqual(
      failureIn(() => expanded({ hosts: [...hosts, worker], plugins })),
      {
        kind: 'config-invalid',
        file: '/site/cc.config.ts',
        problems: [
          {
            path: 'kubeadm.endpoint',
            message: 'is 10.0.0.21, which is the address of w-1: name one that no host has',
          },
        ],
      },
    );
  });
