/** Debian packages: those that are missing are installed, and none is taken away. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { packages } from '../../core/steps/packages.ts';
import { paperView } from '../rig/view.ts';
import { NEVER } from './last.ts';

const step = packages(['socat', 'conntrack', 'ebtables']);

test('packages is one step at a time on a host, and records the names', () => {
  assert.deepEqual(
    [step.name, step.locks, step.inputs, step.undo],
    ['packages', ['apt'], { names: ['socat', 'conntrack', 'ebtables'] }, undefined],
  );
  assert.equal(packages(['x'], { name: 'tools' }).name, 'tools');
});

test('packages sees which are missing', async () => {
  const view = paperView({ packages: { socat: false, conntrack: true, ebtables: false } });
  assert.deepEqual(await step.probe(view), { missing: ['socat', 'ebtables'] });
});

test('packages installs what is missing, and only that', () => {
  assert.deepEqual(step.plan({ missing: ['socat', 'ebtables'] }, NEVER), [
    { kind: 'packages', names: ['socat', 'ebtables'], why: 'socat, ebtables not installed' },
  ]);
  assert.deepEqual(step.plan({ missing: [] }, NEVER), []);
});
