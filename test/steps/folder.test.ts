/** A folder: made where there is none, taken away where cc made it. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { folder } from '../../core/steps/folder.ts';
import { paper } from '../rig/paper.ts';
import { tempFolder } from '../rig/temp.ts';
import { paperView } from '../rig/view.ts';
import { runTasks, taskOf } from '../run/context.ts';
import { INTERRUPTED, NEVER, PERFORMED } from './last.ts';

const path = '/var/lib/crio';
const step = folder({ name: 'state', path });
const seen = { there: true, owned: true };

test('folder records its path', () => {
  assert.deepEqual([step.name, step.inputs], ['state', { path }]);
});

test('folder sees whether it is there and whose it is', async () => {
  const stat = { [path]: { kind: 'directory', mode: 0o755 } } as const;
  assert.deepEqual(await step.probe(paperView({ stat, owned: { [path]: true } })), seen);
  assert.deepEqual(await step.probe(paperView({ stat: { [path]: null }, owned: { [path]: false } })), {
    there: false,
    owned: false,
  });
});

test('folder is made where there is none, whatever is remembered', () => {
  for (const last of [NEVER, INTERRUPTED, PERFORMED]) {
    assert.deepEqual(step.plan({ there: false, owned: false }, last), [
      { kind: 'folder', path, why: `${path} is not there` },
    ]);
    assert.deepEqual(step.plan({ there: true, owned: false }, last), []);
  }
});

test('folder takes away its own only', () => {
  assert.deepEqual(step.undo?.(seen), [{ kind: 'remove', path, why: `${path} was made by cc` }]);
  assert.deepEqual(step.undo?.({ ...seen, owned: false }), []);
});

test('folder that is made is readable by root alone, and noted as of cc', async (t) => {
  const host = paper('node-1');
  const { outcomes } = await runTasks([taskOf(step)], {
    folder: await tempFolder(t),
    hosts: { 'node-1': host },
  });
  assert.deepEqual(
    [...outcomes.values()].map(({ state }) => state),
    ['applied'],
  );
  assert.deepEqual([host.disk.get(path), host.owned.has(path)], [{ kind: 'directory', mode: 0o700 }, true]);
});

test('folder of another is adopted as it is', async (t) => {
  const host = paper('node-1');
  host.write(`${path}/x`, 'of another');
  const before = host.snapshot();
  const { outcomes } = await runTasks([taskOf(step)], {
    folder: await tempFolder(t),
    hosts: { 'node-1': host },
  });
  assert.deepEqual(
    [...outcomes.values()].map(({ state }) => state),
    ['adopted'],
  );
  assert.deepEqual(host.snapshot(), before);
});
