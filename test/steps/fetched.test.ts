/** A fetch: there is one thing to do, until the store has the bytes. */
import assert from 'node:assert/strict';
import test from 'node:test';
import type { Artifact } from '../../core/model/artifact.ts';
import { digestOf } from '../../core/model/digest.ts';
import { fetched } from '../../core/steps/fetched.ts';
import { paperView } from '../rig/view.ts';
import { NEVER } from './last.ts';

const ball: Artifact = { name: 'ball', source: { kind: 'url', url: 'https://x.org/ball' } };
const step = fetched(ball);

test('fetched is done on the controller by the user who runs cc', () => {
  assert.deepEqual(
    [step.name, step.where, step.root, step.inputs],
    ['ball', 'controller', false, { name: 'ball', from: 'https://x.org/ball' }],
  );
});

test('fetched sees whether the store has the bytes', async () => {
  const found = (fetched: boolean) =>
    step.probe(paperView({ locked: { ball: digestOf('x') }, fetched: { ball: fetched } }));
  assert.deepEqual(await found(true), { digest: digestOf('x') });
  assert.deepEqual(await found(false), { digest: null, changed: true });
  assert.deepEqual(await step.probe(paperView({ locked: { ball: null } })), { digest: null });
});

test('fetched fetches what the store has not', () => {
  assert.deepEqual(step.plan({ digest: null }, NEVER), [
    { kind: 'fetch', artifact: ball, why: 'ball is not in the store' },
  ]);
  assert.deepEqual(step.plan({ digest: null, changed: true }, NEVER), [
    { kind: 'fetch', artifact: ball, why: 'ball in the store has other bytes than its digest says' },
  ]);
  assert.deepEqual(step.plan({ digest: digestOf('x') }, NEVER), []);
});
