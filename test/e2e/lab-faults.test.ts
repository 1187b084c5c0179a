/** A control plane and two workers, for real, struck by a fault in a join, in a turn and in a removal. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { faultTests, seeded } from './faults.ts';
import { hostPicture, machinesThere } from './host.ts';
import { good } from './ran.ts';
import { type Machine, makeSite, type Site } from './site.ts';

const PLANE: Machine = {
  name: 'cce2ep',
  address: '198.18.84.11',
  gateway: '198.18.84.1',
  bridge: 'cce2ew0',
};
const WORKERS = { cce2ew1: '198.18.84.12', cce2ew2: '198.18.84.13' };

let site: Site;
let others: readonly string[];
let untouched: ReturnType<typeof hostPicture>;

before(async () => {
  const workers = Object.entries(WORKERS).map(([name, address]) => [name, { address, roles: ['worker'] }]);
  const options = { cni: { network: 'routes' } };
  site = makeSite({ base: 'lab', machine: PLANE, others: Object.fromEntries(workers), options });
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

faultTests(seeded(), () => ({ site, worker: 'cce2ew2' }));

test('cleanup of three machines leaves the host as it was', async () => {
  await done(['run', 'cleanup']);
  assert.deepEqual(hostPicture(others), untouched);
});
