/** One task on a host of paper: what is decided, what is done, what is remembered. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cmd } from '../../core/model/command.ts';
import { digestOf } from '../../core/model/digest.ts';
import { fail } from '../../core/model/failure.ts';
import type { Host } from '../../core/model/plugin.ts';
import { step } from '../../core/model/step.ts';
import { applying } from '../../core/run/apply.ts';
import { packages } from '../../core/steps/packages.ts';
import { running } from '../../core/steps/running.ts';
import { written } from '../../core/steps/written.ts';
import { networkOf } from '../../core/store/network.ts';
import { paperClock } from '../rig/clock.ts';
import { paper } from '../rig/paper.ts';
import { type Lasting, tempFolder } from '../rig/temp.ts';
import { CONTROLLER, NODE, type Running, runTasks, stampOn, taskOf } from './context.ts';

const PATH = '/etc/x.conf';
const config = (text: string) => taskOf(written(text, { name: 'config', path: PATH }));
const APPLIED = ['ready', 'probing', 'performing', 'proving', 'applied'];

async function place(t: Lasting) {
  const host = paper('node-1');
  const folder = await tempFolder(t);
  const running: Running = { folder, hosts: { 'node-1': host } };
  return { host, running };
}

test('task that was never applied is new, is performed, and is verified by the next run', async (t) => {
  const { host, running } = await place(t);
  const task = config('one');
  const first = await runTasks([task], { ...running, run: 'r1' });
  assert.deepEqual(first.states(task.id), APPLIED);
  assert.deepEqual(first.reason(task.id), { kind: 'new', details: [`${PATH} is not there`] });
  assert.equal(host.read(PATH), 'one');
  const stamp = await stampOn(host, task);
  assert.deepEqual([stamp?.state, stamp?.run], ['applied', 'r1']);

  const before = [...host.stamps];
  const second = await runTasks([task], running);
  assert.deepEqual(second.states(task.id), ['ready', 'probing', 'verified']);
  assert.deepEqual([...host.stamps], before);
});

test('task found as declared is adopted, and verified by the next run', async (t) => {
  const { host, running } = await place(t);
  host.write(PATH, 'one');
  const task = config('one');
  assert.deepEqual((await runTasks([task], running)).states(task.id), ['ready', 'probing', 'adopted']);
  assert.equal((await stampOn(host, task))?.state, 'applied');
  assert.deepEqual((await runTasks([task], running)).states(task.id), ['ready', 'probing', 'verified']);
});

test('task whose epoch changed is adopted where the host is as declared', async (t) => {
  const { running } = await place(t);
  const before = config('one');
  await runTasks([before], running);
  const after = { ...before, epoch: 2 };
  assert.deepEqual((await runTasks([after], running)).states(after.id), ['ready', 'probing', 'adopted']);
  assert.deepEqual((await runTasks([after], running)).states(after.id), ['ready', 'probing', 'verified']);
});

test('task declared A, then B, then A again is performed three times', async (t) => {
  const { host, running } = await place(t);
  for (const text of ['A', 'B', 'A']) {
    const task = config(text);
    const ran = await runTasks([task], running);
    assert.deepEqual(ran.states(task.id), APPLIED);
    assert.equal(host.read(PATH), text);
  }
});

test('task that changed says what differs, declared and found', async (t) => {
  const { running } = await place(t);
  await runTasks([config('A')], running);
  const task = config('B');
  const { reason } = await runTasks([task], running);
  assert.equal(reason(task.id)?.kind, 'changed');
  assert.deepEqual(reason(task.id)?.details.at(-1), `${PATH} has other bytes than declared`);
  const [digest] = reason(task.id)?.details ?? [];
  assert.ok(typeof digest === 'object');
  assert.deepEqual(digest, { path: ['inputs', 'digest'], before: digestOf('A'), after: digestOf('B') });
});

test('task whose host was changed by others has drifted and is mended', async (t) => {
  const { host, running } = await place(t);
  const task = config('one');
  await runTasks([task], running);
  host.write(PATH, 'one', 0o600);
  const ran = await runTasks([task], running);
  assert.deepEqual(ran.reason(task.id), {
    kind: 'drifted',
    details: [`${PATH} has mode 0600, declared 0644`],
  });
  assert.deepEqual(ran.states(task.id), APPLIED);
});

test('task is stamped applying while it performs', async (t) => {
  const { host, running } = await place(t);
  const seen: unknown[] = [];
  const task = taskOf(
    step<{ done: boolean }>({
      name: 'seen',
      probe: async (view) => ({ done: (await view.text('/done')) !== undefined }),
      plan: ({ done }) => (done ? [] : [{ kind: 'run', command: cmd`make it`, why: 'it is not done' }]),
    }),
  );
  host.when('make it', async () => {
    const stamp = await stampOn(host, task);
    seen.push(stamp?.state, stamp?.run);
    host.write('/done', '');
    return '';
  });
  await runTasks([task], { ...running, run: 'r1' });
  assert.deepEqual(seen, ['applying', 'r1']);
  assert.equal((await stampOn(host, task))?.state, 'applied');
});

test('task whose command fails is failed, stamped so, and runs again because it failed before', async (t) => {
  const { host, running } = await place(t);
  const task = taskOf(
    step<{ done: boolean }>({
      name: 'failing',
      probe: async (view) => ({ done: (await view.text('/done')) !== undefined }),
      plan: ({ done }) => (done ? [] : [{ kind: 'run', command: cmd`make it`, why: 'it is not done' }]),
    }),
  );
  host.when('make it', { code: 3, stderr: 'no way\n' });
  const first = await runTasks([task], running);
  assert.deepEqual(first.states(task.id), ['ready', 'probing', 'performing', 'failed']);
  assert.deepEqual(first.outcomes.get(task.id)?.failure, {
    kind: 'command-failed',
    host: 'node-1',
    command: 'make it',
    code: 3,
    signal: null,
    stderr: 'no way\n',
  });
  assert.equal((await stampOn(host, task))?.state, 'failed');
  host.when('make it', () => {
    host.write('/done', '');
    return '';
  });
  const second = await runTasks([task], running);
  assert.deepEqual(second.reason(task.id), { kind: 'failed-before', details: ['it is not done'] });
  assert.deepEqual(second.states(task.id), APPLIED);
});

test('task whose command exits 0 without the result does not converge', async (t) => {
  const { host, running } = await place(t);
  const task = taskOf(
    step<{ done: boolean }>({
      name: 'lying',
      settles: 7,
      probe: async (view) => ({ done: (await view.text('/done')) !== undefined }),
      plan: ({ done }) => (done ? [] : [{ kind: 'run', command: cmd`make it`, why: 'it is not done' }]),
    }),
  );
  host.when('make it', 'all is well\n');
  const clock = paperClock();
  const ran = await runTasks([task], { ...running, clock });
  assert.deepEqual(ran.states(task.id), ['ready', 'probing', 'performing', 'proving', 'failed']);
  assert.deepEqual(ran.outcomes.get(task.id)?.failure, {
    kind: 'not-converged',
    host: 'node-1',
    within: 7,
    left: [{ what: 'run make it', why: 'it is not done' }],
  });
  assert.equal((await stampOn(host, task))?.state, 'failed');
  assert.ok(clock.now() > 7_000 && clock.now() < 10_000, String(clock.now()));
  assert.deepEqual(host.ran.filter((line) => line === 'make it').length, 1);
});

test('task whose host needs a while to settle is applied once it has', async (t) => {
  const { host, running: place_ } = await place(t);
  const task = taskOf(running('x.service'));
  host.write('/etc/systemd/system/x.service', '[Service]');
  host.when('systemctl --quiet start x.service', () => {
    host.units.set('x.service', { active: 'activating', enabled: 'enabled', starts: 1 });
    return '';
  });
  const clock = paperClock((now) => {
    if (now >= 3_000) host.units.set('x.service', { active: 'active', enabled: 'enabled', starts: 1 });
  });
  const ran = await runTasks([task], { ...place_, clock });
  assert.deepEqual(ran.states(task.id), APPLIED);
  assert.deepEqual(clock.slept, [100, 200, 400, 800, 1600]);
});

test('task whose probe fails is failed and nothing is done or written', async (t) => {
  const { host, running } = await place(t);
  const task = taskOf(
    step<null>({
      name: 'blind',
      probe: async () => fail({ kind: 'cannot-tell', host: 'node-1', what: 'look', why: 'it is dark' }),
      plan: () => [{ kind: 'run', command: cmd`make it`, why: 'never' }],
    }),
  );
  const ran = await runTasks([task], running);
  assert.deepEqual(ran.states(task.id), ['ready', 'probing', 'failed']);
  assert.equal(ran.outcomes.get(task.id)?.failure?.kind, 'cannot-tell');
  assert.deepEqual([...host.stamps], []);
});

test('task whose look fails while it settles is looked at again, and fails if it goes on', async (t) => {
  const { host, running } = await place(t);
  const task = taskOf(
    step<{ state: string }>({
      name: 'shy',
      settles: 5,
      probe: async (view) => ({ state: await view.read(cmd`state of it`) }),
      plan: ({ state }) =>
        state === 'good' ? [] : [{ kind: 'run', command: cmd`make it`, why: `it is ${state}` }],
    }),
  );
  host.when('state of it', 'bad');
  host.when('make it', () => {
    host.when('state of it', { code: 1, stderr: 'connection refused' });
    return '';
  });
  const healed = paperClock((now) => now > 1_000 && host.when('state of it', 'good'));
  assert.deepEqual((await runTasks([task], { ...running, clock: healed })).states(task.id), APPLIED);
  host.when('state of it', 'bad');
  const ran = await runTasks([task], running);
  assert.deepEqual(ran.states(task.id), ['ready', 'probing', 'performing', 'proving', 'failed']);
  assert.equal(ran.outcomes.get(task.id)?.failure?.kind, 'command-failed');
});

test('task whose host goes away while it settles is lost at once, and is not waited for', async (t) => {
  const { host, running } = await place(t);
  const task = taskOf(
    step<{ state: string }>({
      name: 'gone',
      settles: 120,
      probe: async (view) => ({ state: await view.read(cmd`state of it`) }),
      plan: ({ state }) => (state === 'good' ? [] : [{ kind: 'run', command: cmd`make it`, why: state }]),
    }),
  );
  host.when('state of it', 'bad');
  host.when('make it', () => {
    host.when('state of it', () => fail({ kind: 'agent-lost', host: 'node-1', why: 'timeout' }));
    return '';
  });
  const clock = paperClock();
  const ran = await runTasks([task], { ...running, clock });
  assert.deepEqual(ran.states(task.id), ['ready', 'probing', 'performing', 'proving', 'lost']);
  assert.deepEqual(clock.slept, []);
  assert.equal((await stampOn(host, task))?.state, 'applying');
});

test('unit that lost its restart to a crash is restarted by the next run', async (t) => {
  const { host, running: place_ } = await place(t);
  host.write('/etc/systemd/system/x.service', '[Service]');
  host.write(PATH, 'A');
  const task = taskOf(running('x.service', { restartOn: [PATH] }));
  await runTasks([task], place_);
  assert.equal(host.units.get('x.service')?.starts, 1);
  host.write(PATH, 'B');
  const ran = await runTasks([task], place_);
  assert.deepEqual(ran.reason(task.id), {
    kind: 'drifted',
    details: ['x.service runs with an older configuration'],
  });
  assert.equal(host.units.get('x.service')?.starts, 2);
  assert.deepEqual((await runTasks([task], place_)).states(task.id), ['ready', 'probing', 'verified']);
});

test('packages of a host come through the proxies of the recipe, but where it goes without, and those of the controller through its own', async (t) => {
  const folder = await tempFolder(t);
  const network = networkOf([], { http: 'http://proxy:1' }, { https_proxy: 'http://other:2' }, [NODE]);
  const told = async (host: Host) => {
    const place = paper(host.name);
    const seen: unknown[] = [];
    place.when('apt-get', (_, { env = {} }) => {
      seen.push(Object.entries(env).filter(([name, value]) => /^https?_proxy$/.test(name) && value !== ''));
      place.packages.add('a');
      return '';
    });
    const ran = await runTasks([taskOf(packages(['a']), { host })], {
      ...{ folder, hosts: { [host.name]: place } },
      work: (context) => applying({ ...context, network }),
    });
    assert.deepEqual(
      [...ran.outcomes.values()].map(({ state }) => state),
      ['applied'],
    );
    return seen[0];
  };
  assert.deepEqual(await told(NODE), [['http_proxy', 'http://proxy:1']]);
  assert.deepEqual(await told({ ...NODE, proxy: false }), []);
  assert.deepEqual(await told(CONTROLLER), [
    ['http_proxy', 'http://proxy:1'],
    ['https_proxy', 'http://other:2'],
  ]);
});
