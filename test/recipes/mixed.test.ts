/** A site with hosts of two processors, word for word: what is fetched for both, and what the second host gets. */
import { test } from 'node:test';
import type { Recipe } from '../../core/model/recipe.ts';
import kata from '../../recipes/kata.ts';
import { assertGolden, needsText, planText, tasksOf } from './golden.ts';

const at = (name: string) => ({ name, connection: { kind: 'ssh', address: `${name}.example` } }) as const;
const mixed: Recipe = {
  extends: kata,
  // A cluster has one node today; without one there may be any hosts.
  without: ['kubeadm', 'flannel', 'runtime-class', 'nginx-smoke'],
  hosts: [
    { ...at('node-1'), roles: ['control-plane'] },
    { ...at('node-2'), roles: [], arch: 'arm64' },
  ],
};

test('host with another processor than the controller has these tasks with these needs', () => {
  const own = tasksOf(mixed).filter(({ host }) => host.name === 'node-2');
  assertGolden(needsText(own), 'mixed.tasks.txt');
});

for (const host of ['controller', 'node-2']) {
  test(`site with hosts of two processors would do this to ${host}`, async (t) => {
    const text = await planText(tasksOf(mixed), host, 'Debian 12', t);
    assertGolden(text, `mixed.${host}.plan.txt`);
  });
}
