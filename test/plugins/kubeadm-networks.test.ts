/** The networks of a cluster beside those that a host has of its own. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kubeadm } from '../../plugins/kubeadm.ts';
import { expanded, failureIn } from '../graph/recipes.ts';
import type { Lasting } from '../rig/temp.ts';
import { benchOf, NODE } from './bench.ts';
import { BELOW, clusterOn } from './cluster.ts';
import { networked, routed } from './tools.ts';

const SERVICES = 'the network of Services, 10.96.0.0/12';
const PODS = 'the network of pods, 10.244.0.0/24';

/** What a host with these addresses and routes is refused for. */
async function refused(
  t: Lasting,
  addresses: readonly string[],
  routes: readonly string[] = [],
  files: Readonly<Record<string, string>> = {},
) {
  const setup = clusterOn();
  const reads: typeof setup.reads = (host, bench) => [
    ...(setup.reads?.(host, bench) ?? []),
    networked(...addresses),
  ];
  const bench = await benchOf(t, { plugins: [...BELOW, kubeadm()] }, { ...setup, reads });
  const host = bench.hosts.get('node-1')!; // every bench has this host
  host.write('/proc/net/route', routed('0.0.0.0/0 via 192.0.2.1 dev eth0', ...routes));
  for (const [path, text] of Object.entries(files)) host.write(path, text);
  const before = host.snapshot();
  const { outcomes } = await bench.run();
  const failures = [...outcomes].flatMap(([id, { failure }]) => (failure ? [[id, failure]] : []));
  if (failures.length === 0) return [];
  assert.deepEqual(host.snapshot(), before);
  const [id, failure] = failures[0] ?? [];
  assert.ok(typeof failure === 'object' && failure.kind === 'check-failed');
  assert.deepEqual([id, failure.what], ['node-1/kubeadm/networks', 'the networks of the cluster are free']);
  assert.equal(failure.reasons.at(-1), 'declare others: kubeadm.serviceSubnet, cni.subnet');
  return failure.reasons.slice(0, -1);
}

const TAKEN: readonly (readonly [
  addresses: readonly string[],
  routes: readonly string[],
  told: readonly string[],
])[] = [
  [
    ['2: eth0    inet 10.100.5.4/16 brd 10.100.255.255 scope global eth0\\       valid_lft forever'],
    ['10.100.0.0/16 dev eth0'],
    [
      `${SERVICES}, shares addresses with the host's address 10.100.5.4 on eth0`,
      `${SERVICES}, shares addresses with the host's route to 10.100.0.0/16 on eth0`,
    ],
  ],
  [
    ['3: tun0@if7    inet 10.244.0.9 peer 10.244.0.1/32 scope global tun0'],
    [],
    [`${PODS}, shares addresses with the host's address 10.244.0.9 on tun0`],
  ],
  [
    ['4: cni0    inet 10.244.0.1/24 scope global cni0'],
    [],
    [`${PODS}, shares addresses with the host's address 10.244.0.1 on cni0`],
  ],
  [
    [],
    ['10.0.0.0/8 via 192.0.2.1 dev eth0'],
    [
      `${SERVICES}, shares addresses with the host's route to 10.0.0.0/8 via 192.0.2.1 on eth0`,
      `${PODS}, shares addresses with the host's route to 10.0.0.0/8 via 192.0.2.1 on eth0`,
    ],
  ],
  [
    [],
    ['10.244.0.128/26', '10.96.0.1/32 dev eth0'],
    [
      `${SERVICES}, shares addresses with the host's route to 10.96.0.1/32 on eth0`,
      `${PODS}, shares addresses with the host's route to 10.244.0.128/26`,
    ],
  ],
];

for (const [addresses, routes, told] of TAKEN)
  test(`host is refused before anything is changed: ${[...addresses, ...routes][0]}`, async (t) => {
    assert.deepEqual(await refused(t, addresses, routes), told);
  });

test('host with other networks, those of its cluster, and routes that lead everywhere is not refused', async (t) => {
  const addresses = [
    '2: eth0    inet 192.0.2.10/24 brd 192.0.2.255 scope global eth0',
    '5: pods0    inet 10.244.0.1/24 brd 10.244.0.255 scope global pods0',
    '6: flannel.1    inet 10.244.0.0/32 scope global flannel.1',
    '7: kube-ipvs0    inet 10.96.0.1/32 scope global kube-ipvs0',
  ];
  const routes = [
    '0.0.0.0/1 via 192.0.2.7 dev tun0',
    '192.0.2.0/24 dev eth0',
    '169.254.0.0/16',
    '10.244.0.0/24 dev pods0',
  ];
  assert.deepEqual(await refused(t, addresses, routes), []);
});

test('bridge of an earlier declaration is no network of the host', async (t) => {
  const address = '4: old0    inet 10.244.0.1/24 scope global old0';
  const conflist = JSON.stringify({ name: 'cc', plugins: [{ type: 'bridge', bridge: 'old0' }] }, null, 2);
  const files = { '/etc/cni/net.d/10-cc.conflist': conflist };
  assert.deepEqual(await refused(t, [address], ['10.244.0.0/24 dev old0'], files), []);
  assert.equal((await refused(t, [address], ['10.244.0.0/24 dev old0'])).length, 2);
});

function message(call: () => unknown): unknown {
  const failure = failureIn(call);
  return failure.kind === 'config-invalid' ? failure.problems : failure;
}

for (const [serviceSubnet, told] of [
  ['10.244.0.0/16', 'shares addresses with the network of pods: 10.244.0.0/16, 10.244.0.0/24'],
  ['10.244.0.16/28', 'shares addresses with the network of pods: 10.244.0.16/28, 10.244.0.0/24'],
  ['10.40.0.0/33', 'expected an IPv4 network, as 10.40.0.0/16, found "10.40.0.0/33"'],
  ['not a network', 'expected an IPv4 network, as 10.40.0.0/16, found "not a network"'],
  ['10.40.0.0', 'expected an IPv4 network, as 10.40.0.0/16, found "10.40.0.0"'],
  ['10.40.0.0/8', 'expected a prefix from /12 to /28, found /8'],
  ['10.40.0.0/29', 'expected a prefix from /12 to /28, found /29'],
  ['10.40.0.1/16', 'expected the first address of a network: that of 10.40.0.1/16 is 10.40.0.0/16'],
  ['fd00::/108', 'expected an IPv4 network, as 10.40.0.0/16: IPv6 is not set up by cc'],
] as const)
  test(`network of Services is refused by name: ${serviceSubnet}`, () => {
    const recipe = { hosts: [NODE], plugins: [...BELOW, kubeadm({ serviceSubnet })] };
    assert.deepEqual(
      message(() => expanded(recipe)),
      [{ path: 'kubeadm.serviceSubnet', message: told }],
    );
  });

test('host that would join nothing is refused, whatever its role, before it is touched', () => {
  const connection = (address: string) => ({ kind: 'ssh', address }) as const;
  const hosts = [
    NODE,
    { name: 'both', roles: ['control-plane', 'worker'], connection: connection('both') },
    { name: 'cp2', roles: ['control-plane'], connection: connection('cp2') },
    { name: 'plain', roles: [], connection: connection('plain') },
  ];
  const told = {
    both: 'is for the control plane or for work: a host has one of these roles',
    cp2: "would be a further control plane, and those need one address that all share: kubeadm.endpoint: { address: '192.0.2.10', by: 'keepalived' }; a cluster that was made without one cannot get it",
    plain: "would join nothing: roles: ['worker'] makes it a node",
  };
  assert.deepEqual(
    message(() => expanded({ hosts, plugins: [...BELOW, kubeadm()] })),
    Object.entries(told).map(([name, message]) => ({ path: `hosts.${name}`, message })),
  );
});
