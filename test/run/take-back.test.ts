/** What stamps keep to take tasks back: done once, told where it cannot be done, and used where code of a plugin fails. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Change } from '../../core/model/change.ts';
import { cmd } from '../../core/model/command.ts';
import { step } from '../../core/model/step.ts';
import type { Task, TaskId } from '../../core/model/task.ts';
import { written } from '../../core/steps/written.ts';
import { NODE, taskOf } from './context.ts';
import { did, failures, siteOn, told } from './site.ts';

const run = (word: string): Change => ({ kind: 'run', command: cmd`unmake ${word}`, why: 'it was made' });
const script = (title: string): Change => ({
  kind: 'script',
  title,
  script: async () => null,
  why: 'it was made',
});

/** A thing that is made by a command, and taken back by these changes. */
function made(
  inputs: string,
  undo: readonly Change[],
  { name = 'made', needs = [] as readonly TaskId[] } = {},
) {
  const spec = step<null>({
    name,
    inputs,
    probe: async () => null,
    plan: (_, last) => (last.current ? [] : [{ kind: 'run', command: cmd`make ${inputs}`, why: last.why }]),
    undo: () => undo,
  });
  return taskOf(spec, { needs });
}

const file = (name: string, needs: readonly TaskId[] = []) =>
  taskOf(written(name, { name, path: `/etc/x/${name}` }), { needs });
const OTHER = file('other');

async function site(t: Parameters<typeof siteOn>[0]) {
  const made = await siteOn(t, [NODE]);
  const host = made.papers['node-1']!; // it is on this host
  host.when('make', '');
  host.when('unmake', '');
  return { ...made, host, unmade: () => host.ran.filter((line) => line.startsWith('unmake')) };
}

test('a command that a stamp keeps is not done twice, where one after it fails', async (t) => {
  const { run: go, host, unmade } = await site(t);
  await go('all', [made('a', [run('one'), run('two')]), OTHER]);
  host.when('unmake two', { code: 1, stderr: 'busy\n' });
  for (const _ of ['once', 'again']) {
    const failed = await go('all', [OTHER]);
    const what = { host: 'node-1', task: 'node-1/p/made', command: 'unmake two' };
    const failure = { kind: 'not-undone', ...what, code: 1, signal: null, stderr: 'busy\n' };
    assert.deepEqual(failures(failed), [['node-1/p/made', failure]]);
    assert.equal(failed.exit, 1);
  }
  assert.deepEqual(unmade(), ['unmake one', 'unmake two', 'unmake two']);
  host.when('unmake two', '');
  assert.equal((await go('all', [OTHER])).exit, 0);
  assert.deepEqual(unmade().slice(3), ['unmake two']);
});

test('a command that takes an earlier declaration back is not done twice, where the new one fails', async (t) => {
  const { run: go, host, unmade } = await site(t);
  await go('all', [made('a', [run('a')])]);
  host.when('make b', { code: 1 });
  const changed = [made('b', [run('b')])];
  assert.equal((await go('all', changed)).exit, 1);
  host.when('make b', '');
  assert.equal((await go('all', changed)).exit, 0);
  assert.deepEqual(unmade(), ['unmake a']);
});

test('cleanup takes back by a command what no run has taken back since the inputs changed', async (t) => {
  const { run: go, host, unmade } = await site(t);
  await go('all', [made('a', [run('a')])]);
  const done = await go('cleanup', [made('b', [])]);
  assert.deepEqual([done.exit, unmade(), [...host.stamps]], [0, ['unmake a'], []]);
});

test('cleanup does a command once that takes back what was declared before and what is declared now', async (t) => {
  const { run: go, host, unmade } = await site(t);
  host.when('make', () => {
    host.write('/x/made', '');
    return '';
  });
  host.when('unmake', () => {
    host.disk.delete('/x/made');
    return '';
  });
  const link = (address: string) =>
    taskOf(
      step<{ there: boolean }>({
        name: 'link',
        inputs: { address },
        probe: async (view) => ({ there: (await view.stat('/x/made')) !== undefined }),
        plan: ({ there }) =>
          there ? [] : [{ kind: 'run', command: cmd`make ${address}`, why: 'it is missing' }],
        undo: ({ there }) => (there ? [run('link')] : []),
      }),
    );
  await go('all', [link('one')]);
  const done = await go('cleanup', [link('two')]);
  assert.deepEqual([done.exit, unmade(), [...host.stamps]], [0, ['unmake link'], []]);
});

test('a run tells of a script that took back what was declared before, unless it still does', async (t) => {
  const { run: go } = await site(t);
  await go('all', [made('a', [script('unmakes it')])]);
  const notices = async (tasks: readonly Task[]) =>
    (await go('all', tasks)).events.flatMap((each) => (each.kind === 'notice' ? [each.text] : []));
  assert.deepEqual(await notices([made('b', [script('unmakes it')])]), []);
  assert.deepEqual(await notices([made('c', [])]), [
    'left as it is, for only code that is no longer declared could do this: unmakes it',
  ]);
});

test('cleanup fails, and says the way, where only code that is no longer declared takes something back', async (t) => {
  const { run: go, look, host } = await site(t);
  await go('all', [made('a', [script('unmakes it')])]);
  const failure = {
    kind: 'no-way-back',
    host: 'node-1',
    task: 'node-1/p/made',
    plugin: 'p',
    what: ['unmakes it'],
  };
  assert.deepEqual(await look('cleanup', [made('b', [])]), [
    { kind: 'unknown', id: 'node-1/p/made', failure },
  ]);
  const done = await go('cleanup', [made('b', [])]);
  assert.deepEqual([done.exit, failures(done)], [1, [['node-1/p/made', failure]]]);
  assert.equal(host.stamps.has('node-1+p+made.json'), true);
});

/** A file whose step throws when it is asked what takes it back. */
function throwing(needs: readonly TaskId[]): Task {
  const task = file('bad', needs);
  const undo = () => {
    throw new Error('no');
  };
  return { ...task, step: { ...task.step, undo } };
}

test('cleanup goes by the record of a task whose undo throws, so that what it needs is taken back, too', async (t) => {
  const { run: go, look, host } = await site(t);
  const before = host.snapshot();
  await go('all', [OTHER, file('bad', [OTHER.id])]);
  const tasks = [OTHER, throwing([OTHER.id])];
  const plan = told(await look('cleanup', tasks));
  const done = await go('cleanup', tasks);
  assert.deepEqual(
    done.events.filter(({ kind }) => kind === 'notice'),
    [{ kind: 'notice', id: 'node-1/p/bad', text: 'taken back by its record; its undo failed: no' }],
  );
  assert.deepEqual([done.exit, did(done), host.snapshot()], [0, plan, before]);
  assert.deepEqual([...host.stamps], []);
});

test('cleanup passes over a task that never had its turn and whose undo throws', async (t) => {
  const { run: go, host } = await site(t);
  const before = host.snapshot();
  await go('all', [OTHER]);
  const done = await go('cleanup', [OTHER, throwing([OTHER.id])]);
  assert.deepEqual([done.exit, host.snapshot()], [0, before]);
});

test('cleanup leaves what a task needs where its undo throws and its record does not do, and says so', async (t) => {
  const { run: go, host } = await site(t);
  const bad = (undo: () => readonly Change[]): Task => {
    const task = made('a', [script('unmakes it')], { needs: [OTHER.id] });
    return { ...task, step: { ...task.step, undo } };
  };
  await go('all', [OTHER, bad(() => [script('unmakes it')])]);
  const done = await go('cleanup', [OTHER, bad(() => assert.fail('no'))]);
  assert.equal(done.exit, 1);
  const skipped = done.events.filter((each) => each.kind === 'task' && each.state === 'skipped');
  assert.deepEqual(skipped, [
    { kind: 'task', at: 0, id: 'node-1/p/other', state: 'skipped', because: 'node-1/p/made' },
  ]);
  assert.equal(host.read('/etc/x/other'), 'other');
});
