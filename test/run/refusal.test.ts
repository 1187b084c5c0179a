/** Taking back a part of what is declared: what stays is told to each undo, and may forbid it before anything is done. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fail } from '../../core/model/failure.ts';
import type { Host } from '../../core/model/plugin.ts';
import { step, type Undoing } from '../../core/model/step.ts';
import { type Task, taskId } from '../../core/model/task.ts';
import { fixed } from '../../core/steps/fixed.ts';
import { written } from '../../core/steps/written.ts';
import type { Lasting } from '../rig/temp.ts';
import { taskOf } from './context.ts';
import { did, failures, siteOn, told } from './site.ts';

const hostOf = (name: string, role: string): Host => ({
  name,
  roles: [role],
  connection: { kind: 'ssh', address: name },
});
const PLANE = hostOf('cp-1', 'plane');
const WORKERS = [hostOf('w-1', 'worker'), hostOf('w-2', 'worker')];
const HOSTS = [PLANE, ...WORKERS];

const namesOf = ({ staying }: Undoing) => staying.map(({ name, roles }) => `${name} ${roles.join()}`);

/** A host that joins something, and leaves it as long as that is not taken back too. */
function joining(host: Host, inputs = 1): Task {
  return taskOf(
    step<boolean>({
      name: 'join',
      inputs,
      probe: async (view) => (await view.stat('/etc/joined')) !== undefined,
      plan: (joined) =>
        joined ? [] : [{ kind: 'write', path: '/etc/joined', text: 'yes', mode: 0o644, why: 'alone' }],
      undo: (joined, undoing) => {
        const why = `stays: ${namesOf(undoing).join(', ')}`;
        const leaves = undoing.staying.some(({ roles }) => roles.includes('plane'));
        const leave = { kind: 'script', title: 'leave', why, script: async () => undefined } as const;
        return joined ? [...(leaves ? [leave] : []), { kind: 'remove', path: '/etc/joined', why }] : [];
      },
      leaves: (_, undoing) => `stays: ${namesOf(undoing).join(', ')}`,
    }),
    { host },
  );
}

const PLANE_TASK = taskOf(
  {
    ...written('x', { name: 'plane', path: '/etc/plane' }),
    beforeUndo: async (view, undoing) => {
      const text = await view.text('/etc/plane');
      const reasons = [`${text} has ${undoing.staying.length} workers`];
      if (undoing.staying.length > 0)
        fail({ kind: 'check-failed', host: view.name, what: 'nobody needs it', reasons });
    },
  },
  { host: PLANE },
);
const ON_TOP = taskOf(written('y', { name: 'top', path: '/etc/top' }), {
  host: PLANE,
  needs: [PLANE_TASK.id],
});
const TASKS = [PLANE_TASK, ON_TOP, ...WORKERS.map((host) => joining(host))];

async function made(t: Lasting) {
  const site = await siteOn(t, HOSTS);
  assert.equal((await site.run('all', TASKS)).exit, 0);
  return site;
}

test('undo of one host hears which others stay, and that of all hosts that none does', async (t) => {
  const site = await made(t);
  const one = await site.run('cleanup', TASKS, HOSTS, { limit: 'w-1' });
  assert.deepEqual(did(one), ['w-1/p/join: leave', 'w-1/p/join: remove /etc/joined']);
  const stays = one.events.flatMap((event) => (event.kind === 'notice' ? [event.text] : []));
  assert.deepEqual(stays, ['stays: cp-1 plane, w-2 worker']);
  const all = await site.run('cleanup', TASKS);
  assert.equal(all.exit, 0);
  assert.deepEqual(did(all), [
    'cp-1/p/plane: remove /etc/plane',
    'cp-1/p/top: remove /etc/top',
    'w-2/p/join: remove /etc/joined',
  ]);
});

test('what a stamp keeps of a host alone is not missed where all hosts are taken back by a newer declaration', async (t) => {
  const site = await made(t);
  const newer = [PLANE_TASK, ON_TOP, ...WORKERS.map((host) => joining(host, 2))];
  assert.deepEqual(failures(await site.run('cleanup', newer)), []);
});

test('step that others build on refuses before anything is taken back, and says so in the plan', async (t) => {
  const site = await made(t);
  const failure = {
    kind: 'check-failed',
    host: 'cp-1',
    what: 'nobody needs it',
    reasons: ['x has 2 workers'],
  } as const;
  const looked = await site.look('cleanup', TASKS, HOSTS, { limit: 'cp-1' });
  assert.deepEqual(
    looked.filter(({ kind }) => kind === 'unknown'),
    [{ kind: 'unknown', id: PLANE_TASK.id, failure }],
  );
  const done = await site.run('cleanup', TASKS, HOSTS, { limit: 'cp-1' });
  assert.deepEqual([done.exit, failures(done), did(done)], [1, [[PLANE_TASK.id, failure]], []]);
  assert.deepEqual(site.papers['cp-1']?.read('/etc/top'), 'y');
  const both = await site.look('cleanup', TASKS);
  assert.equal(told(both).length, 4);
});

test('step that throws where it might refuse fails with its place, and nothing is taken back', async (t) => {
  const site = await made(t);
  const broken: Task = {
    ...PLANE_TASK,
    step: { ...PLANE_TASK.step, beforeUndo: () => Promise.reject(new Error('oops')) },
  };
  const done = await site.run('cleanup', [broken, ON_TOP], HOSTS, { limit: 'cp-1' });
  assert.deepEqual(
    failures(done).map(([id, { kind }]) => [id, kind]),
    [[taskId('cp-1', 'p', 'plane'), 'plugin-threw']],
  );
  assert.deepEqual(did(done), []);
});

test('step that cc has not applied forbids nothing', async (t) => {
  const site = await siteOn(t, HOSTS);
  site.papers['cp-1']?.write('/etc/plane', 'x');
  assert.deepEqual(failures(await site.run('cleanup', TASKS, HOSTS, { limit: 'cp-1' })), []);
});

test('host that refuses what is declared keeps what is no longer declared, until it refuses no more', async (t) => {
  const host = WORKERS[0]!;
  const site = await siteOn(t, [host]);
  await site.run('all', [taskOf(written('old', { name: 'former', path: '/etc/former' }), { host })]);
  site.papers['w-1']!.write('/etc/fixed', 'another');
  const look = fixed({
    ...{ name: 'look', what: 'the runtime', declared: { 'its name': 'new' }, fix: 'make it anew' },
    look: async (view): Promise<Record<string, string>> => {
      const text = await view.text('/etc/fixed');
      return text === undefined ? {} : { 'its name': text };
    },
  });
  const first = taskOf(look, { host });
  const now = taskOf(written('new', { name: 'now', path: '/etc/now' }), { host, needs: [first.id] });
  const refused = await site.run('all', [first, now]);
  assert.deepEqual([failures(refused).map(([id]) => id), did(refused)], [[first.id], []]);
  site.papers['w-1']!.disk.delete('/etc/fixed');
  const done = await site.run('all', [first, now]);
  assert.deepEqual(did(done), ['w-1/p/former: remove /etc/former', 'w-1/p/now: write /etc/now']);
});
