/** cleanup: no steps of its own, and the recipe's way to be taken back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expand } from '../../core/graph/expand.ts';
import { flattened } from '../../core/graph/flatten.ts';
import { cleanup } from '../../plugins/cleanup.ts';
import { runc } from '../../plugins/runc.ts';
import { laws } from '../rig/laws.ts';
import { NODE } from './bench.ts';

laws('cleanup', { plugins: [runc(), cleanup()] });

test('cleanup is what takes the recipe back, and is no task', () => {
  const flat = flattened([{ hosts: [NODE], plugins: [runc(), cleanup()] }], []);
  const { cleanups, tasks } = expand(flat, { arch: 'amd64', cache: '/c', state: '/s', file: '/f' }, []);
  assert.deepEqual(cleanups, ['cleanup']);
  assert.deepEqual(
    tasks.map(({ id }) => id),
    ['controller/fetch/runc', 'node-1/runc/runc'],
  );
});
