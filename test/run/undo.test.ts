/** Taking everything back: in the opposite order, proven, with nothing left and nobody else's touched. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reversed } from '../../core/graph/order.ts';
import { cmd } from '../../core/model/command.ts';
import { step } from '../../core/model/step.ts';
import type { Task } from '../../core/model/task.ts';
import { undoing } from '../../core/run/undo.ts';
import { check } from '../../core/steps/check.ts';
import { running } from '../../core/steps/running.ts';
import { written } from '../../core/steps/written.ts';
import { paper } from '../rig/paper.ts';
import { type Lasting, tempFolder } from '../rig/temp.ts';
import { CONTROLLER, NODE, type Running, runTasks, taskOf } from './context.ts';

const UNIT = '/etc/systemd/system/x.service';
const unit = taskOf(written('[Service]', { name: 'unit', path: UNIT }));
const config = taskOf(written('A', { name: 'config', path: '/etc/x/deep/x.conf' }), { needs: [unit.id] });
const service = taskOf(running('x.service', { name: 'service', restartOn: ['/etc/x/deep/x.conf'] }), {
  needs: [unit.id, config.id],
});
const smoke = taskOf(check({ name: 'smoke', title: 'prove it', inputs: null, script: async () => null }), {
  needs: [service.id],
});
const TASKS: readonly Task[] = [unit, config, service, smoke];

async function place(t: Lasting) {
  const host = paper('node-1');
  const up: Running = { folder: await tempFolder(t), hosts: { 'node-1': host } };
  const down: Running = {
    ...up,
    arrows: reversed(TASKS),
    onFailure: 'continue',
    work: (context) => undoing(context, new Set()),
  };
  return { host, up, down };
}

test('undo takes back what was applied in the opposite order, and leaves nothing', async (t) => {
  const { host, up, down } = await place(t);
  const before = host.snapshot();
  await runTasks(TASKS, up);
  assert.equal(host.stamps.size, 4);
  const undone = await runTasks(TASKS, down);
  const order = undone.events.flatMap((event) => (event.kind === 'change' ? [event.what] : []));
  assert.deepEqual(order, ['have x.service stopped', 'remove /etc/x/deep/x.conf', `remove ${UNIT}`]);
  assert.deepEqual(undone.states(service.id), ['ready', 'probing', 'performing', 'proving', 'applied']);
  assert.deepEqual(undone.states(smoke.id), ['ready', 'probing', 'verified']);
  assert.deepEqual([...host.stamps], []);
  assert.deepEqual(host.snapshot(), [...before, 'x.service inactive disabled'].toSorted());
});

test('undo of what is undone finds nothing to do', async (t) => {
  const { host, up, down } = await place(t);
  await runTasks(TASKS, up);
  await runTasks(TASKS, down);
  const before = host.snapshot();
  const again = await runTasks(TASKS, down);
  assert.deepEqual(
    [...again.outcomes.values()].map(({ state }) => state),
    TASKS.map(() => 'verified'),
  );
  assert.deepEqual(host.snapshot(), before);
});

test('undo leaves a file alone that was there before and is as declared', async (t) => {
  const { host, up, down } = await place(t);
  host.write('/etc/x/deep/x.conf', 'A');
  await runTasks(TASKS, up);
  await runTasks(TASKS, down);
  assert.equal(host.read('/etc/x/deep/x.conf'), 'A');
});

for (const [host, state, title] of [
  [NODE, 'adopted', 'undo forgets on a host also what has no undo'],
  [CONTROLLER, 'verified', 'undo remembers on the controller what has no undo: it was built, and is kept'],
] as const) {
  test(title, async (t) => {
    const task = taskOf(step<null>({ name: 'built', probe: async () => null, plan: () => [] }), { host });
    const up: Running = { folder: await tempFolder(t), hosts: { [host.name]: paper(host.name) } };
    const ran = async (running: Running) => (await runTasks([task], running)).outcomes.get(task.id)?.state;
    assert.equal(await ran(up), 'adopted');
    assert.equal(await ran(up), 'verified');
    assert.equal(await ran({ ...up, work: (context) => undoing(context, new Set()) }), 'verified');
    assert.equal(await ran(up), state);
  });
}

test('undo puts back the file that was replaced', async (t) => {
  const { host, up, down } = await place(t);
  host.write('/etc/x/deep/x.conf', 'theirs', 0o600);
  const before = host.snapshot();
  await runTasks(TASKS, up);
  assert.equal(host.read('/etc/x/deep/x.conf'), 'A');
  await runTasks(TASKS, down);
  assert.deepEqual(host.snapshot(), [...before, 'x.service inactive disabled'].toSorted());
});

test('undo that leaves something fails, keeps its stamp, and keeps what stands below it', async (t) => {
  const { host, up, down } = await place(t);
  await runTasks(TASKS, up);
  host.when('systemctl --quiet disable --now x.service', '');
  const undone = await runTasks(TASKS, down);
  assert.deepEqual(undone.outcomes.get(service.id)?.failure, {
    kind: 'not-converged',
    host: 'node-1',
    within: 0,
    left: [{ what: 'have x.service stopped', why: 'x.service is active' }],
  });
  assert.deepEqual(undone.states(config.id), ['skipped']);
  assert.deepEqual(undone.states(unit.id), ['skipped']);
  assert.equal(host.read('/etc/x/deep/x.conf'), 'A');
  assert.equal(host.stamps.size, 3);
});

test('undo of a service that ends with an error when it is stopped is done', async (t) => {
  const { host, up, down } = await place(t);
  await runTasks(TASKS, up);
  host.when('systemctl --quiet disable --now x.service', () => {
    host.units.set('x.service', { active: 'failed', enabled: 'disabled', starts: 1 });
    return '';
  });
  assert.equal((await runTasks(TASKS, down)).outcomes.get(service.id)?.state, 'applied');
});

test('undo after everything was taken back lets the next run begin anew', async (t) => {
  const { up, down } = await place(t);
  await runTasks(TASKS, up);
  await runTasks(TASKS, down);
  const again = await runTasks(TASKS, up);
  assert.deepEqual(
    [...again.outcomes.values()].map(({ state }) => state),
    TASKS.map(() => 'applied'),
  );
  for (const { id } of TASKS) assert.equal(again.reason(id)?.kind, 'new');
});

test('undo leaves the tasks of a host that goes away as a whole', async (t) => {
  const { host, up, down } = await place(t);
  await runTasks(TASKS, up);
  const before = host.snapshot();
  const undone = await runTasks(TASKS, { ...down, work: (context) => undoing(context, new Set(['node-1'])) });
  assert.deepEqual(
    [...undone.outcomes.values()].map(({ state }) => state),
    TASKS.map(() => 'verified'),
  );
  assert.deepEqual(host.snapshot(), before);
});

test('undo takes away what cc put there also when its stamp is torn', async (t) => {
  const { host, up, down } = await place(t);
  const before = host.snapshot();
  await runTasks([unit], up);
  for (const name of host.stamps.keys()) host.stamps.set(name, 'torn');
  await runTasks([unit], { ...down, arrows: reversed([unit]) });
  assert.deepEqual(host.snapshot(), before);
});

test('undo without stamps takes away what the notes on the host show to be of cc', async (t) => {
  const { host, up, down } = await place(t);
  await runTasks(TASKS, up);
  host.stamps.clear();
  const undone = await runTasks(TASKS, down);
  const changes = undone.events.flatMap((event) => (event.kind === 'change' ? [event.what] : []));
  assert.deepEqual(changes, ['have x.service stopped', 'remove /etc/x/deep/x.conf', `remove ${UNIT}`]);
});

test('undo after stamps were lost, and a run has adopted what it found, still takes away what is of cc', async (t) => {
  const { host, up, down } = await place(t);
  const before = host.snapshot();
  await runTasks(TASKS, up);
  host.stamps.clear();
  await runTasks(TASKS, up);
  await runTasks(TASKS, down);
  assert.deepEqual([...host.stamps], []);
  assert.deepEqual(host.snapshot(), [...before, 'x.service inactive disabled'].toSorted());
});

test('undo leaves a unit alone that cc has neither a stamp nor a note of, and says so', async (t) => {
  const { host, down } = await place(t);
  const alone = taskOf(running('y.service', { name: 'other' }));
  host.units.set('y.service', { active: 'active', enabled: 'enabled', starts: 1 });
  const undone = await runTasks([alone], { ...down, arrows: reversed([alone]) });
  assert.deepEqual(
    undone.events.filter(({ kind }) => kind === 'notice'),
    [
      {
        kind: 'notice',
        id: alone.id,
        text: 'left alone, for cc has no record of it: y.service is active',
      },
    ],
  );
  assert.deepEqual(undone.states(alone.id), ['ready', 'probing', 'verified']);
  assert.equal(host.units.get('y.service')?.active, 'active');
});

test('undo says what it leaves of which a stamp tells, and the notes on the host do not', async (t) => {
  const { host, up, down } = await place(t);
  await runTasks([unit], up);
  host.owned.clear();
  const undone = await runTasks([unit], { ...down, arrows: reversed([unit]) });
  assert.deepEqual(
    undone.events.flatMap((event) => (event.kind === 'notice' ? [event.text] : [])),
    [`left alone, for cc has no note that it put there what stands there now: ${UNIT}`],
  );
  assert.ok(host.disk.has(UNIT));
});

for (const how of ['a run', 'an undo'] as const)
  test(`${how} takes away what a task had made as it was declared before`, async (t) => {
    const { host, up, down } = await place(t);
    const before = host.snapshot();
    const at = (path: string) => taskOf(written('A', { name: 'config', path }));
    await runTasks([at('/etc/x/old.conf')], up);
    const moved = [at('/etc/x/new.conf')];
    if (how === 'a run') {
      const ran = await runTasks(moved, up);
      assert.deepEqual(
        ran.events.flatMap((event) => (event.kind === 'change' ? [`${event.what}: ${event.why}`] : [])),
        ['remove /etc/x/old.conf: no longer declared', 'write /etc/x/new.conf: /etc/x/new.conf is not there'],
      );
    }
    await runTasks(moved, { ...down, arrows: reversed(moved) });
    assert.deepEqual(host.snapshot(), before);
  });

test('a run that is cut off knows what was made before, and takes it away when it goes on', async (t) => {
  const { host, up } = await place(t);
  const at = (path: string) => taskOf(written('A', { name: 'config', path }));
  await runTasks([at('/etc/x/old.conf')], up);
  const broken = taskOf(
    step<null>({
      name: 'config',
      inputs: 'others',
      probe: async () => null,
      plan: (_, last) => (last.current ? [] : [{ kind: 'run', command: cmd`false`, why: 'it is not so' }]),
      undo: () => [],
    }),
  );
  host.when('false', { code: 1 });
  const kept = { ...up, tasks: [broken], declared: [at('/etc/x/old.conf'), broken] };
  await runTasks([broken], kept);
  assert.equal(host.read('/etc/x/old.conf'), 'A');
  await runTasks([at('/etc/x/new.conf')], up);
  assert.equal(host.disk.has('/etc/x/old.conf'), false);
  assert.equal(host.read('/etc/x/new.conf'), 'A');
});

test('a change of path that failed is finished by the next run of the same declaration', async (t) => {
  const { host, up } = await place(t);
  const at = (path: string) => taskOf(written('A', { name: 'config', path }));
  await runTasks([at('/etc/x/old.conf')], up);
  host.disk.set('/etc/x/new.conf', { kind: 'directory', mode: 0o755 }); // nothing can be written there
  const moved = [at('/etc/x/new.conf')];
  const remove = host.files.remove;
  const stuck = { ...host, files: { ...host.files, remove: async () => Promise.reject(new Error('busy')) } };
  await runTasks(moved, { ...up, hosts: { 'node-1': stuck } });
  assert.equal(host.read('/etc/x/old.conf'), 'A');
  host.disk.delete('/etc/x/new.conf');
  const again = await runTasks(moved, {
    ...up,
    hosts: { 'node-1': { ...host, files: { ...host.files, remove } } },
  });
  assert.equal(again.outcomes.get(moved[0]!.id)?.state, 'applied');
  assert.equal(host.disk.has('/etc/x/old.conf'), false);
  assert.equal(host.read('/etc/x/new.conf'), 'A');
});

test('a path that another task has taken over is not taken back', async (t) => {
  const { host, up } = await place(t);
  const first = taskOf(written('A', { name: 'first', path: '/etc/x/a' }));
  await runTasks([first], up);
  const moved = taskOf(written('A', { name: 'first', path: '/etc/x/b' }));
  const second = taskOf(written('A', { name: 'second', path: '/etc/x/a' }));
  const ran = await runTasks([second, moved], up);
  assert.equal(ran.outcomes.get(second.id)?.state, 'adopted');
  assert.deepEqual([host.read('/etc/x/a'), host.read('/etc/x/b')], ['A', 'A']);
});

test('undo of what was adopted forgets it, and neither touches nor mentions it', async (t) => {
  const { host, up, down } = await place(t);
  host.units.set('x.service', { active: 'active', enabled: 'enabled', starts: 1 });
  const adopted = taskOf(running('x.service', { name: 'service' }));
  await runTasks([adopted], up);
  assert.equal(host.stamps.size, 1);
  const before = host.snapshot();
  const undone = await runTasks([adopted], { ...down, arrows: reversed([adopted]) });
  assert.deepEqual(host.snapshot(), before);
  assert.equal(host.stamps.size, 0);
  assert.deepEqual(
    undone.events.filter(({ kind }) => kind === 'notice' || kind === 'change'),
    [],
  );
});

test('undo takes the part of a step back that a run did not come to, where cc has made the whole', async (t) => {
  const made = (name: string, more = {}) =>
    step<{ there: boolean }>({
      ...{ name, ...more, probe: async (view) => ({ there: (await view.stat('/node')) !== undefined }) },
      plan: ({ there }) => (there ? [] : [{ kind: 'run', command: cmd`join`, why: 'it is not there' }]),
      undo: ({ there }) =>
        there && name === 'node' ? [{ kind: 'run', command: cmd`leave`, why: 'it is there' }] : [],
    });
  const join = taskOf(made('join'));
  const node = taskOf(made('node', { partOf: 'join', undoFirst: true }), { needs: [join.id] });
  const undone = async (first: readonly Task[]) => {
    const { host, up, down } = await place(t);
    host.when('join', () => {
      host.write('/node', '');
      return '';
    });
    host.when('leave', () => (host.disk.delete('/node') ? '' : { code: 1 }));
    if (first.length === 0) host.write('/node', ''); // somebody else's
    await runTasks(first, up);
    await runTasks([join, node], { ...down, arrows: reversed([join, node]) });
    return host.disk.has('/node');
  };
  assert.deepEqual([await undone([join]), await undone([])], [false, true]);
});
