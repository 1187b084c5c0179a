/** What is left on hosts when all tasks are taken back: nothing of cc, or a failure that says so. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Host } from '../../core/model/plugin.ts';
import { written } from '../../core/steps/written.ts';
import { NODE, taskOf } from './context.ts';
import { did, failures, siteOn, told } from './site.ts';

const OTHER: Host = { ...NODE, name: 'node-2', connection: { kind: 'ssh', address: 'also on paper' } };
const fileOf = (name: string, host = NODE) =>
  taskOf(written(name, { name, path: `/etc/x/${name}` }), { host });

test('cleanup of a site with a host of another site ends in order, and clears the other hosts', async (t) => {
  const tasks = [fileOf('a'), fileOf('a', OTHER)];
  const site = await siteOn(t, [NODE, OTHER]);
  const before = site.papers['node-2']?.snapshot();
  await site.run('all', tasks);
  const theirs = { id: 'theirs', name: 'theirs' };
  site.papers['node-1']?.stamps.set('site', JSON.stringify(theirs));
  const done = await site.run('cleanup', tasks);
  assert.equal(done.exit, 65);
  assert.equal(done.events.at(-1)?.kind, 'run-ended');
  const mine = { id: 'site', name: 'site' };
  const failure = { kind: 'foreign-site', host: 'node-1', mine, theirs } as const;
  assert.deepEqual(failures(done), [
    ['node-1/cc/record', failure],
    ['node-1/p/a', failure],
  ]);
  assert.deepEqual(site.papers['node-2']?.snapshot(), before);
  assert.equal(site.papers['node-1']?.read('/etc/x/a'), 'a');
  assert.deepEqual(site.known(), ['node-1']);
});

for (const [whose, declared] of [
  ['a task that is declared', true],
  ['a task that is not declared any more', false],
] as const)
  test(`cleanup tells of a torn record of ${whose}, keeps what it says in a log, and takes it away`, async (t) => {
    const site = await siteOn(t, [NODE]);
    const host = site.papers['node-1']!;
    const before = host.snapshot();
    await site.run('all', [fileOf('a'), fileOf('b')]);
    host.stamps.set('node-1+p+b.json', '{"task":"node-1/p/b');
    const tasks = declared ? [fileOf('a'), fileOf('b')] : [fileOf('a')];
    const records = ['node-1+p+b.json'];
    const torn = { kind: 'torn-records', host: 'node-1', records } as const;
    const plan = await site.look('cleanup', tasks);
    assert.deepEqual(
      plan.filter(({ kind }) => kind === 'unknown'),
      [{ kind: 'unknown', id: 'node-1/cc/record', failure: { ...torn, gone: false } }],
    );
    const done = await site.run('cleanup', tasks);
    assert.equal(done.exit, 1);
    assert.deepEqual(failures(done), [['node-1/cc/record', { ...torn, gone: true }]]);
    assert.deepEqual(
      done.events.filter((event) => event.kind === 'output' && event.id === 'node-1/cc/record'),
      [{ kind: 'output', id: 'node-1/cc/record', text: 'node-1+p+b.json: {"task":"node-1/p/b\n' }],
    );
    assert.deepEqual(told(plan), did(done));
    assert.deepEqual([...host.stamps], []);
    assert.deepEqual(host.snapshot(), before);
    assert.equal((await site.run('cleanup', tasks)).exit, 0);
    assert.deepEqual(site.known(), []);
  });

test('cleanup and its plan name alike what only notes on a host know of', async (t) => {
  const site = await siteOn(t, [NODE]);
  const host = site.papers['node-1']!;
  await site.run('all', [fileOf('a'), fileOf('b')]);
  host.stamps.clear();
  const plan = told(await site.look('cleanup', [fileOf('a')]));
  assert.deepEqual(plan, ['node-1/cc/notes: remove /etc/x/b', 'node-1/p/a: remove /etc/x/a']);
  const done = await site.run('cleanup', [fileOf('a')]);
  assert.deepEqual([done.exit, did(done)], [0, plan]);
  assert.deepEqual([...host.owned], []);
});

test('cleanup leaves what notes know of where a task could not be taken back, which may need it', async (t) => {
  const site = await siteOn(t, [NODE]);
  const host = site.papers['node-1']!;
  await site.run('all', [fileOf('a'), fileOf('b')]);
  host.stamps.clear();
  const remove = host.files.remove;
  host.files.remove = async (path, signal) =>
    path === '/etc/x/b' ? Promise.reject(new Error('busy')) : remove(path, signal);
  await site.run('cleanup', [fileOf('b')]);
  assert.deepEqual([...host.owned], ['/etc/x/a', '/etc/x/b']);
});
