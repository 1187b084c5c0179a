/** A file with a given text: only its bytes and its mode count. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { digestOf } from '../../core/model/digest.ts';
import { written } from '../../core/steps/written.ts';
import { paperView } from '../rig/view.ts';
import { NEVER } from './last.ts';

const path = '/etc/crio.conf';
const text = 'a = 1\n';
const digest = digestOf(text);
const step = written(text, { path, name: 'conf' });
const seen = { digest, mode: 0o644, owned: true };

test('written records the digest of the text, not the text', () => {
  assert.deepEqual([step.name, step.inputs], ['conf', { path, mode: 0o644, digest }]);
});

test('written sees the file and whose it is', async () => {
  const stat = { [path]: { kind: 'file', mode: 0o644, owner: 'root:root', size: 6, digest } } as const;
  assert.deepEqual(await step.probe(paperView({ stat, owned: { [path]: true } })), seen);
});

const WHYS: readonly (readonly [object, string])[] = [
  [{ digest: null, mode: null }, `${path} is not there`],
  [{ digest: digestOf('a = 2\n') }, `${path} has other bytes than declared`],
  [{ mode: 0o600 }, `${path} has mode 0600, declared 0644`],
];

for (const [facts, why] of WHYS) {
  test(`written writes when ${why}`, () => {
    assert.deepEqual(step.plan({ ...seen, ...facts }, NEVER), [
      { kind: 'write', path, text, mode: 0o644, why },
    ]);
  });
}

test('written has nothing to do when bytes and mode are right', () => {
  assert.deepEqual(step.plan(seen, NEVER), []);
});

test('written takes away its own file only', () => {
  assert.deepEqual(step.undo?.(seen), [{ kind: 'remove', path, why: `${path} was put there by cc` }]);
  assert.deepEqual(step.undo?.({ ...seen, owned: false }), []);
});
