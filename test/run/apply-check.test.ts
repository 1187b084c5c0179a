/** Checks: run when never proven, when asked, after a change before them, and else not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fail } from '../../core/model/failure.ts';
import { check } from '../../core/steps/check.ts';
import { written } from '../../core/steps/written.ts';
import { paper } from '../rig/paper.ts';
import { type Lasting, tempFolder } from '../rig/temp.ts';
import { type Running, runTasks, taskOf } from './context.ts';

async function place(t: Lasting) {
  const host = paper('node-1');
  const ran: string[] = [];
  const config = (text: string) => taskOf(written(text, { name: 'config', path: '/x' }));
  const unrelated = (text: string) => taskOf(written(text, { name: 'other', path: '/other' }));
  const smoke = (inputs = 'same') =>
    taskOf(
      check({
        name: 'smoke',
        title: 'prove it',
        inputs,
        script: async () => {
          ran.push(inputs);
          return { proofs: ran.length };
        },
      }),
      { needs: [config('').id] },
    );
  const running: Running = { folder: await tempFolder(t), hosts: { 'node-1': host } };
  return { host, ran, config, unrelated, smoke, running };
}

test('check runs once and its report is told again as long as nothing changes', async (t) => {
  const { ran, config, smoke, running } = await place(t);
  const tasks = [config('A'), smoke()];
  const first = await runTasks(tasks, running);
  assert.deepEqual(first.reason(smoke().id), { kind: 'new', details: ['never applied'] });
  assert.deepEqual(first.outcomes.get(smoke().id)?.report, { proofs: 1 });
  const second = await runTasks(tasks, running);
  assert.deepEqual(second.states(smoke().id), ['ready', 'probing', 'verified']);
  assert.deepEqual(second.outcomes.get(smoke().id)?.report, { proofs: 1 });
  assert.deepEqual(ran, ['same']);
});

test('check runs again when asked for by name', async (t) => {
  const { ran, config, smoke, running } = await place(t);
  const tasks = [config('A'), smoke()];
  await runTasks(tasks, running);
  const second = await runTasks(tasks, { ...running, asked: [smoke().id] });
  assert.deepEqual(second.reason(smoke().id), { kind: 'changed', details: ['asked for by name'] });
  assert.deepEqual(second.outcomes.get(smoke().id)?.report, { proofs: 2 });
  assert.equal(ran.length, 2);
});

test('check runs again after a change before it, also one that ends as it began', async (t) => {
  const { host, ran, config, smoke, running } = await place(t);
  const tasks = [config('A'), smoke()];
  await runTasks(tasks, running);
  host.write('/x', 'drifted');
  const second = await runTasks(tasks, running);
  assert.deepEqual(second.reason(smoke().id), {
    kind: 'changed',
    details: [`${config('').id} was changed in this run`],
  });
  assert.equal(ran.length, 2);
});

test('check does not run for a change elsewhere', async (t) => {
  const { ran, config, unrelated, smoke, running } = await place(t);
  await runTasks([config('A'), unrelated('A'), smoke()], running);
  await runTasks([config('A'), unrelated('B'), smoke()], running);
  assert.equal(ran.length, 1);
});

test('check runs again with other inputs', async (t) => {
  const { ran, config, smoke, running } = await place(t);
  await runTasks([config('A'), smoke('one')], running);
  const second = await runTasks([config('A'), smoke('two')], running);
  assert.deepEqual(second.reason(smoke().id), {
    kind: 'changed',
    details: [{ path: ['inputs'], before: 'one', after: 'two' }],
  });
  assert.deepEqual(ran, ['one', 'two']);
});

test('check that failed is no proof and runs again', async (t) => {
  const { host, running } = await place(t);
  let good = false;
  const task = taskOf(
    check({
      name: 'smoke',
      title: 'prove it',
      inputs: null,
      script: async ({ view }) =>
        good ? null : fail({ kind: 'check-failed', host: view.name, what: 'prove it', reasons: ['no'] }),
    }),
  );
  const first = await runTasks([task], running);
  assert.deepEqual(first.states(task.id), ['ready', 'probing', 'performing', 'failed']);
  assert.equal(host.stamps.size, 1);
  good = true;
  const second = await runTasks([task], running);
  assert.equal(second.reason(task.id)?.kind, 'failed-before');
  assert.equal(second.outcomes.get(task.id)?.state, 'applied');
});

test('check after a change that failed is skipped', async (t) => {
  const { ran, config, smoke, running } = await place(t);
  await runTasks([config('A'), smoke()], running);
  const broken = {
    ...config('B'),
    step: { ...config('B').step, probe: () => fail({ kind: 'usage', message: '' }) },
  };
  const second = await runTasks([broken, smoke()], { ...running, onFailure: 'continue' });
  assert.deepEqual(second.states(smoke().id), ['skipped']);
  assert.equal(ran.length, 1);
});
