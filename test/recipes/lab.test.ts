/** What holds of the lab beside its texts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import lab from '../../recipes/lab.ts';
import { tasksOf } from './golden.ts';

test('page is proven again when the runtime or the network of its pods changed', () => {
  const { needs } = tasksOf(lab).find(({ id }) => id === 'lab/nginx-smoke/page')!; // the recipe has it
  const before = ['lab/containerd/running', 'lab/cni/network', 'lab/images/loaded'];
  assert.deepEqual(
    before.filter((id) => !needs.some((need) => need === id)),
    [],
  );
});

test('lab expands to the same tasks each time', () => {
  assert.equal(JSON.stringify(tasksOf(lab)), JSON.stringify(tasksOf(lab)));
});
