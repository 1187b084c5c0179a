/** A control plane and a worker, for real, struck by a fault in a join, in a turn and in a removal. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { faultTests, seeded, siteToStrike } from './faults.ts';
import { hostPicture, machinesThere } from './host.ts';
import { good } from './ran.ts';
import type { Machine, Site } from './site.ts';

const PLANE: Machine = {
  name: 'cce2ep',
  address: '198.18.84.11',
  gateway: '198.18.84.1',
  bridge: 'cce2ew0',
};
const WORKER = 'cce2ew1';

let site: Site;
let others: readonly string[];
let untouched: ReturnType<typeof hostPicture>;

before(async () => {
  site = siteToStrike(PLANE, { [WORKER]: { address: '198.18.84.12', roles: ['worker'] } });
  // Packages are the one thing that stays, so they are there before the host's picture is taken.
  await done(['run', 'machine/tools', 'images/tools']);
  others = machinesThere();
  untouched = hostPicture(others);
  await done(['run', 'all']);
});

after(async () => {
  await site.cc(['run', 'cleanup']);
  site.remove();
});

async function done(words: readonly string[]): Promise<void> {
  good(await site.cc(words));
}

faultTests(seeded(), () => ({ site, worker: WORKER }));

test('cleanup of both machines leaves the host as it was', async () => {
  await done(['run', 'cleanup']);
  assert.deepEqual(hostPicture(others), untouched);
});
