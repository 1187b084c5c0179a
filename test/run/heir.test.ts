/** A step that moved to another plugin, was renamed, or whose host was, is the same: nothing is undone, restarted or made anew. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cmd } from '../../core/model/command.ts';
import { fail } from '../../core/model/failure.ts';
import type { Host } from '../../core/model/plugin.ts';
import { type Step, step } from '../../core/model/step.ts';
import type { Task } from '../../core/model/task.ts';
import { running } from '../../core/steps/running.ts';
import { written } from '../../core/steps/written.ts';
import { NODE, taskOf } from './context.ts';
import { did, siteOn, told } from './site.ts';

const RENAMED: Host = { ...NODE, name: 'node-9' };
/** Inputs of a thing that need not be made again, whoever made it. */
const KEPT = 'kept';
const made = (name: string, inputs = 'thing', undo = 'unmake'): Step =>
  step<{ there: boolean }>({
    name,
    inputs,
    probe: async (view) => ({ there: (await view.stat('/run/thing')) !== undefined }),
    plan: ({ there }, { current, why }) =>
      there && (current || inputs === KEPT)
        ? []
        : [{ kind: 'run', command: cmd`make`, why: there ? why : 'it is not there' }],
    undo: ({ there }) => (there ? [{ kind: 'run', command: cmd`${undo}`, why: 'it was made' }] : []),
  });

/** A unit with its file and its configuration, and a thing that commands make, in one plugin on one host. */
function recipeOf({ plugin = 'p', host = NODE, name = 'made', text = 'A' } = {}): readonly Task[] {
  const at = { plugin, host };
  const unit = taskOf(written('[Service]', { name: 'unit', path: '/etc/systemd/system/x.service' }), at);
  const config = taskOf(written(text, { name: 'config', path: '/etc/x.conf' }), { ...at, needs: [unit.id] });
  const service = taskOf(running('x.service', { name: 'service', restartOn: ['/etc/x.conf'] }), {
    ...{ ...at, needs: [config.id] },
  });
  return [unit, config, service, taskOf(made(name), { ...at, needs: [service.id] })];
}

async function site(t: Parameters<typeof siteOn>[0]) {
  const begun = await siteOn(t, [NODE]);
  const host = begun.papers['node-1']!; // it is on this host
  host.when('make', () => {
    host.write('/run/thing', '');
    return '';
  });
  host.when('unmake', () => (host.disk.delete('/run/thing') ? '' : { code: 1 }));
  host.write('/run/own', '');
  const before = host.snapshot();
  await begun.run('all', recipeOf());
  return { ...begun, host, before: [...before, 'x.service inactive disabled'].toSorted() };
}

const MOVES = [
  ['whose plugin has another name', { plugin: 'q' }, [NODE]],
  ['whose host has another name', { host: RENAMED }, [RENAMED]],
  ['that has another name', { name: 'other' }, [NODE]],
] as const;

for (const [what, move, hosts] of MOVES) {
  test(`a step ${what} is left as it is, and known by its new name`, async (t) => {
    const { run, look, host, before } = await site(t);
    const tasks = recipeOf(move);
    assert.deepEqual(
      (await look('all', tasks, hosts)).map(({ kind }) => kind),
      tasks.map(() => 'as-declared'),
    );
    const done = await run('all', tasks, hosts);
    assert.deepEqual([done.exit, did(done)], [0, []]);
    assert.equal(host.units.get('x.service')?.starts, 1);
    const records = tasks.map(({ id }) => `${id.replaceAll('/', '+')}.json`);
    assert.deepEqual([...host.stamps.keys()].toSorted(), [...records, 'site'].toSorted());
    assert.deepEqual(did(await run('all', tasks, hosts)), []);
    assert.equal((await run('cleanup', tasks, hosts)).exit, 0);
    assert.deepEqual([host.snapshot(), [...host.stamps]], [before, []]);
  });

  test(`cleanup takes a step back ${what}, although no run has known it so`, async (t) => {
    const { run, look, host, before } = await site(t);
    const tasks = recipeOf(move);
    const plan = told(await look('cleanup', tasks, hosts));
    const done = await run('cleanup', tasks, hosts);
    assert.deepEqual([done.exit, did(done)], [0, plan]);
    assert.deepEqual(
      done.events.flatMap((each) => (each.kind === 'change' ? [each.what] : [])),
      ['run unmake', 'have x.service stopped', 'remove /etc/x.conf', 'remove /etc/systemd/system/x.service'],
    );
    assert.deepEqual([host.snapshot(), [...host.stamps]], [before, []]);
  });
}

test('a unit whose plugin has another name is restarted where its configuration is another, too', async (t) => {
  const { run, host } = await site(t);
  await run('all', recipeOf({ plugin: 'q', text: 'B' }));
  assert.equal(host.units.get('x.service')?.starts, 2);
});

test('a run that was killed between the new record and the end of the old one takes nothing back', async (t) => {
  const { run, host } = await site(t);
  const before = new Map(host.stamps);
  await run('all', recipeOf({ plugin: 'q' }));
  for (const [file, text] of before) host.stamps.set(file, text);
  const done = await run('all', recipeOf({ plugin: 'q' }));
  assert.deepEqual([did(done), host.stamps.size], [[], 5]);
});

test('what was found as declared beside a step that leaves is its heir, and goes with cleanup', async (t) => {
  const { run, host, before } = await site(t);
  const [first, second] = ['p', 'q'].map((plugin) => taskOf(made('found', KEPT), { plugin }));
  await run('all', [...recipeOf().slice(0, -1), first!]); // of two
  await run('all', [...recipeOf().slice(0, -1), first!, second!]);
  const done = await run('all', [...recipeOf().slice(0, -1), second!]);
  assert.deepEqual([did(done), host.disk.has('/run/thing')], [[], true]);
  await run('cleanup', [...recipeOf().slice(0, -1), second!]);
  assert.deepEqual(host.snapshot(), before);
});

test('a step with another name and other inputs is another step', async (t) => {
  const { run, host } = await site(t);
  const others = [...recipeOf().slice(0, -1), taskOf(made('other', 'others'))];
  const done = await run('all', others);
  assert.deepEqual(did(done), ['node-1/p/made: run unmake', 'node-1/p/other: run make']);
  assert.equal(host.disk.has('/run/thing'), true);
});

const heir = (undo: string): Step => ({ ...made('heir', KEPT, undo), heirOf: ['made'] });

test('a step that goes on with another one by its own word takes nothing of it back, and goes with cleanup', async (t) => {
  const { run, look, host, before } = await site(t);
  host.when('unmake-whole', () => (host.disk.delete('/run/thing') ? '' : { code: 1 }));
  const tasks = [...recipeOf().slice(0, -1), taskOf(heir('unmake-whole'))];
  assert.deepEqual(told(await look('all', tasks)), []);
  const done = await run('all', tasks);
  assert.deepEqual([did(done), host.disk.has('/run/thing')], [[], true]);
  const cleanup = await run('cleanup', tasks);
  assert.ok(did(cleanup).includes('node-1/p/heir: run unmake-whole'));
  assert.deepEqual(host.snapshot(), before);
});

test('a step that goes on with another one takes nothing of it back although it cannot be looked at', async (t) => {
  const { run, host } = await site(t);
  const blind = {
    ...heir('unmake'),
    probe: () => fail({ kind: 'cannot-tell', host: 'node-1', what: 'look', why: 'dark' }),
  };
  const done = await run('all', [...recipeOf().slice(0, -1), taskOf(blind)]);
  assert.deepEqual([done.exit, did(done), host.disk.has('/run/thing')], [1, [], true]);
});
