/** Whether pods have a kernel of their own: what is proof, and what is none. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Evidence, verdict } from '../../plugins/nginx-smoke/isolation.ts';

const kernels = (pod: readonly [string, string], node: readonly [string, string]): Evidence => ({
  pod: { release: pod[0], boot: pod[1] },
  node: { release: node[0], boot: node[1] },
});

interface Case {
  readonly found: Evidence;
  readonly proven: 'vm' | 'none';
  /** What is said of the kernels. */
  readonly lines: readonly string[];
}

const CASES: Readonly<Record<string, Case>> = {
  'the same boot_id': {
    found: kernels(['6.1', 'a'], ['6.1', 'a']),
    proven: 'none',
    lines: ['kernel: pod 6.1, node 6.1 (the same)', 'boot_id: pod a, node a (the same)'],
  },
  'the same boot_id under another release': {
    found: kernels(['6.6', 'a'], ['6.1', 'a']),
    proven: 'none',
    lines: ['kernel: pod 6.6, node 6.1 (different)', 'boot_id: pod a, node a (the same)'],
  },
  'another boot_id': {
    found: kernels(['6.6', 'b'], ['6.1', 'a']),
    proven: 'vm',
    lines: ['kernel: pod 6.6, node 6.1 (different)', 'boot_id: pod b, node a (different)'],
  },
  'another boot_id of the same release': {
    found: kernels(['6.1', 'b'], ['6.1', 'a']),
    proven: 'vm',
    lines: ['kernel: pod 6.1, node 6.1 (the same)', 'boot_id: pod b, node a (different)'],
  },
  'no boot_id in the pod': {
    found: kernels(['6.6', ''], ['6.1', 'a']),
    proven: 'none',
    lines: ['kernel: pod 6.6, node 6.1 (different)', 'boot_id: pod not readable, node a'],
  },
  'no boot_id on the node': {
    found: kernels(['6.6', 'b'], ['6.1', '']),
    proven: 'none',
    lines: ['kernel: pod 6.6, node 6.1 (different)', 'boot_id: pod b, node not readable'],
  },
  'no boot_id anywhere': {
    found: kernels(['6.6', ''], ['6.1', '']),
    proven: 'none',
    lines: ['kernel: pod 6.6, node 6.1 (different)', 'boot_id: pod not readable, node not readable'],
  },
};

for (const [name, { found, proven, lines }] of Object.entries(CASES)) {
  for (const declared of ['vm', 'none'] as const) {
    test(`${name} proves ${proven} where ${declared} is declared`, () => {
      assert.deepEqual(verdict(found, declared), {
        proven,
        failed: declared === 'vm' && proven === 'none',
        what: 'the recipe declares that pods run in virtual machines',
        lines: [...lines, `isolation declared ${declared}, proven ${proven}`],
      });
    });
  }
}
