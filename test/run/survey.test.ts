/** Looking without doing: what is found, and that nothing at all is written. */
import assert from 'node:assert/strict';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { ownerOf } from '../../core/host/hold.ts';
import { local } from '../../core/host/local.ts';
import { cmd } from '../../core/model/command.ts';
import { fail } from '../../core/model/failure.ts';
import { step } from '../../core/model/step.ts';
import { type Task, taskId } from '../../core/model/task.ts';
import { type Finding, type Holding, surveying, untoldIn } from '../../core/run/survey.ts';
import { built } from '../../core/steps/built.ts';
import { check } from '../../core/steps/check.ts';
import { written } from '../../core/steps/written.ts';
import { paper } from '../rig/paper.ts';
import { tempFolder } from '../rig/temp.ts';
import { CONTROLLER, NODE, type Running, runTasks, taskOf } from './context.ts';

async function survey(
  tasks: readonly Task[],
  running: Running,
  holding: Holding = () => undefined,
): Promise<readonly (Finding | undefined)[]> {
  let findings: ReadonlyMap<string, Finding> = new Map();
  const work = (context: Parameters<typeof surveying>[0]) => {
    const surveyed = surveying(context, holding);
    findings = surveyed.findings;
    return surveyed.work;
  };
  await runTasks(tasks, { ...running, work, onFailure: 'continue' });
  return tasks.map(({ id }) => findings.get(id));
}

/** Every file below a folder with all that would betray a write. */
async function tree(folder: string): Promise<readonly string[]> {
  const names = (await readdir(folder, { recursive: true })).toSorted();
  const lines = ['.', ...names].map(async (name) => {
    const { mode, mtimeMs, ino, size } = await stat(join(folder, name));
    return [name, mode, mtimeMs, ino, size].join(' ');
  });
  return Promise.all(lines);
}

const config = (text: string) => taskOf(written(text, { name: 'config', path: '/x' }));
const smoke = taskOf(
  check({ name: 'smoke', title: 'prove it', inputs: null, script: async () => ({ seen: 1 }) }),
  {
    needs: [config('').id],
  },
);

test('survey of a bare host tells what would be done, and what would wait for that', async (t) => {
  const host = paper('node-1');
  const before = host.snapshot();
  const reads = taskOf(
    step<string>({ name: 'reads', probe: (view) => view.read(cmd`tool --version`), plan: () => [] }),
    { needs: [config('').id] },
  );
  host.when('tool --version', { code: 127, stderr: 'tool: not found' });
  const found = await survey([config('A'), reads, smoke], {
    folder: await tempFolder(t),
    hosts: { 'node-1': host },
  });
  const path = { why: '/x is not there', kind: 'write', path: '/x', text: 'A', mode: 0o644 };
  assert.deepEqual(found, [
    {
      kind: 'would',
      id: config('').id,
      stamped: false,
      reason: { kind: 'new', details: ['/x is not there'] },
      changes: [path],
    },
    { kind: 'pending', id: reads.id, after: config('').id },
    {
      kind: 'would',
      id: smoke.id,
      stamped: false,
      reason: { kind: 'new', details: ['never applied'] },
      changes: found[2]?.kind === 'would' ? found[2].changes : [],
    },
  ]);
  assert.deepEqual(host.snapshot(), before);
  assert.deepEqual([...host.stamps], []);
});

test('survey of a host as declared says so, with the report of its checks', async (t) => {
  const host = paper('node-1');
  const running = { folder: await tempFolder(t), hosts: { 'node-1': host } };
  await runTasks([config('A'), smoke], running);
  const before = [host.snapshot(), [...host.stamps]];
  assert.deepEqual(await survey([config('A'), smoke], running), [
    { kind: 'as-declared', id: config('').id, stamped: true },
    { kind: 'as-declared', id: smoke.id, stamped: true, report: { seen: 1 } },
  ]);
  assert.deepEqual([host.snapshot(), [...host.stamps]], before);
});

test('survey of a drifted host lets the checks after it wait', async (t) => {
  const host = paper('node-1');
  const running = { folder: await tempFolder(t), hosts: { 'node-1': host } };
  await runTasks([config('A'), smoke], running);
  host.write('/x', 'drifted');
  const [first, second] = await survey([config('A'), smoke], running);
  assert.deepEqual(first?.kind === 'would' && first.reason, {
    kind: 'drifted',
    details: ['/x has other bytes than declared'],
  });
  assert.deepEqual(second, { kind: 'pending', id: smoke.id, after: config('').id });
});

test('survey has what a step says of a host that is as declared, and not of one that differs', async (t) => {
  const host = paper('node-1');
  const found = step<{ text: string }>({
    name: 'seen',
    probe: async (view) => ({ text: (await view.text('/x')) ?? '' }),
    plan: ({ text }) => (text === '' ? [{ kind: 'run', command: cmd`make it`, why: 'it is empty' }] : []),
    tells: ({ text }) => [`it says ${text}`],
  });
  const running = { folder: await tempFolder(t), hosts: { 'node-1': host } };
  assert.equal((await survey([taskOf(found)], running))[0]?.kind, 'would');
  host.write('/x', 'hello');
  assert.deepEqual(await survey([taskOf(found)], running), [
    { kind: 'as-declared', id: taskOf(found).id, stamped: false, told: ['it says hello'] },
  ]);
});

test('survey and run agree about a build behind a file that drifted', async (t) => {
  const host = paper('node-1');
  host.when('make it', () => {
    host.write('/out', 'built');
    return '';
  });
  const running = { folder: await tempFolder(t), hosts: { 'node-1': host } };
  const make = built({ name: 'build', outputs: ['/out'], make: [cmd`make it`] });
  const tasks = [config('A'), taskOf(make, { needs: [config('').id] })];
  await runTasks(tasks, running);
  host.write('/x', 'drifted');
  const [, found] = await survey(tasks, running);
  const ran = await runTasks(tasks, running);
  assert.equal(ran.outcomes.get(tasks[1]!.id)?.state, 'verified');
  assert.deepEqual(found, { kind: 'pending', id: tasks[1]!.id, after: config('').id });
});

test('survey that cannot look tells why, and goes on with the rest', async (t) => {
  const host = paper('node-1');
  const dark = { kind: 'cannot-tell', host: 'node-1', what: 'look', why: 'it is dark' } as const;
  const blind = taskOf(step<null>({ name: 'blind', probe: async () => fail(dark), plan: () => [] }));
  const found = await survey([blind, config('A')], {
    folder: await tempFolder(t),
    hosts: { 'node-1': host },
  });
  assert.deepEqual(found[0], { kind: 'unknown', id: blind.id, failure: dark });
  assert.equal(found[1]?.kind, 'would');
});

test('survey says of no task that it would run where what it needs is refused', async (t) => {
  const host = paper('node-1');
  host.write('/same', 'A');
  const no = { kind: 'check-failed', host: 'node-1', what: 'it fits', reasons: ['it is small'] } as const;
  const first = taskOf(step<null>({ name: 'first', probe: async () => null, plan: () => fail(no) }));
  const after = (name: string, path: string) => taskOf(written('A', { name, path }), { needs: [first.id] });
  const [differs, same] = [after('differs', '/other'), after('same', '/same')];
  const running = { folder: await tempFolder(t), hosts: { 'node-1': host } };
  assert.deepEqual(await survey([first, differs, same], running), [
    { kind: 'unknown', id: first.id, failure: no },
    { kind: 'pending', id: differs.id, after: first.id },
    { kind: 'as-declared', id: same.id, stamped: false },
  ]);
});

test('survey of a host that is not made yet waits for its maker', async (t) => {
  const maker = taskOf(written('x', { name: 'make', path: '/machine', root: false }), { host: CONTROLLER });
  const made = taskOf(written('A', { name: 'config', path: '/x' }), {
    host: { ...NODE, madeBy: 'p/make' },
    needs: [maker.id],
  });
  const hosts = { controller: paper('controller') };
  const found = await survey([maker, made], { folder: await tempFolder(t), hosts });
  assert.equal(found[0]?.kind, 'would');
  assert.deepEqual(found[1], { kind: 'pending', id: made.id, after: maker.id });
});

test('survey writes nothing on this machine, before and after a run', async (t) => {
  const folder = await tempFolder(t);
  const path = join(folder, 'made/x');
  const task = taskOf(written('A', { name: 'x', path, root: false }), { host: CONTROLLER });
  const running = { folder, hosts: { controller: local('controller', join(folder, 'base')) } };
  const bare = await tree(folder);
  assert.equal((await survey([task], running))[0]?.kind, 'would');
  assert.deepEqual(await tree(folder), bare);
  await runTasks([task], running);
  assert.equal(await readFile(path, 'utf8'), 'A');
  const applied = await tree(folder);
  assert.deepEqual(await survey([task], running), [{ kind: 'as-declared', id: task.id, stamped: true }]);
  assert.deepEqual(await tree(folder), applied);
});

const owner = (run: string) => ({ ...ownerOf(run, 'cc run all'), since: 'today' });

/** A host on which a run began to write a file and did not come to its end. */
async function unfinished(t: Parameters<typeof tempFolder>[0], run: string) {
  const host = paper('node-1');
  const running = { folder: await tempFolder(t), hosts: { 'node-1': host } };
  const stop = new AbortController();
  const cut = { ...running, run, signal: stop.signal };
  await runTasks([config('A')], {
    ...cut,
    on: (event) => event.kind === 'task' && event.state === 'performing' && stop.abort('SIGKILL'),
  });
  const tasks = [config('A'), smoke];
  return { host, look: (holding: Holding) => survey(tasks, running, holding) };
}

test('survey tells a run that is at work from one that was interrupted', async (t) => {
  const { host, look } = await unfinished(t, 'r1');
  host.when('sh', ''); // nobody has the lock of this host
  const [running] = await look(() => owner('r1'));
  assert.deepEqual(running, { kind: 'running', id: config('').id, owner: owner('r1') });
  for (const other of [undefined, owner('r2')]) {
    const [first] = await look(() => other);
    assert.equal(first?.kind === 'would' && first.reason.kind, 'interrupted');
  }
});

test('survey tells the run of another controller by the lock of the host', async (t) => {
  const { host, look } = await unfinished(t, 'theirs');
  host.when('sh', JSON.stringify(owner('theirs')));
  assert.deepEqual((await look(() => undefined))[0], {
    kind: 'running',
    id: config('').id,
    owner: owner('theirs'),
  });
  host.when('sh', JSON.stringify(owner('another'))); // it has not come to this task yet
  const [first] = await look(() => undefined);
  assert.equal(first?.kind === 'would' && first.reason.kind, 'interrupted');
});

test('what waits for a host that cannot be reached is untold, also at the end of a long chain', () => {
  const id = (index: number) => taskId('w-1', 'p', `s${index}`);
  const failure = {
    kind: 'unreachable',
    host: 'w-1',
    address: 'w-1',
    command: 'ssh w-1',
    why: 'no',
  } as const;
  const chain = Array.from({ length: 20_000 }, (_, index): Finding => {
    return { kind: 'pending', id: id(index + 1), after: id(index) };
  });
  const first: Finding = { kind: 'unknown', id: id(0), failure };
  assert.equal(untoldIn([first, ...chain]).size, 20_001);
  assert.equal(untoldIn([...chain.toReversed(), first]).size, 20_001);
  assert.equal(untoldIn(chain).size, 0);
});
