/** A file with a given text: only its bytes and its mode count. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { digestOf } from '../../core/model/digest.ts';
import { Failed } from '../../core/model/failure.ts';
import { composed, written } from '../../core/steps/written.ts';
import { paperView } from '../rig/view.ts';
import { ALL, NEVER } from './last.ts';

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
  assert.deepEqual(step.undo?.(seen, ALL), [{ kind: 'remove', path, why: `${path} was put there by cc` }]);
  assert.deepEqual(step.undo?.({ ...seen, owned: false }, ALL), []);
});

const asked = { inputs: { of: 'eth1' }, compose: async () => ({ text }) };
const other = composed(asked, { path, name: 'conf' });
const stat = { [path]: { kind: 'file', mode: 0o644, owner: 'root:root', size: 6, digest } } as const;

test('composed writes what the host says, once', async () => {
  assert.deepEqual(other.inputs, { path, mode: 0o644, of: { of: 'eth1' } });
  const bare = await other.probe(paperView({ stat: { [path]: null }, owned: { [path]: false } }));
  assert.deepEqual(other.plan(bare, NEVER), [
    { kind: 'write', path, text, mode: 0o644, why: `${path} is not there` },
  ]);
  const there = await other.probe(paperView({ stat, owned: { [path]: true } }));
  assert.deepEqual(other.plan(there, NEVER), []);
});

test('composed refuses where the host lacks something, and takes the file back all the same', async () => {
  const lacking = composed(
    { ...asked, compose: async () => ({ lacks: ['no eth1'] }) },
    { path, name: 'conf' },
  );
  const facts = await lacking.probe(paperView({ stat, owned: { [path]: true } }));
  assert.throws(
    () => lacking.plan(facts, NEVER),
    (error) => error instanceof Failed && error.failure.kind === 'check-failed',
  );
  assert.deepEqual(lacking.undo?.(facts, ALL), [
    { kind: 'remove', path, why: `${path} was put there by cc` },
  ]);
});
