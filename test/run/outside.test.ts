/** Hosts that --limit leaves out: what is needed there is looked at, nothing there is changed, and no lock is taken. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Host } from '../../core/model/plugin.ts';
import type { Shell } from '../../core/model/shell.ts';
import { isFinal } from '../../core/model/task.ts';
import { sessionPool } from '../../core/run/session-pool.ts';
import { check } from '../../core/steps/check.ts';
import { written } from '../../core/steps/written.ts';
import { paper } from '../rig/paper.ts';
import { tempFolder } from '../rig/temp.ts';
import { taskOf } from './context.ts';
import { type Done, did, failures, siteOn } from './site.ts';

const at = (name: string): Host => ({ name, roles: [], connection: { kind: 'ssh', address: name } });
const [CP, W, OTHER] = [at('cp-1'), at('w-1'), at('w-2')];
const HOSTS = [CP, W, OTHER];

const fileOn = (host: Host, name: string, ...needs: readonly ReturnType<typeof taskOf>[]) =>
  taskOf(written(name, { name, path: `/etc/${name}` }), { host, needs: needs.map(({ id }) => id) });
const init = fileOn(CP, 'init');
const TASKS = [
  init,
  fileOn(CP, 'more'),
  ...[W, OTHER].flatMap((host) => [fileOn(host, 'own'), fileOn(host, 'join', init)]),
];

const LIMIT = { limit: 'w-1' };
const LEFT_OUT = {
  ...{ kind: 'left-out', host: 'cp-1', task: 'cp-1/p/init' },
  changes: ['write /etc/init'],
} as const;

const ends = ({ events }: Done) =>
  events.flatMap((event) =>
    event.kind === 'task' && isFinal(event.state) ? [`${event.id} ${event.state}`] : [],
  );

async function site(t: TestContext) {
  return siteOn(t, HOSTS);
}

test('what is needed on a host that is left out, and is not as declared, fails by name; all else goes on', async (t) => {
  const { run, papers } = await site(t);
  const before = papers['cp-1']?.snapshot();
  const done = await run('all', TASKS, HOSTS, LIMIT);
  assert.equal(done.exit, 1);
  assert.deepEqual(failures(done), [['cp-1/p/init', LEFT_OUT]]);
  assert.deepEqual(ends(done).toSorted(), ['cp-1/p/init failed', 'w-1/p/join skipped', 'w-1/p/own applied']);
  assert.deepEqual(papers['cp-1']?.snapshot(), before);
});

test('what is needed there and is as declared is enough, and is not even noted', async (t) => {
  const { run, papers } = await site(t);
  papers['cp-1']?.write('/etc/init', 'init');
  const [before, other] = [papers['cp-1']?.snapshot(), papers['w-2']?.snapshot()];
  const done = await run('all', TASKS, HOSTS, LIMIT);
  assert.equal(done.exit, 0);
  assert.deepEqual(ends(done).toSorted(), [
    'cp-1/p/init verified',
    'w-1/p/join applied',
    'w-1/p/own applied',
  ]);
  assert.deepEqual(papers['cp-1']?.snapshot(), before);
  assert.deepEqual(papers['w-2']?.snapshot(), other);
});

test('plan says the same beforehand', async (t) => {
  const { look } = await site(t);
  const found = await look('all', TASKS, HOSTS, LIMIT);
  assert.deepEqual(
    found.map(({ id, kind }) => `${id} ${kind}`),
    ['cp-1/p/init unknown', 'w-1/p/own would', 'w-1/p/join pending'],
  );
  assert.deepEqual(found[0], { kind: 'unknown', id: 'cp-1/p/init', failure: LEFT_OUT });
});

test('what is no longer declared goes from the hosts that are meant alone', async (t) => {
  const { run, papers } = await site(t);
  assert.equal((await run('all', TASKS)).exit, 0);
  const left = TASKS.filter(({ step }) => step.name !== 'own');
  const done = await run('all', left, HOSTS, LIMIT);
  assert.deepEqual(did(done), ['w-1/p/own: remove /etc/own']);
  assert.equal(papers['w-2']?.read('/etc/own'), 'own');
});

test('a host that is only looked at is neither locked nor noted', async (t) => {
  const told: string[] = [];
  const machines = { 'cp-1': paper('cp-1'), 'w-1': paper('w-1') };
  const pool = sessionPool(await tempFolder(t), {
    hosts: [CP, W],
    connect: async ({ name }) => machines[name as keyof typeof machines],
    lock: async ({ host }) => void told.push(`locked ${host}`),
    note: async ({ name }) => void told.push(`noted ${name}`),
    looked: ({ name }) => name === 'cp-1',
  });
  for (const host of [CP, W]) await pool.session(host, true);
  assert.deepEqual(told, ['locked w-1', 'noted w-1']);
  await pool[Symbol.asyncDispose]();
});

test('a script is told the hosts that are left out', async (t) => {
  const { run, papers } = await site(t);
  papers['cp-1']?.write('/etc/init', 'init');
  const script = async ({ leftOut }: Shell) => [...leftOut];
  const spec = { name: 'tell', title: 'tell who is left out', inputs: null, script };
  const tell = taskOf(check(spec), { host: W, needs: [init.id] });
  const reports = async (chosen: typeof LIMIT | undefined) =>
    (await run('all', [init, tell], HOSTS, chosen)).events.flatMap((event) =>
      event.kind === 'task' && event.report !== undefined ? [event.report] : [],
    );
  assert.deepEqual(await reports(LIMIT), [['cp-1']]);
  papers['w-1']?.stamps.clear();
  assert.deepEqual(await reports(undefined), [[]]);
});
