/** Every shipped recipe, word for word: its tasks in their order, and what they would do to a bare host. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { order, reversed } from '../../core/graph/order.ts';
import type { Recipe } from '../../core/model/recipe.ts';
import { readLocks } from '../../core/store/lock.ts';
import clearContainers from '../../recipes/clear-containers.ts';
import doctor from '../../recipes/doctor.ts';
import kata from '../../recipes/kata.ts';
import middle from '../../recipes/kubernetes-1.20.ts';
import lab from '../../recipes/lab.ts';
import labDns from '../../recipes/lab-dns.ts';
import labHa from '../../recipes/lab-ha.ts';
import labVm from '../../recipes/lab-vm.ts';
import { assertGolden, imagesOf, needsText, planText, type Release, tasksOf } from './golden.ts';

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
  'clear-containers': { recipe: withHost(clearContainers), host: 'node-1', releases: ['Ubuntu 16.04'] },
  doctor: { recipe: withHost(doctor), host: 'node-1', releases: [] },
  kata: { recipe: withHost(kata), host: 'node-1', releases: ['Debian 12', 'Ubuntu 24.04'] },
  'kubernetes-1.20': { recipe: middle, host: 'middle', releases: ['Debian 12'] },
  'lab-dns': { recipe: labDns, host: 'plane', releases: ['Debian 12'] },
  'lab-ha': { recipe: labHa, host: 'cp-1', releases: ['Debian 12'] },
  'lab-vm': { recipe: labVm, host: 'vm', releases: ['Debian 12'] },
  lab: { recipe: lab, host: 'lab', releases: ['Debian 12'] },
};

function shipped(ending: string): readonly string[] {
  const files = readdirSync(new URL('../../recipes', import.meta.url));
  const found = files.filter((file) => file.endsWith(ending)).map((file) => file.slice(0, -ending.length));
  return found.toSorted();
}

test('every recipe that is shipped is here', () => {
  assert.deepEqual(shipped('.ts'), Object.keys(RECIPES).toSorted());
});

for (const [name, { recipe, host, releases }] of Object.entries(RECIPES)) {
  test(`${name} is these tasks with these needs`, () => {
    assertGolden(needsText(tasksOf(recipe)), `${name}.tasks.txt`);
  });

  test(`${name} can be taken back in some order`, () => {
    const tasks = tasksOf(recipe);
    assert.equal(order(reversed(tasks)).ids.length, tasks.length);
  });

  for (const release of releases) {
    test(`${name} would do this to a bare ${release}`, async (t) => {
      const text = await planText(tasksOf(recipe), host, release, t);
      assertGolden(text, `${name}.${release.toLowerCase().replace(' ', '-')}.plan.txt`);
    });
  }
}

/** What each lock of a shipped recipe lacks, since nobody was found to have recorded it. */
const UNRECORDED: Readonly<Record<string, readonly string[]>> = {
  'clear-containers': [
    ...['kubelet', 'kubectl'], // their makers published SHA-1 alone
    ...['cni-plugins', 'cc-kernel', 'cc-image'], // these have sums beside them
  ],
  kata: [
    ...['cni-flannel', 'kata'], // their makers publish no digests
    'ghcr.io/flannel-io/flannel:v0.28.9',
  ],
};

/** Addresses of the releases that a recipe fetches, and of the images that it names by tag, by name. */
function releasesOf(recipe: Recipe): ReadonlyMap<string, string> {
  const artifacts = tasksOf(recipe).flatMap(({ step }) => step.artifacts ?? []);
  const urls = artifacts.flatMap(({ name, source }) =>
    source.kind === 'url' ? [[name, source.url] as const] : [],
  );
  return new Map([...urls, ...imagesOf(recipe)]);
}

for (const [name, lacking] of Object.entries(UNRECORDED)) {
  test(`lock of ${name} is of the releases that its recipe fetches, as far as anybody recorded them`, () => {
    const file = fileURLToPath(new URL(`../../recipes/${name}.lock`, import.meta.url));
    const lock = new Map(readLocks([file], 'any', 'amd64').flatMap((entries) => [...entries]));
    const releases = releasesOf(RECIPES[name]!.recipe); // both tables have the name
    for (const [name, { url }] of lock) assert.equal(url, releases.get(name));
    assert.deepEqual([...releases.keys()].filter((name) => !lock.has(name)).toSorted(), lacking.toSorted());
  });
}

test('every lock that is shipped is here', () => {
  assert.deepEqual(shipped('.lock'), Object.keys(UNRECORDED).toSorted());
});
