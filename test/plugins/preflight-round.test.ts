/** How hosts are asked: all at once, each within its time, and nothing is claimed that is not certain. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Host } from '../../core/model/plugin.ts';
import type { Result, View } from '../../core/model/view.ts';
import { type Port, portsBetween, VXLAN } from '../../plugins/preflight/ports.ts';
import { roundOf, type Watch } from '../../plugins/preflight/round.ts';
import { paperView } from '../rig/view.ts';

const LOOKS = 'a script that tells what this host is';
const ASKS = 'a script that asks the other hosts for their ports';

const host = (number: number, roles: readonly string[] = ['control-plane']): Host => ({
  name: `w-${number}`,
  roles,
  connection: { kind: 'ssh', address: `w-${number}.example` },
});

const said = (number: number, more = '') =>
  `clock: 1000.0\nnode: node-${number}\nip: yes
address: 2: eth0    inet 192.0.2.${number}/24 scope global eth0
route: eth0	00000000	010200C0	0003	0	0	0	00000000	0	0	0
link eth0: 52:54:00:00:00:0${number} 1500\n${more}`;

/** What a host answers; null: it never does. */
interface Paper {
  readonly look?: string | null;
  readonly ports?: string | null;
  /** How connecting to the endpoint ends there. */
  readonly reached?: Result;
}

/** Hosts of paper that reach each other, with the words that ports were asked by. */
function hostsOf(papers: readonly Paper[]) {
  const words: string[][] = [];
  const views = papers.map(({ look, ports = '', reached }, index): View => {
    const name = `w-${index + 1}`;
    return {
      ...paperView(),
      name,
      result: async ({ title }) => reaching(title, reached),
      read: async ({ title, argv }) => {
        const answer = title === LOOKS ? (look === undefined ? said(index + 1) : look) : ports;
        if (title === ASKS) words[index] = argv.slice(3).map(String);
        return answer === null ? new Promise<never>(() => {}) : answer;
      },
      on: async (place) => {
        const there = views.find((view) => view.name === place);
        if (!there) throw new Error('unreachable');
        return there;
      },
    };
  });
  return { views, words };
}

function reaching(title: string | undefined, reached: Result | undefined): Result {
  assert.equal(title, 'connect to api.example.org:6443');
  return reached ?? { code: 0, stdout: '', stderr: '' };
}

/** A clock that stands, and whose times are over at once where something waits for ever. */
function watch(isOver = false): Watch {
  return {
    now: () => 1_000_000,
    after: (_, call) => {
      if (isOver) setImmediate(call);
      return () => undefined;
    },
  };
}

/** A small packet, and one of a full MTU. */
const pings = (number: number) => [84, 1500].map((size) => `192.0.2.${number}:${size}/ping`);

const answered = (number: number, lines: string) =>
  `listened 6443\nlistened 10250\n${lines}asked 3\nlived 5\n`.replaceAll('OTHER', `192.0.2.${3 - number}`);

test('each host is asked once, and asks all its peers at once for what they will be', async () => {
  const hosts = [host(1), host(2, ['worker']), host(3, ['worker'])];
  const { views, words } = hostsOf([{}, {}, {}]);
  const { machines } = await roundOf({ hosts, ports: portsBetween }, views[0]!, watch());
  assert.deepEqual(
    machines.map(({ kind, name }) => [kind, name]),
    [
      ['told', 'w-1'],
      ['told', 'w-2'],
      ['told', 'w-3'],
    ],
  );
  assert.deepEqual(words, [
    ['192.0.2.1', '5', '3', '6443:2', '192.0.2.2:10250', '192.0.2.3:10250', ...pings(2), ...pings(3)],
    ['192.0.2.2', '5', '3', '10250:1', '192.0.2.1:6443', ...pings(1), ...pings(3)],
    ['192.0.2.3', '5', '3', '10250:1', '192.0.2.1:6443', ...pings(1), ...pings(2)],
  ]);
});

test('hosts of the control plane ask each other for etcd too', () => {
  const [plane, worker, any] = [host(1), host(2, ['worker']), host(3, [])];
  const asked = (from: Host, to: Host) => portsBetween(from, to).map(({ port }) => port);
  assert.deepEqual(asked(plane, any), [6443, 2379, 2380, 10250]);
  assert.deepEqual(asked(worker, plane), [6443]);
  assert.deepEqual(asked(worker, worker), []);
});

const HOSTS = [host(1), host(2, ['worker'])];

/** What w-1 is answered by w-2's kubelet, after these answers. */
async function answer(one: Paper, two: Paper, time = watch()) {
  const { views } = hostsOf([one, two]);
  const { pairs } = await roundOf({ hosts: HOSTS, ports: portsBetween }, views[0]!, time);
  return pairs.find(({ from, port }) => from === 'w-1' && port.port === 10250)?.answer;
}

/** The same of flannel's port. */
async function overUdp(said: string, two: Paper) {
  const { views } = hostsOf([{ ports: answered(1, `OTHER:8472/udp ${said}\n`) }, two]);
  const ports = (): readonly Port[] => [VXLAN];
  const { pairs } = await roundOf({ hosts: HOSTS, ports }, views[0]!, watch());
  return pairs.find(({ from }) => from === 'w-1')?.answer;
}

for (const [name, word, two, expected] of [
  ['open', 'open', { ports: '' }, { kind: 'open' }],
  [
    'silent where a host listened',
    'silent',
    { ports: 'listened 8472/udp\nasked 3\nlived 5\n' },
    { kind: 'silent' },
  ],
  [
    'silent where flannel is at work',
    'silent',
    { ports: 'taken 8472/udp\nasked 3\nlived 5\n' },
    { kind: 'untold', why: 'who listens there already answers no questions' },
  ],
  [
    'silent on a node',
    'silent',
    { look: said(2, 'node-made: yes\n'), ports: 'asked 0\nlived 5\n' },
    { kind: 'untold', why: 'who listens on a node answers no questions' },
  ],
  [
    'silent where the listener may have been gone',
    'silent',
    { ports: 'listened 8472/udp\nasked 3\nlived 0.1\n' },
    { kind: 'untold', why: 'the two hosts were not asked at the same time' },
  ],
] as const)
  test(`port of UDP is ${name}`, async () => {
    assert.deepEqual(await overUdp(word, two), expected);
  });

for (const [name, small, full, expected] of [
  ['arrive', 'silent', 'open', { kind: 'whole' }],
  ['are lost where small ones arrive', 'open', 'silent', { kind: 'lost', why: 'no answer' }],
  ['are too large for the sender', 'open', 'Message too long', { kind: 'lost', why: 'Message too long' }],
  ['are like small ones: nobody answers', 'silent', 'silent', { kind: 'untold', why: 'it answers no ping' }],
  [
    'may not be sent',
    'nobody may send it here',
    'nobody may send it here',
    { kind: 'untold', why: 'nobody may send it here' },
  ],
] as const)
  test(`packets of a full MTU ${name}`, async () => {
    const [one, other] = pings(2);
    const { views } = hostsOf([{ ports: `${one} ${small}\n${other} ${full}\n` }, {}]);
    const { carried } = await roundOf({ hosts: HOSTS, ports: portsBetween }, views[0]!, watch());
    assert.deepEqual(
      carried.filter(({ from }) => from === 'w-1'),
      [{ from: 'w-1', to: 'w-2', mtu: 1500, answer: expected }],
    );
  });

test('endpoint is asked for by every host once a control plane stands', async () => {
  const endpoint = { address: 'api.example.org', port: 6443 };
  const site = { hosts: HOSTS, endpoint, ports: portsBetween };
  const look = said(1, 'node-made: yes\nplane: 1.20.2\n');
  const refused = {
    code: 1,
    stdout: '',
    stderr:
      'bash: connect: Connection refused\nbash: line 1: /dev/tcp/api.example.org/6443: Connection refused\n',
  };
  for (const [reached, answer] of [
    [refused, { kind: 'closed', why: 'Connection refused' }],
    [
      { code: 124, stdout: '', stderr: '' },
      { kind: 'closed', why: 'no answer within 5 s' },
    ],
    [
      { code: 127, stdout: '', stderr: 'bash: not found' },
      { kind: 'untold', why: 'bash: not found' },
    ],
  ] as const) {
    const { views } = hostsOf([{ look }, { reached }]);
    const { reach } = await roundOf(site, views[0]!, watch());
    assert.deepEqual(reach, {
      at: 'api.example.org:6443',
      answers: [
        { from: 'w-1', answer: { kind: 'open' } },
        { from: 'w-2', answer },
      ],
    });
  }
  const { views } = hostsOf([{}, {}]);
  assert.equal((await roundOf(site, views[0]!, watch())).reach, undefined);
});

const asksFor = (said: string): Paper => ({ ports: answered(1, `OTHER:10250 ${said}\n`) });
const LISTENS: Paper = { ports: answered(2, 'OTHER:6443 open\n') };

for (const [word, kind] of [
  ['open', { kind: 'open' }],
  ['silent', { kind: 'silent' }],
  ['refused', { kind: 'refused' }],
  ['No route to host', { kind: 'failed', why: 'No route to host' }],
] as const)
  test(`port where a host listened for it is ${word}`, async () => {
    assert.deepEqual(await answer(asksFor(word), LISTENS), kind);
  });

for (const [name, two, expected] of [
  ['somebody listens already', { ports: 'taken 10250\nasked 0\nlived 0\n' }, { kind: 'refused' }],
  [
    'no listener could be opened',
    { ports: 'failed 10250\nasked 0\nlived 5\n' },
    { kind: 'untold', why: 'no listener could be opened there' },
  ],
  [
    'the host is a node whose kubelet does not run',
    { look: said(2, 'node-made: yes\n'), ports: 'asked 0\nlived 5\n' },
    { kind: 'untold', why: 'nobody listens there at the moment' },
  ],
  [
    'the listener may have been there at another time',
    { ports: 'listened 10250\nasked 0\nlived 0.1\n' },
    { kind: 'untold', why: 'the two hosts were not asked at the same time' },
  ],
] as const)
  test(`refused port is taken for what is certain where ${name}`, async () => {
    assert.deepEqual(await answer(asksFor('refused'), two), expected);
  });

test('node opens no port in the place of its own programs', async () => {
  const { views, words } = hostsOf([{}, { look: said(2, 'node-made: yes\n') }]);
  await roundOf({ hosts: HOSTS, ports: portsBetween }, views[0]!, watch());
  assert.deepEqual(words[1]?.slice(0, 4), ['192.0.2.2', '5', '3', '']);
});

test('host that cannot be entered or does not answer in time is not compared', async () => {
  const hosts = [host(1), host(2), host(4)];
  const { views } = hostsOf([{}, { look: null }]);
  const { machines, pairs } = await roundOf({ hosts, ports: portsBetween }, views[0]!, watch(true));
  assert.deepEqual(machines.slice(1), [
    { kind: 'untold', name: 'w-2', why: 'no answer within 30 s' },
    { kind: 'untold', name: 'w-4', why: 'unreachable' },
  ]);
  assert.deepEqual(pairs, []);
});

test('ports of a host that does not say what it found are not known', async () => {
  const why = 'no answer within 15 s';
  assert.deepEqual(await answer({ ports: null }, LISTENS, watch(true)), { kind: 'untold', why });
  assert.deepEqual(await answer(asksFor('refused'), { ports: null }, watch(true)), {
    kind: 'untold',
    why: `it does not say whether somebody listens: ${why}`,
  });
});

test('host whose address is not known is compared, and no port is asked of it', async () => {
  const { views, words } = hostsOf([{}, { look: 'clock: 1000.0\nnode: node-2\n' }]);
  const { machines, pairs } = await roundOf({ hosts: HOSTS, ports: portsBetween }, views[0]!, watch());
  assert.equal(machines[1]?.kind, 'told');
  assert.deepEqual([pairs, words], [[], []]);
});

test('of many hosts eight are entered at once', async () => {
  const hosts = Array.from({ length: 20 }, (_, index) => host(index + 1, ['worker']));
  const { views } = hostsOf(hosts.map(() => ({})));
  let [now, most] = [0, 0];
  const on: View['on'] = async (place) => {
    now += 1;
    most = Math.max(most, now);
    await new Promise(setImmediate);
    now -= 1;
    return views[0]!.on(place);
  };
  await roundOf({ hosts, ports: () => [] }, { ...views[0]!, on }, watch());
  assert.equal(most, 8);
});
