/** A cluster of three machines, for real: workers join, pods of all nodes reach each other, and what is cut is named. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Event } from '../../core/model/event.ts';
import { hostPicture, machinesThere } from './host.ts';
import { type Machine, makeSite, must, type Ran, type Site } from './site.ts';

const PLANE: Machine = {
  name: 'cce2ep',
  address: '198.18.84.11',
  gateway: '198.18.84.1',
  bridge: 'cce2ew0',
};
const WORKERS = { cce2ew1: '198.18.84.12', cce2ew2: '198.18.84.13' };
const NODES = ['cce2ep', 'cce2ew1', 'cce2ew2'];
const PAGE = `${PLANE.name}/nginx-smoke/page`;

/** Nine pairs. */
const ALL_OK = Object.fromEntries(
  NODES.map((from) => [from, Object.fromEntries(NODES.map((to) => [to, 'ok']))]),
);

let site: Site;
let others: readonly string[];
let untouched: ReturnType<typeof hostPicture>;

before(async () => {
  site = makeSite({ base: 'lab', machine: PLANE, workers: WORKERS });
  // Packages are the one thing that stays, so they are there before the host's picture is taken.
  const tools = await site.cc(['run', 'machine/tools', 'images/tools']);
  assert.equal(tools.code, 0, tools.stdout + tools.stderr);
  others = machinesThere();
  untouched = hostPicture(others);
});

after(async () => {
  uncut();
  await site.cc(['run', 'cleanup']);
  site.remove();
});

test('workers join, and nginx of every node is reached from every node', async () => {
  const ran = await site.cc(['run', 'all', '--json']);
  assert.equal(ran.code, 0, ran.stdout + ran.stderr);
  assert.deepEqual(readyNodes(), NODES);
  assert.deepEqual(matrixOf(ran), ALL_OK);
  assert.doesNotMatch(site.kubectl('get namespaces -o name'), /smoke/);
});

test('a second run changes nothing on three machines', async () => {
  const ran = await site.cc(['run', 'all', '--json']);
  assert.equal(ran.code, 0, ran.stdout + ran.stderr);
  const started = ran.events.find((event) => event.kind === 'run-started');
  const end = ran.events.at(-1);
  assert.deepEqual(end?.kind === 'run-ended' && end.counts, {
    verified: started?.kind === 'run-started' ? started.tasks.length : -1,
  });
});

test('a node that was deleted by hand joins again by the next run', async () => {
  site.kubectl('delete node cce2ew2');
  const ran = await site.cc(['run', 'all', '--json']);
  assert.equal(ran.code, 0, ran.stdout + ran.stderr);
  assert.equal(lastOf(ran, 'cce2ew2/kubeadm/join')?.state, 'applied');
  assert.equal(lastOf(ran, 'cce2ew1/kubeadm/join')?.state, 'verified');
  assert.deepEqual(readyNodes(), NODES);
  // What stands on a node that came back is proven again.
  assert.deepEqual(matrixOf(ran), ALL_OK);
});

test('a link that is cut between two machines is named, and no other pair', async () => {
  const [one, other] = Object.keys(WORKERS) as [string, string];
  cut(one, other);
  const ran = await site.cc(['run', 'nginx-smoke', '--json']);
  assert.equal(ran.code, 1, ran.stdout + ran.stderr);
  const failure = lastOf(ran, PAGE)?.failure;
  if (failure?.kind !== 'check-failed') return assert.fail(JSON.stringify(failure));
  assert.deepEqual(failure.reasons.slice(0, 4), [
    'from \\ to  cce2ep  cce2ew1  cce2ew2',
    'cce2ep     ok      ok       ok',
    'cce2ew1    ok      ok       dropped',
    'cce2ew2    ok      dropped  ok',
  ]);
  const pairs = failure.reasons.slice(4);
  assert.equal(pairs.length, 2);
  for (const [at, [from, to]] of [
    [one, other],
    [other, one],
  ].entries())
    assert.match(
      pairs[at]!,
      new RegExp(
        `^${from} → ${to}: by pod address .*: nobody answered within 3 s, so packets are dropped on the way$`,
      ),
    );
  uncut();
  const again = await site.cc(['run', 'nginx-smoke', '--json']);
  assert.equal(again.code, 0, again.stdout + again.stderr);
  assert.deepEqual(matrixOf(again), ALL_OK);
});

test('cleanup of three machines leaves the host as it was', async () => {
  const ran = await site.cc(['run', 'cleanup']);
  assert.equal(ran.code, 0, ran.stdout + ran.stderr);
  assert.deepEqual(hostPicture(others), untouched);
});

function readyNodes(): readonly string[] {
  type Node = {
    readonly metadata: { readonly name: string };
    readonly status: { readonly conditions: readonly { readonly type: string; readonly status: string }[] };
  };
  const { items } = JSON.parse(site.kubectl('get nodes -o json')) as { readonly items: readonly Node[] };
  return items
    .filter(({ status }) =>
      status.conditions.some(({ type, status }) => type === 'Ready' && status === 'True'),
    )
    .map(({ metadata }) => metadata.name)
    .toSorted();
}

function lastOf(ran: Ran, id: string): Extract<Event, { kind: 'task' }> | undefined {
  const event = ran.events.findLast(
    (each) => each.kind === 'task' && each.id === id && each.took !== undefined,
  );
  return event?.kind === 'task' ? event : undefined;
}

/** What the smoke test reports of who reaches whom. */
function matrixOf(ran: Ran): unknown {
  const { state, report } = lastOf(ran, PAGE) ?? {};
  assert.equal(state, 'applied');
  return (report as { readonly matrix?: unknown }).matrix;
}

const TABLE = 'cce2ew';

/** Drops what two machines send each other; they still learn each other's hardware addresses, so that nothing is refused. */
function cut(one: string, other: string): void {
  must('nft', ['add', 'table', 'bridge', TABLE], '/');
  must('nft', ['add', 'chain', 'bridge', TABLE, 'cut', '{ type filter hook forward priority 0; }'], '/');
  for (const [from, to] of [
    [one, other],
    [other, one],
  ])
    must(
      'nft',
      [
        ...['add', 'rule', 'bridge', TABLE, 'cut'],
        `iifname vb-${from} oifname vb-${to} ip protocol tcp drop`,
      ],
      '/',
    );
}

function uncut(): void {
  must('sh', ['-c', `nft delete table bridge ${TABLE} 2>/dev/null || :`], '/');
}
