/** How hosts are asked: all at once, each within its time, and nothing is claimed that is not certain. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Host } from '../../core/model/plugin.ts';
import type { View } from '../../core/model/view.ts';
import { portsBetween } from '../../plugins/preflight/ports.ts';
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
}

/** Hosts of paper that reach each other, with the words that ports were asked by. */
function hostsOf(papers: readonly Paper[]) {
  const words: string[][] = [];
  const views = papers.map(({ look, ports = '' }, index): View => {
    const name = `w-${index + 1}`;
    return {
      ...paperView(),
      name,
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
    ['192.0.2.1', '5', '3', '6443:2', '192.0.2.2:10250', '192.0.2.3:10250'],
    ['192.0.2.2', '5', '3', '10250:1', '192.0.2.1:6443'],
    ['192.0.2.3', '5', '3', '10250:1', '192.0.2.1:6443'],
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
