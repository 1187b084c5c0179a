/** What a host says of itself, by what its command has printed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { told } from '../../plugins/preflight/look.ts';

const SAID = `clock: 1000.250000000
node: one
arch: x86_64
kernel: 6.1.0-18-amd64
systemd: 252
machine-id: 0123456789abcdef0123456789abcdef
uuid: 4C4C4544-0042-3510-8054-B7C04F4E4D32
ip: yes
address: 2: eth0    inet 192.0.2.11/24 brd 192.0.2.255 scope global eth0\\       valid_lft forever
address: 3: eth1@if9    inet 198.51.100.4 peer 198.51.100.5/32 scope global eth1
route: Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
route: eth0	00000000	010200C0	0003	0	0	0	00000000	0	0	0
link eth0: 52:54:00:00:00:01 1500
link eth1: 00:00:00:00:00:00 1420
`;

const at = (text: string, declared?: string) =>
  told(text, { name: 'w-1', declared, passed: false, sent: 1_000_000, answered: 1_000_100 });

test('host is told by its names, its firmware, the link of its default route and its clock', () => {
  const { clock, ...rest } = at(SAID);
  assert.deepEqual(rest, {
    kind: 'told',
    name: 'w-1',
    node: 'one',
    machineId: '0123456789abcdef0123456789abcdef',
    uuid: { is: '4c4c4544-0042-3510-8054-b7c04f4e4d32' },
    arch: 'x86_64',
    kernel: '6.1.0-18-amd64',
    systemd: '252',
    isNode: false,
    kubelet: '',
    plane: '',
    own: { address: '192.0.2.11', prefix: 24, link: 'eth0', mac: '52:54:00:00:00:01', mtu: 1500 },
    passed: false,
  });
  assert.deepEqual([clock.seconds.toFixed(3), clock.error], ['0.200', 0.05]);
});

for (const [declared, own] of [
  ['eth1', { address: '198.51.100.4', prefix: 32, link: 'eth1', mac: '', mtu: 1420 }],
  ['192.0.2.0/24', { address: '192.0.2.11', prefix: 24, link: 'eth0', mac: '52:54:00:00:00:01', mtu: 1500 }],
  [
    '10.0.0.1',
    {
      lacks:
        'none of its addresses is the declared 10.0.0.1; it has 192.0.2.11 on eth0, 198.51.100.4 on eth1',
    },
  ],
] as const)
  test(`address of a host is the one that is declared: ${declared}`, () => {
    assert.deepEqual(at(SAID, declared).own, own);
  });

test('host without a default route, or without the program ip, says why its address is not known', () => {
  assert.deepEqual(at(SAID.replace(/route: eth0.*\n/, '')).own, {
    lacks: 'it has no default route: say in the recipe which address is meant, as address: ADDRESS',
  });
  assert.deepEqual(at(SAID.replace('ip: yes\n', '')).own, {
    lacks: 'nothing tells its addresses: apt-get install iproute2',
  });
});

for (const [line, none] of [
  ['uuid: \n', 'its firmware has no DMI'],
  [
    'uuid: 03000200-0400-0500-0006-000700080009\n',
    'its firmware was given none: 03000200-0400-0500-0006-000700080009',
  ],
  [
    'uuid: FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF\n',
    'its firmware was given none: ffffffff-ffff-ffff-ffff-ffffffffffff',
  ],
  ['uuid: 4C4C4544\ncontainer: yes\n', 'a container has that of the machine it runs on'],
] as const)
  test(`host has no product_uuid of its own: ${none}`, () => {
    assert.deepEqual(at(SAID.replace(/uuid: .*\n/, line)).uuid, { none });
  });

test('host that systemd has not named yet has no machine-id', () => {
  assert.equal(at(SAID.replace(/machine-id: .*/, 'machine-id: uninitialized')).machineId, '');
});

test('host that has joined a cluster is a node', () => {
  const { isNode, kubelet, plane } = at(
    `${SAID}node-made: yes\nkubelet: Kubernetes v1.20.2\nplane: 1.20.1\n`,
  );
  assert.deepEqual([isNode, kubelet, plane], [true, '1.20.2', '1.20.1']);
});
