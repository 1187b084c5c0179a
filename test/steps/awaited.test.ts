/** Waiting: the change is to look until it is so, and the reason why not yet is the reason for it. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { local } from '../../core/host/local.ts';
import { cmd } from '../../core/model/command.ts';
import { awaited } from '../../core/steps/awaited.ts';
import { paperClock } from '../rig/clock.ts';
import { type Lasting, tempFolder } from '../rig/temp.ts';
import { paperView } from '../rig/view.ts';
import { CONTROLLER, runTasks, taskOf } from '../run/context.ts';
import { NEVER } from './last.ts';

const step = awaited({
  name: 'ready',
  what: 'the node is ready',
  within: 300,
  look: async (view) => ((await view.ask(cmd`ready`)) === undefined ? 'it is not ready' : undefined),
});
const ready = (answer: string | null) => paperView({ commands: { ready: answer } });

test('awaited sees why it is not so yet', async () => {
  assert.deepEqual(await step.probe(ready(null)), { reason: 'it is not ready' });
  assert.deepEqual(await step.probe(ready('')), { reason: null });
});

test('awaited may take a little longer than the wait itself', () => {
  assert.deepEqual([step.name, step.inputs, step.timeout, step.undo], ['ready', {}, 360, undefined]);
});

test('awaited has nothing to do when it is so', () =>
  assert.deepEqual(step.plan({ reason: null }, NEVER), []));

test('awaited says what it waits for, and why', () => {
  const [change, ...more] = step.plan({ reason: 'it is not ready' }, NEVER);
  assert.ok(change?.kind === 'script');
  const { script, ...said } = change;
  const expected = { kind: 'script', title: 'wait until the node is ready', why: 'it is not ready' };
  assert.deepEqual([said, more], [expected, []]);
});

/** Waits for a file. */
const arrival = (path: string) =>
  awaited({
    name: 'arrives',
    what: 'the file arrives',
    within: 60,
    root: false,
    look: async (view) => ((await view.stat(path)) === undefined ? `${path} is not there` : undefined),
  });

/** Runs the task; the file comes while the step waits for the so-manieth time. */
async function waiting(t: Lasting, comes: number) {
  const folder = await tempFolder(t);
  const path = join(folder, 'file');
  const task = taskOf(arrival(path), { host: CONTROLLER });
  const clock = paperClock(() => {
    if (clock.slept.length === comes) writeFileSync(path, '');
  });
  const hosts = { controller: local('controller', join(folder, 'base')) };
  const ran = await runTasks([task], { folder, hosts, clock });
  return { path, clock, outcome: ran.outcomes.get(task.id), events: ran.events };
}

test('awaited waits until the file is there, looking anew each time', async (t) => {
  const { path, clock, outcome, events } = await waiting(t, 3);
  assert.deepEqual([outcome?.state, clock.slept.length], ['applied', 3]);
  const said = events.flatMap((event) => (event.kind === 'output' ? event.text : []));
  assert.deepEqual(said, [`the file arrives: ${path} is not there\n`], 'one reason is told once');
});

test('awaited that never comes true fails with the last reason', async (t) => {
  const { path, clock, outcome } = await waiting(t, Number.POSITIVE_INFINITY);
  const failure = { kind: 'timed-out', host: 'controller', what: 'the file arrives', within: 60 };
  assert.deepEqual(outcome?.failure, { ...failure, last: `${path} is not there` });
  assert.ok(clock.now() > 60_000 && clock.now() < 63_000, `${clock.now()} ms of its own time`);
});
