/** An unpacked archive: seen by one file of it, remembered by the digest of that. */
import assert from 'node:assert/strict';
import test from 'node:test';
import type { Artifact } from '../../core/model/artifact.ts';
import { digestOf } from '../../core/model/digest.ts';
import { unpacked } from '../../core/steps/unpacked.ts';
import { paperView } from '../rig/view.ts';
import { ALL, applied, changed, INTERRUPTED, NEVER, PERFORMED } from './last.ts';

const go: Artifact = { name: 'go', source: { kind: 'url', url: 'https://x.org/go.tgz' } };
const path = '/opt/go';
const [old, now, ball] = [digestOf('old'), digestOf('now'), digestOf('ball')];
const step = unpacked(go, { path, strip: 1, marker: 'bin/go' });
const seen = { marker: now, from: ball, owned: true };
const unpack = (why: string) => [{ kind: 'unpack', path, artifact: go, strip: 1, why }];

test('unpacked sees the marker, the archive and the owner of the folder', async () => {
  const file = { kind: 'file', mode: 0o755, owner: 'root:root', size: 3, digest: now } as const;
  const stat = { '/opt/go/bin/go': file };
  const view = paperView({ stat, owned: { [path]: true }, locked: { go: ball } });
  assert.deepEqual(await step.probe(view), seen);
});

test('unpacked sees no marker where there is no file', async () => {
  const view = paperView({
    stat: { '/opt/go/bin/go': null },
    owned: { [path]: false },
    locked: { go: null },
  });
  assert.deepEqual(await step.probe(view), { marker: null, from: null, owned: false });
});

const PLANS: readonly (readonly [string, object, Parameters<typeof step.plan>[1], readonly unknown[]])[] = [
  ['unpacks what is not there', { marker: null }, NEVER, unpack('/opt/go/bin/go is not there')],
  ['unpacks what has gone', { marker: null }, applied(seen), unpack('/opt/go/bin/go is not there')],
  [
    'unpacks over a folder it never made',
    {},
    NEVER,
    unpack('/opt/go is not from this archive: never applied'),
  ],
  [
    'unpacks again after an interruption',
    {},
    INTERRUPTED,
    unpack('/opt/go is not from this archive: interrupted in run 1'),
  ],
  [
    'unpacks another archive',
    {},
    changed('artifacts.go: a → b', seen),
    unpack('/opt/go is not from this archive: artifacts.go: a → b'),
  ],
  [
    'unpacks when the marker has changed',
    {},
    applied({ ...seen, marker: old }),
    unpack('/opt/go/bin/go has changed'),
  ],
  ['is proven by the marker', {}, PERFORMED, []],
  ['has nothing to do when the marker is the same', {}, applied(seen), []],
];

for (const [claim, facts, last, changes] of PLANS) {
  test(`unpacked ${claim}`, () => assert.deepEqual(step.plan({ ...seen, ...facts }, last), changes));
}

test('unpacked takes away its own folder only', () => {
  assert.deepEqual(step.undo?.(seen, ALL), [{ kind: 'remove', path, why: '/opt/go was put there by cc' }]);
  assert.deepEqual(step.undo?.({ ...seen, owned: false }, ALL), []);
});

test('unpacked may allow more bytes, and name entries that are unsafe elsewhere', () => {
  const large = unpacked(go, { path, strip: 1, marker: 'bin/go', sizeLimit: 5, unsafe: ['su'] });
  assert.deepEqual(
    large.plan({ ...seen, marker: null }, NEVER),
    unpack('/opt/go/bin/go is not there').map((change) => ({ ...change, sizeLimit: 5, unsafe: ['su'] })),
  );
  assert.deepEqual(large.inputs, step.inputs);
});

test('unpacked records which file is its marker', () => {
  assert.deepEqual(step.inputs, {
    path,
    strip: 1,
    marker: 'bin/go',
    artifact: { name: 'go', from: 'https://x.org/go.tgz' },
  });
});
