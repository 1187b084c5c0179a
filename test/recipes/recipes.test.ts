/** Every shipped recipe, word for word: its tasks in their order, and what they would do to a bare host. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Recipe } from '../../core/model/recipe.ts';
import { readLocks } from '../../core/store/lock.ts';
import kata from '../../recipes/kata.ts';
import middle from '../../recipes/kubernetes-1.20.ts';
import lab from '../../recipes/lab.ts';
import { assertGolden, needsText, planText, type Release, tasksOf } from './golden.ts';

interface Case {
  readonly recipe: Recipe;
  readonly host: string;
  readonly releases: readonly Release[];
}

/** As a site adds its own. */
function withHost(base: Recipe): Recipe {
  const connection = { kind: 'ssh', address: 'node-1.example' } as const;
  return { extends: base, hosts: [{ name: 'node-1', roles: ['control-plane'], connection }] };
}

const RECIPES: Readonly<Record<string, Case>> = {
  kata: { recipe: withHost(kata), host: 'node-1', releases: ['Debian 12', 'Ubuntu 24.04'] },
  'kubernetes-1.20': { recipe: middle, host: 'middle', releases: ['Debian 12'] },
  lab: { recipe: lab, host: 'lab', releases: ['Debian 12'] },
};

test('every recipe that is shipped is here', () => {
  const files = readdirSync(new URL('../../recipes', import.meta.url)).filter((file) => file.endsWith('.ts'));
  assert.deepEqual(files.map((file) => file.slice(0, -3)).toSorted(), Object.keys(RECIPES).toSorted());
});

for (const [name, { recipe, host, releases }] of Object.entries(RECIPES)) {
  test(`${name} is these tasks with these needs`, () => {
    assertGolden(needsText(tasksOf(recipe)), `${name}.tasks.txt`);
  });

  for (const release of releases) {
    test(`${name} would do this to a bare ${release}`, async (t) => {
      const text = await planText(tasksOf(recipe), host, release, t);
      assertGolden(text, `${name}.${release.toLowerCase().replace(' ', '-')}.plan.txt`);
    });
  }
}

test('lock of Kata Containers is of the releases that its recipe fetches, as far as anybody recorded them', () => {
  const file = fileURLToPath(new URL('../../recipes/kata.lock', import.meta.url));
  const [lock = new Map()] = readLocks([file], 'amd64');
  const releases = new Map(
    tasksOf(withHost(kata)).flatMap(({ step }) =>
      (step.artifacts ?? []).flatMap(({ name, source }) =>
        source.kind === 'url' ? [[name, source.url] as const] : [],
      ),
    ),
  );
  for (const [name, { url }] of lock) assert.equal(url, releases.get(name));
  assert.deepEqual(
    [...releases.keys()].filter((name) => !lock.has(name)),
    ['cni-flannel', 'kata'], // their makers publish no digests, and nobody else recorded them
  );
});
