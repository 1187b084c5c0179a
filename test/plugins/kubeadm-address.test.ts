/** Hosts with several addresses: which one is meant, who is told, and what is refused because it is open. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import type { Host } from '../../core/model/plugin.ts';
import { chosen } from '../../plugins/kubeadm/address.ts';
import { kubeadmConfig } from '../../plugins/kubeadm/config.ts';
import { kubeletDropIn } from '../../plugins/kubeadm/kubelet.ts';
import { kubeadm } from '../../plugins/kubeadm.ts';
import { laws } from '../rig/laws.ts';
import type { Paper } from '../rig/paper.ts';
import type { Lasting } from '../rig/temp.ts';
import { confined, missing } from '../rig/tools.ts';
import { type BenchSetup, benchOf, NODE } from './bench.ts';
import { BELOW, below, clusterOn, madeCluster, ROUTE } from './cluster.ts';
import { MISSING } from './tools.ts';

const IP = 'ip -4 -o address show scope global';
/** As `ip` prints them; the last is that of the bridge of pods, and of no use to others. */
const ADDRESSES = `2: eth0    inet 10.0.0.5/24 brd 10.0.0.255 scope global dynamic eth0\\       valid_lft 86s preferred_lft 86s
3: eth1    inet 192.168.7.2/24 scope global eth1\\       valid_lft forever preferred_lft forever
3: eth1    inet 192.168.7.3/24 scope global secondary eth1\\       valid_lft forever preferred_lft forever
4: vlan7@eth1    inet 172.16.7.9/16 scope global vlan7\\       valid_lft forever preferred_lft forever
5: ppp0    inet 10.9.0.1 peer 10.9.0.2/32 scope global ppp0\\       valid_lft forever preferred_lft forever
9: pods0    inet 10.244.0.1/24 scope global pods0\\       valid_lft forever preferred_lft forever
`;

function told(addresses: string | typeof MISSING = ADDRESSES): BenchSetup {
  const setup = clusterOn();
  return { ...setup, reads: (each, bench) => [...setup.reads!(each, bench), [IP, addresses]] }; // it has some
}

function at(address?: string): Host {
  return { ...NODE, ...(address === undefined ? {} : { address }) };
}

/** The plugin on a host with these addresses, of which one may be declared. */
async function bench(
  t: Lasting,
  declared?: string,
  { addresses = ADDRESSES as string | typeof MISSING, bare = (_: Paper) => {}, version = '1.20.2' } = {},
) {
  const setup = told(addresses);
  const recipe = { hosts: [at(declared)], plugins: [...below(version), kubeadm()] };
  const all = await benchOf(t, recipe, {
    ...setup,
    bare: (host) => {
      setup.bare?.(host);
      if (host.host === 'node-1') bare(host);
    },
  });
  return { all, host: all.hosts.get('node-1')! }; // every bench has this host
}

laws(
  'kubeadm on a host with a declared address',
  { hosts: [at('vlan7')], plugins: [...BELOW, kubeadm({ preflight: false })] },
  {
    ...told(),
    plugin: 'kubeadm',
    kept: [
      'address',
      'cluster',
      'version',
      'networks',
      'upgrade',
      'certificates',
      'api',
      'uncordon',
      'untaint',
      'labels',
      'ready',
    ],
  },
);

const FOUND = [
  { interface: 'eth0', address: '10.0.0.5' },
  { interface: 'eth1', address: '192.168.7.2' },
  { interface: 'eth1', address: '192.168.7.3' },
];
const ALL = 'it has 10.0.0.5 on eth0, 192.168.7.2 on eth1, 192.168.7.3 on eth1';
const BOTH = 'it has 192.168.7.2 on eth1, 192.168.7.3 on eth1';

for (const [declared, answer] of [
  ['10.0.0.5', { address: '10.0.0.5' }],
  ['192.168.7.3', { address: '192.168.7.3' }],
  ['eth0', { address: '10.0.0.5' }],
  ['10.0.0.0/8', { address: '10.0.0.5' }],
  ['192.168.7.3/32', { address: '192.168.7.3' }],
  ['192.168.7.77/31', { lacks: ['none of its addresses is the declared 192.168.7.77/31', ALL] }],
  ['eth1', { lacks: ['2 of its addresses are the declared eth1', BOTH] }],
  ['192.168.0.0/16', { lacks: ['2 of its addresses are the declared 192.168.0.0/16', BOTH] }],
  ['10.0.0.6', { lacks: ['none of its addresses is the declared 10.0.0.6', ALL] }],
  ['eth', { lacks: ['none of its addresses is the declared eth', ALL] }],
] as const) {
  test(`address ${declared} is ${'address' in answer ? answer.address : 'refused, with the list'}`, () => {
    assert.deepEqual(chosen(declared, FOUND), answer);
  });
}

test('address 0.0.0.0/0 is any that a host has, where it has one', () => {
  assert.deepEqual(chosen('0.0.0.0/0', FOUND.slice(0, 1)), { address: '10.0.0.5' });
});

const CLUSTER = {
  ...{ imageRepository: 'registry.lab', criSocket: 'unix:///run/cri.sock', cgroupDriver: 'systemd' },
  ...{ podSubnet: '10.244.0.0/24', serviceSubnet: '10.96.0.0/12' },
};

for (const [version, kind, key] of [
  ['1.9.2', 'MasterConfiguration', 'api'],
  ['1.11.10', 'MasterConfiguration', 'api'],
  ['1.12.10', 'InitConfiguration', 'apiEndpoint'],
  ['1.14.0', 'InitConfiguration', 'localAPIEndpoint'],
  ['1.20.2', 'InitConfiguration', 'localAPIEndpoint'],
  ['1.30.0', 'InitConfiguration', 'localAPIEndpoint'],
  ['1.36.4', 'InitConfiguration', 'localAPIEndpoint'],
] as const) {
  test(`kubeadm ${version} is told by ${key} what address its API has`, () => {
    const documents = (address?: string) =>
      kubeadmConfig({ ...CLUSTER, version, ...(address === undefined ? {} : { address }) })
        .split('---\n')
        .filter((text) => text !== '')
        .map((text) => JSON.parse(text) as Record<string, unknown>);
    const wanted = documents().map((document) =>
      document['kind'] === kind ? { ...document, [key]: { advertiseAddress: '10.0.0.5' } } : document,
    );
    assert.deepEqual(documents('10.0.0.5'), wanted);
  });
}

for (const version of ['1.9.2', '1.36.4']) {
  test(`kubelet ${version} is told its node's address, and nothing else that is new`, () => {
    const kubelet = { ...CLUSTER, version, bin: '/bin', cni: { bin: '/cni', config: '/etc/cni/net.d' } };
    const dropIn = kubeletDropIn({ ...kubelet, address: '10.0.0.5' });
    assert.match(dropIn, / --node-ip=10\.0\.0\.5[" ]/);
    assert.equal(dropIn.replace(' --node-ip=10.0.0.5', ''), kubeletDropIn(kubelet));
  });
}

for (const [declared, address] of [
  ['10.0.0.5', '10.0.0.5'],
  ['172.16.0.0/16', '172.16.7.9'],
  ['vlan7', '172.16.7.9'],
  ['ppp0', '10.9.0.1'],
] as const) {
  test(`control plane of a host declared as ${declared} is made at ${address}`, async (t) => {
    const { all, host } = await bench(t, declared);
    const { outcomes } = await all.run();
    assert.ok([...outcomes.values()].every(({ state }) => state !== 'failed'));
    assert.match(host.read('/etc/cc/kubeadm.json'), new RegExp(`"advertiseAddress": "${address}"`));
    assert.match(
      host.read('/etc/systemd/system/kubelet.service.d/10-kubeadm.conf'),
      new RegExp(` --node-ip=${address} `),
    );
    const again = await all.run();
    assert.ok([...again.outcomes.values()].every(({ state }) => state === 'verified'));
  });
}

const ROUTELESS = ROUTE.split('\n').slice(0, 1).join('\n');
const routeless = (host: Paper) => host.write('/proc/net/route', ROUTELESS);
const EVERY =
  'it has 10.0.0.5 on eth0, 192.168.7.2 on eth1, 192.168.7.3 on eth1, 172.16.7.9 on vlan7, 10.9.0.1 on ppp0';
const ROUTE_LACKS = 'it has no default route, by which kubeadm would choose';
const say = (address: string) => `say in the recipe which: { name: 'node-1', address: '${address}', … }`;

for (const [what, declared, setup, reasons] of [
  [
    'that has not the declared address',
    '10.0.0.6',
    {},
    ['none of its addresses is the declared 10.0.0.6', EVERY],
  ],
  ['whose interface has two', 'eth1', {}, ['2 of its addresses are the declared eth1', BOTH]],
  ['whose interface is that of pods', 'pods0', {}, ['none of its addresses is the declared pods0', EVERY]],
  ['without a default route', undefined, { bare: routeless }, [ROUTE_LACKS, EVERY, say('10.0.0.5')]],
  [
    'without any address',
    undefined,
    { bare: routeless, addresses: '' },
    [ROUTE_LACKS, 'it has no address, but for those of its own use', say('ADDRESS')],
  ],
] as const) {
  test(`host ${what} is refused before anything is made of it`, async (t) => {
    const { all, host } = await bench(t, declared, setup);
    const before = host.snapshot();
    const { outcomes } = await all.run();
    assert.deepEqual([...outcomes].find(([id]) => id === 'node-1/kubeadm/address')?.[1].failure, {
      kind: 'check-failed',
      host: 'node-1',
      what: 'it is known by which address others reach it',
      reasons,
    });
    assert.deepEqual(host.snapshot(), before);
  });
}

test('host without a default route whose cluster was made is left alone', async (t) => {
  const { all } = await bench(t, undefined, {
    bare: (host) => {
      routeless(host);
      madeCluster(host, {});
    },
  });
  const { outcomes } = await all.run();
  assert.equal([...outcomes].find(([id]) => id === 'node-1/kubeadm/address')?.[1].state, 'adopted');
});

test('host that cannot tell its addresses yet is given what tells them, and refused where that does not', async (t) => {
  const { all, host } = await bench(t, 'vlan7', { addresses: MISSING });
  const { outcomes } = await all.run();
  const of = (name: string) => [...outcomes].find(([id]) => id === `node-1/kubeadm/${name}`)?.[1];
  assert.equal(of('tools')?.state, 'applied');
  assert.deepEqual(of('config')?.failure, {
    kind: 'check-failed',
    host: 'node-1',
    what: '/etc/cc/kubeadm.json can be written',
    reasons: ['nothing tells its addresses: apt-get install iproute2'],
  });
  host.when(IP, ADDRESSES);
  const again = await all.run();
  assert.ok([...again.outcomes.values()].every(({ state }) => state !== 'failed'));
});

test('API that has another address than the declared one is refused, and one that has it is not', async (t) => {
  const advertising = (address: string) => (host: Paper) => madeCluster(host, { address });
  const cluster = async (address: string) => {
    const { all } = await bench(t, 'vlan7', { bare: advertising(address) });
    const { outcomes } = await all.run();
    return [...outcomes].find(([id]) => id === 'node-1/kubeadm/cluster')?.[1];
  };
  const failure = (await cluster('10.0.0.5'))?.failure;
  assert.deepEqual(failure?.kind === 'cannot-change' && failure.differences, [
    { what: 'the address of its API', is: '10.0.0.5', declared: 'vlan7' },
  ]);
  assert.equal((await cluster('172.16.7.9'))?.state, 'adopted');
});

/** A network of its own with two interfaces, of which one has two addresses; what the kernel and `ip` say of it. */
const NETWORK = `ip link add eth1 type veth peer name eth2 && ip link set lo up && ip link set eth1 up && ip link set eth2 up &&
ip addr add 192.168.7.2/24 dev eth1 && ip addr add 192.168.7.3/24 dev eth1 && ip addr add 172.16.7.9/16 dev eth2 && {
  ${IP}; echo ==; cat /proc/net/route; ip route add default via 172.16.0.1; echo ==; cat /proc/net/route; }`;
const SPACES = ['--user', '--map-root-user', '--net'];
const skip = missing('ip') || confined(...SPACES);

test('what a real kernel says of its addresses and routes is understood', { skip }, async (t) => {
  const { stdout } = await promisify(execFile)('unshare', [...SPACES, 'sh', '-c', NETWORK]);
  const [addresses = '', without = '', routed = ''] = stdout.split('==\n');
  const state = async (declared: string | undefined, route: string) => {
    const { all } = await bench(t, declared, {
      addresses,
      bare: (host) => host.write('/proc/net/route', route),
    });
    const { outcomes } = await all.run();
    const { state, failure } = [...outcomes].find(([id]) => id === 'node-1/kubeadm/address')![1]; // it has this step
    return failure?.kind === 'check-failed' ? failure.reasons[0] : state;
  };
  assert.deepEqual(
    await Promise.all([
      state(undefined, routed),
      state(undefined, without),
      state('eth2', without),
      state('172.16.0.0/12', without),
      state('eth1', routed),
    ]),
    ['adopted', ROUTE_LACKS, 'adopted', 'adopted', '2 of its addresses are the declared eth1'],
  );
});
