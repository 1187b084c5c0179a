/** Waiting: the change is to look until it is so, and the reason why not yet is the reason for it. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { cmd } from '../../core/model/command.ts';
import type { Shell, Until } from '../../core/model/shell.ts';
import { awaited } from '../../core/steps/awaited.ts';
import { paperView } from '../rig/view.ts';
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

test('awaited waits by looking at the host again', async () => {
  const [change, ...more] = step.plan({ reason: 'it is not ready' }, NEVER);
  assert.ok(change?.kind === 'script');
  const { script, ...said } = change;
  assert.deepEqual(
    [said, more],
    [{ kind: 'script', title: 'wait until the node is ready', why: 'it is not ready' }, []],
  );
  const asked: unknown[] = [];
  const until: Until = async (what, within, look) => void asked.push(what, within, await look());
  assert.equal(await script({ view: ready(null), until } as Partial<Shell> as Shell), undefined); // all it may use
  assert.deepEqual(asked, ['the node is ready', 300, 'it is not ready']);
});
