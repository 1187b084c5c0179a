/** A check: run unless it succeeded with this very declaration. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { check } from '../../core/steps/check.ts';
import { paperView } from '../rig/view.ts';
import { applied, changed, INTERRUPTED, NEVER, PERFORMED } from './last.ts';

const script = async () => undefined;
const step = check({ name: 'smoke', title: 'ask nginx', inputs: { image: 'nginx' }, script });

test('check looks at nothing, and says what it is', async () => {
  assert.equal(await step.probe(paperView()), null);
  assert.deepEqual([step.check, step.inputs, step.undo], [true, { image: 'nginx' }, undefined]);
});

for (const last of [NEVER, INTERRUPTED, changed('n1/crio/unit was changed in this run', null)]) {
  test(`check runs its script: ${last.why}`, () => {
    assert.deepEqual(step.plan(null, last), [{ kind: 'script', title: 'ask nginx', script, why: last.why }]);
  });
}

test('check does not run when it has succeeded with this declaration', () => {
  assert.deepEqual(step.plan(null, applied(null)), []);
  assert.deepEqual(step.plan(null, PERFORMED), []);
});
