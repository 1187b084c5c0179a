/** What hosts are refused for that do not fit each other, and what is only told. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { faultsIn, stops } from '../../plugins/preflight/compare.ts';
import { linesFor } from '../../plugins/preflight/lines.ts';
import type { Machine } from '../../plugins/preflight/look.ts';
import { VXLAN } from '../../plugins/preflight/ports.ts';
import type { Carried, Pair, Round } from '../../plugins/preflight/round.ts';
import { machine } from './machines.ts';

const API = { port: 6443, by: 'the API server' };
const KUBELET = { port: 10250, by: 'kubelet' };

type Given = Partial<Omit<Round, 'machines'>> & { readonly isRouted?: boolean; readonly version?: string };

const roundOf = (machines: readonly Machine[], more: Partial<Round> = {}): Round => ({
  ...{ machines, pairs: [], carried: [] },
  ...more,
});

function faults(machines: readonly Machine[], { isRouted = false, version, ...more }: Given = {}) {
  return faultsIn(roundOf(machines, more), { isRouted, version }).map(({ check, hosts, what }) => [
    check,
    hosts,
    what,
  ]);
}

const pair = (from: number, to: number, answer: Pair['answer'], port = API): Pair => ({
  ...{ from: `w-${from}`, to: `w-${to}`, address: `192.0.2.${to}`, port, answer },
});
const OPEN = { kind: 'open' } as const;
const SILENT = { kind: 'silent' } as const;

test('hosts that differ in all that must differ, and in nothing else, have no fault', () => {
  assert.deepEqual(
    faults(
      [1, 2, 3].map((number) => machine(number)),
      { isRouted: true },
    ),
    [],
  );
});

const FIRST = machine(1);
const SAME: readonly (readonly [string, Parameters<typeof machine>[1], string])[] = [
  ['names', { node: 'NODE-1' }, 'host name, node-1; on all but one: hostnamectl set-hostname NAME'],
  [
    'machine-ids',
    { machineId: FIRST.machineId },
    `machine-id, ${FIRST.machineId}; on all but one: rm -f /etc/machine-id /var/lib/dbus/machine-id; systemd-machine-id-setup; reboot`,
  ],
  [
    'product-uuids',
    { uuid: FIRST.uuid },
    'product_uuid, 4c4c4544-0042-3510-8054-000000000001; give each virtual machine a UUID of its own where it is defined (virsh edit NAME: <uuid>)',
  ],
  [
    'macs',
    { own: { mac: '52:54:00:00:00:01' } },
    'MAC address, 52:54:00:00:00:01; give the link of all but one another MAC address where the machine is defined',
  ],
];

for (const [check, more, said] of SAME)
  test(`two of three hosts stop that have the same of ${check}`, () => {
    assert.deepEqual(faults([FIRST, machine(2), machine(3, more)]), [
      [check, ['w-1', 'w-3'], `w-1 and w-3 have the same ${said}`],
    ]);
  });

test('what several hosts do not have is no fault of theirs', () => {
  const none = { machineId: '', uuid: { none: 'its firmware has no DMI' }, own: { mac: '' } };
  assert.deepEqual(faults([machine(1, none), machine(2, none)]), []);
  const nowhere = { own: { lacks: 'nothing tells its addresses' } };
  assert.deepEqual(faults([machine(1, nowhere), machine(2, nowhere)], { isRouted: true }), []);
});

test('host whose clock differs from most others stops, and these do not', () => {
  const late = machine(3, { clock: { seconds: -5, error: 0.02 } });
  assert.deepEqual(faults([machine(1), machine(2), late]), [
    [
      'clocks',
      ['w-3'],
      'the clock of w-3 is 5.0 s behind that of w-1, give or take 0.030 s; on both: apt-get install systemd-timesyncd; timedatectl set-ntp true',
    ],
  ]);
});

test('of two hosts whose clocks differ both stop', () => {
  const ahead = machine(2, { clock: { seconds: 1.5, error: 0.01 } });
  assert.deepEqual(
    faults([machine(1), ahead]).map(([, hosts]) => hosts),
    [['w-1'], ['w-2']],
  );
});

test('clock of the controller is nobody’s fault', () => {
  const clock = { seconds: 3600, error: 0.01 };
  assert.deepEqual(faults([machine(1, { clock }), machine(2, { clock })]), []);
});

test('clocks that are within a second or may be are no fault; which of both it is, is told', () => {
  const slow = machine(2, { clock: { seconds: 1.5, error: 0.9 } });
  const machines = [machine(1), slow];
  assert.deepEqual(faults(machines), []);
  assert.ok(
    linesFor('w-1', roundOf(machines)).includes(
      'clock: cannot tell whether it is within 1 s of w-2: answers took too long',
    ),
  );
  const near = [machine(1), machine(2, { clock: { seconds: 0.5, error: 0.01 } })];
  assert.deepEqual(faults(near), []);
  assert.ok(linesFor('w-1', roundOf(near)).includes('clock: within 0.520 s of the others'));
});

test('host whose link has another MTU than most stops, and where there is no most all do', () => {
  const odd = machine(3, { own: { mtu: 9000, link: 'eth1' } });
  const what = 'the MTU of the links that hosts reach each other by is not the same:';
  assert.deepEqual(faults([machine(1), machine(2), odd]), [
    [
      'mtu',
      ['w-3'],
      `${what} 1500 on w-1 (eth0) and w-2 (eth0), 9000 on w-3 (eth1); ip link set LINK mtu 1500`,
    ],
  ]);
  assert.deepEqual(
    faults([machine(1), odd]).map(([, hosts]) => hosts),
    [['w-1', 'w-3']],
  );
});

test('host whose link is too small for a network of pods stops', () => {
  const small = [1, 2].map((number) => machine(number, { own: { mtu: 576 } }));
  assert.deepEqual(faults(small), [
    ['mtu', ['w-1'], 'eth0 of w-1 has an MTU of 576 bytes, less than 1280; there: ip link set eth0 mtu 1500'],
    ['mtu', ['w-2'], 'eth0 of w-2 has an MTU of 576 bytes, less than 1280; there: ip link set eth0 mtu 1500'],
  ]);
});

test('host on a network of its own stops where pods are reached by routes, and nowhere else', () => {
  const far = machine(3, { own: { address: '198.51.100.3' } });
  const machines = [machine(1), machine(2), far];
  assert.deepEqual(faults(machines), []);
  assert.deepEqual(faults(machines, { isRouted: true }), [
    [
      'segment',
      ['w-3'],
      "w-3 shares no network with w-1 (192.0.2.1) and w-2 (192.0.2.2): its link eth0 has 198.51.100.3/24; take cni.network: 'flannel', which needs none",
    ],
  ]);
});

test('host whose port is closed stops, and is told from where, why and what to do', () => {
  const machines = [1, 2, 3].map((number) => machine(number));
  const pairs = [
    pair(1, 2, SILENT),
    pair(3, 2, SILENT),
    pair(1, 3, { kind: 'refused' }, KUBELET),
    pair(2, 3, { kind: 'failed', why: 'No route to host' }),
    ...[pair(3, 1, OPEN), pair(2, 1, OPEN), pair(1, 3, OPEN)],
  ];
  assert.deepEqual(faults(machines, { pairs }), [
    [
      'ports',
      ['w-2'],
      'w-1 and w-3 cannot reach w-2 at 192.0.2.2, TCP port 6443 (the API server): no answer, so a firewall drops it; let it in on w-2: nft list ruleset shows what does not',
    ],
    [
      'ports',
      ['w-3'],
      'w-1 cannot reach w-3 at 192.0.2.3, TCP port 10250 (kubelet): refused although somebody listens, so a firewall rejects it; let it in on w-3: nft list ruleset shows what does not',
    ],
    [
      'ports',
      ['w-3'],
      'w-2 cannot reach w-3 at 192.0.2.3, TCP port 6443 (the API server): No route to host; let it in on w-3: nft list ruleset shows what does not',
    ],
  ]);
});

test('host that reaches none of several others stops itself', () => {
  const machines = [1, 2, 3].map((number) => machine(number));
  const pairs = [pair(1, 2, SILENT), pair(1, 3, SILENT), pair(2, 3, OPEN), pair(3, 2, OPEN)];
  assert.deepEqual(faults(machines, { pairs }), [
    [
      'ports',
      ['w-1'],
      'w-1 reaches no port of any other host; see what keeps packets there: nft list ruleset; ip route',
    ],
  ]);
});

test('port of which nobody can tell is no fault', () => {
  const pairs = [pair(1, 2, { kind: 'untold', why: 'nobody listens there at the moment' })];
  assert.deepEqual(faults([machine(1), machine(2)], { pairs }), []);
});

test('of many hosts the first are named, and the others counted', () => {
  const machines = Array.from({ length: 9 }, (_, index) => machine(index + 1, { node: 'clone' }));
  const [first] = faults(machines);
  assert.equal(
    first?.[2],
    'w-1, w-2, w-3, w-4, w-5 and 4 others have the same host name, clone; on all but one: hostnamectl set-hostname NAME',
  );
});

test('host is told what it is, what was not applicable, and with whom it was compared', () => {
  const none = { machineId: '', uuid: { none: 'its firmware has no DMI' }, own: { mac: '' } } as const;
  const machines: Machine[] = [
    machine(1, none),
    machine(2),
    { kind: 'untold', name: 'w-3', why: 'unreachable' },
  ];
  const pairs = [
    pair(2, 1, OPEN),
    pair(2, 1, { kind: 'untold', why: 'nobody listens there at the moment' }, KUBELET),
    pair(1, 2, OPEN),
  ];
  assert.deepEqual(linesFor('w-1', roundOf(machines, { pairs })), [
    'system: x86_64, kernel 6.1.0, systemd 252',
    'address: 192.0.2.1/24 on eth0, MTU 1500',
    'machine-id: not applicable: it has none',
    'product_uuid: not applicable: its firmware has no DMI',
    'MAC address: not applicable: eth0 has none',
    'clock: within 0.020 s of the others',
    'ports: 6443 can be reached from w-2',
    'port 10250: cannot tell: nobody listens there at the moment, asked from w-2',
    'compared with: w-2',
    'not compared with w-3: unreachable',
  ]);
  assert.deepEqual(linesFor('w-3', roundOf(machines, { pairs })), ['nothing could be compared: unreachable']);
});

test('fault of a host that has passed before stops the one that was never compared with it', () => {
  const stopped = (passed: boolean, never: readonly string[]) => {
    const machines = [machine(1), machine(2, { passed }), machine(3)];
    const round = roundOf(machines, { pairs: [pair(1, 2, SILENT), pair(3, 2, OPEN)] });
    const [fault] = faultsIn(round, { isRouted: false });
    assert.deepEqual([fault?.hosts, fault?.others], [['w-2'], ['w-1']]);
    return machines.flatMap(({ name }) =>
      fault && stops(fault, name, round, (host) => never.includes(host)) ? [name] : [],
    );
  };
  assert.deepEqual(stopped(false, ['w-2']), ['w-2']);
  assert.deepEqual(stopped(true, []), ['w-2']);
  assert.deepEqual(stopped(true, ['w-2']), ['w-1', 'w-2']);
});

test('port of UDP is called so', () => {
  assert.deepEqual(
    faults([machine(1), machine(2), machine(3)], {
      pairs: [pair(1, 2, SILENT, VXLAN), pair(1, 3, OPEN, VXLAN)],
    }),
    [
      [
        'ports',
        ['w-2'],
        'w-1 cannot reach w-2 at 192.0.2.2, UDP port 8472 (flannel, VXLAN): no answer, so a firewall drops it; let it in on w-2: nft list ruleset shows what does not',
      ],
    ],
  );
});

const carried = (from: number, to: number, answer: Carried['answer']): Carried => ({
  ...{ from: `w-${from}`, to: `w-${to}`, mtu: 1500, answer },
});

test('host stops that loses packets of a full MTU with most others, and both of two that lose them', () => {
  const machines = [1, 2, 3].map((number) => machine(number));
  const lost = { kind: 'lost', why: 'a router on the way takes 1400 bytes' } as const;
  const said = (ways: string) =>
    `packets of 1500 bytes, the MTU of eth0, do not get ${ways}, and small ones do: a router on the way takes 1400 bytes; on all hosts: ip link set LINK mtu SIZE, as ping -M do -s finds it`;
  const apart = [carried(1, 2, lost), carried(1, 3, lost), carried(2, 1, lost), carried(3, 1, lost)];
  assert.deepEqual(faults(machines, { carried: [...apart, carried(2, 3, { kind: 'whole' })] }), [
    ['mtu', ['w-1'], said('from w-1 to w-2 and w-3')],
    ['mtu', ['w-1'], said('from w-2 and w-3 to w-1')],
  ]);
  assert.deepEqual(faults(machines, { carried: [carried(1, 2, lost)] }), [
    ['mtu', ['w-1', 'w-2'], said('from w-1 to w-2')],
  ]);
});

test('host is told where its packets of a full MTU arrive, and where nobody can tell', () => {
  const machines = [1, 2, 3].map((number) => machine(number));
  const unsure = [
    carried(2, 1, { kind: 'whole' }),
    carried(2, 3, { kind: 'untold', why: 'it answers no ping' }),
  ];
  assert.deepEqual(
    linesFor('w-2', roundOf(machines, { carried: unsure })).filter((line) => line.startsWith('packets')),
    [
      'packets of a full MTU: arrive in one piece at w-1',
      'packets of a full MTU: cannot tell whether they arrive at w-3: it answers no ping',
    ],
  );
});

test('kubelet that is too far from the version of the recipe is refused by name', () => {
  const node = (kubelet: string) => machine(2, { isNode: true, kubelet });
  const of = (kubelet: string) => faults([machine(1), node(kubelet)], { version: '1.20.2' });
  assert.deepEqual([of('1.20.2'), of('1.19.16')], [[], []]);
  assert.deepEqual(of('1.18.9'), [
    [
      'versions',
      ['w-2'],
      'w-2 runs kubelet 1.18.9, which is too old beside 1.20.2: first declare a version of 1.19, and have the node upgraded: cc run all',
    ],
  ]);
  assert.deepEqual(of('1.21.0'), [
    [
      'versions',
      ['w-2'],
      'w-2 runs kubelet 1.21.0, which is newer than 1.20.2: declare that version, or remove the node',
    ],
  ]);
});

test('host that would join a control plane of a version too far away stops before it joins', () => {
  const cluster = (plane: string) => [
    machine(1, { isNode: true, plane }),
    machine(2, { isNode: true }),
    machine(3),
  ];
  assert.deepEqual(faults(cluster('1.19.16'), { version: '1.20.2' }), []);
  assert.deepEqual(faults(cluster('1.18.9'), { version: '1.20.2' }), [
    [
      'versions',
      ['w-1', 'w-3'],
      'w-1: its control plane is of 1.18.9, and 1.20.2 skips 1.19: declare a version of 1.19 first, with cc run all, then 1.20.2',
    ],
  ]);
});

test('host that does not reach the given endpoint of a cluster stops, and each is told how it stands to it', () => {
  const at = 'api.example.org:6443';
  const reach = {
    at,
    answers: [
      { from: 'w-1', answer: OPEN },
      { from: 'w-2', answer: { kind: 'closed', why: 'Connection refused' } },
      { from: 'w-3', answer: { kind: 'untold', why: 'no answer within 15 s' } },
    ],
  } as const;
  const machines = [1, 2, 3].map((number) => machine(number));
  assert.deepEqual(faults(machines, { reach }), [
    [
      'endpoint',
      ['w-2'],
      `w-2 does not reach the API of the cluster at ${at}, which is given (kubeadm.endpoint): Connection refused; have that address lead to a control plane, and let w-2 reach it`,
    ],
  ]);
  const told = machines.flatMap(({ name }) =>
    linesFor(name, roundOf(machines, { reach })).filter((line) => line.startsWith('endpoint')),
  );
  assert.deepEqual(told, [
    `endpoint: ${at} answers`,
    `endpoint: it does not reach ${at}: Connection refused`,
    `endpoint: cannot tell whether ${at} answers: no answer within 15 s`,
  ]);
});
