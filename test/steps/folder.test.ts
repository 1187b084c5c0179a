/** A folder: made where there is none, taken away where cc made it. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { folder } from '../../core/steps/folder.ts';
import { paper } from '../rig/paper.ts';
import { tempFolder } from '../rig/temp.ts';
import { paperView } from '../rig/view.ts';
import { runTasks, taskOf } from '../run/context.ts';
import { ALL, INTERRUPTED, NEVER, PERFORMED } from './last.ts';

const path = '/var/lib/crio';
const step = folder({ name: 'state', path });
const seen = { mode: 0o755, owner: 'root:root', owned: true };
const absent = { mode: null, owner: null, owned: false };
const made = (why: string, form: object = { mode: 0o755 }) => [{ kind: 'folder', path, ...form, why }];

test('folder records its path, and the mode and owner that it is given', () => {
  assert.deepEqual([step.name, step.inputs], ['state', { path, mode: undefined, owner: undefined }]);
  const given = { path, mode: 0o700, owner: 'crio' };
  assert.deepEqual(folder({ name: 'state', ...given }).inputs, given);
});

test('folder sees whether it is there, what it is like and whose it is', async () => {
  const stat = { [path]: { kind: 'directory', mode: 0o755, owner: 'root:root' } } as const;
  assert.deepEqual(await step.probe(paperView({ stat, owned: { [path]: true } })), seen);
  for (const none of [null, { kind: 'other' } as const])
    assert.deepEqual(
      await step.probe(paperView({ stat: { [path]: none }, owned: { [path]: false } })),
      absent,
    );
});

test('folder is made where there is none, whatever is remembered', () => {
  for (const last of [NEVER, INTERRUPTED, PERFORMED]) {
    assert.deepEqual(step.plan(absent, last), made(`${path} is no folder yet`));
    assert.deepEqual(step.plan({ ...seen, owned: false }, last), []);
  }
});

test('folder without a mode keeps the one it has, unless cc made it', () => {
  const found = { ...seen, mode: 0o700 };
  assert.deepEqual(step.plan({ ...found, owned: false }, NEVER), []);
  assert.deepEqual(step.plan(found, NEVER), made(`${path} has mode 0700, declared 0755`));
});

test('folder with a mode is given it, whoever made it', () => {
  const strict = folder({ name: 'state', path, mode: 0o700 });
  for (const owned of [true, false])
    assert.deepEqual(
      strict.plan({ ...seen, owned }, NEVER),
      made(`${path} has mode 0755, declared 0700`, { mode: 0o700 }),
    );
  assert.deepEqual(strict.plan({ ...seen, mode: 0o700 }, NEVER), []);
});

test('folder with an owner is given it: a user, or a user and a group', () => {
  for (const owner of ['crio', 'crio:crio', 'root:crio', 'roo'])
    assert.deepEqual(
      folder({ name: 'state', path, owner }).plan(seen, NEVER),
      made(`${path} belongs to root:root, declared ${owner}`, { mode: 0o755, owner }),
    );
  for (const owner of ['root', 'root:root', undefined])
    assert.deepEqual(folder({ name: 'state', path, ...(owner ? { owner } : {}) }).plan(seen, NEVER), []);
});

test('folder takes away its own only', () => {
  assert.deepEqual(step.undo?.(seen, ALL), [
    { kind: 'remove', path, folder: true, why: `${path} was made by cc` },
  ]);
  assert.deepEqual(step.undo?.({ ...seen, owned: false }, ALL), []);
});

test('folder that is made is as mkdir would make it, and noted as of cc', async (t) => {
  const host = paper('node-1');
  const { outcomes } = await runTasks([taskOf(step)], {
    folder: await tempFolder(t),
    hosts: { 'node-1': host },
  });
  assert.deepEqual(
    [...outcomes.values()].map(({ state }) => state),
    ['applied'],
  );
  const { facts, owned } = await host.files.look(path);
  assert.deepEqual([facts, owned], [{ kind: 'directory', mode: 0o755, owner: 'root:root' }, true]);
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
