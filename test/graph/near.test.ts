/** Suggestions: near enough to help, or none. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { nearest } from '../../core/graph/near.ts';

const KNOWN = ['runc', 'crio', 'containerd', 'kubeadm', 'nginx-smoke', 'cc'];

const CASES: readonly (readonly [string, string | undefined])[] = [
  ['runc', 'runc'],
  ['rnuc', 'runc'],
  ['RUNC', 'runc'],
  ['run', 'runc'],
  ['contanerd', 'containerd'],
  ['containers', 'containerd'],
  ['kubadmn', 'kubeadm'],
  ['nginxsmoke', 'nginx-smoke'],
  ['nginx', undefined],
  ['postgres', undefined],
  ['', 'cc'],
  ['x'.repeat(300), undefined],
];

for (const [name, expected] of CASES) {
  test(`the nearest of the known names to "${name.slice(0, 20)}" is ${expected ?? 'none'}`, () => {
    assert.equal(nearest(name, KNOWN), expected);
  });
}

test('nearest answers none where nothing is known', () => assert.equal(nearest('a', []), undefined));

test('nearest answers the first of equally near names', () => {
  assert.equal(nearest('abc', ['abd', 'abe']), 'abd');
});

test('nearest is the name with the fewest edits', () => {
  assert.equal(nearest('kubelet', ['kubeadm', 'kubectl', 'kubeletd']), 'kubeletd');
});
