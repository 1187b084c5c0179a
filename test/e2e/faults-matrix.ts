/** Every fault at every point; `npm run e2e:faults`, which takes an hour or more. */
import { after, before } from 'node:test';
import { type Cluster, faultTests, MATRIX, siteToStrike } from './faults.ts';
import { good } from './ran.ts';
import type { Machine } from './site.ts';

const PLANE: Machine = {
  name: 'ccflp',
  address: '198.18.107.11',
  gateway: '198.18.107.1',
  bridge: 'ccflt0',
};
const WORKER = 'ccflw';

let cluster: Cluster;

before(async () => {
  const site = siteToStrike(PLANE, { [WORKER]: { address: '198.18.107.21', roles: ['worker'] } });
  cluster = { site, worker: WORKER };
  good(await site.cc(['run', 'all']));
});

after(async () => {
  good(await cluster.site.cc(['run', 'cleanup']));
  cluster.site.remove();
});

faultTests(MATRIX, () => cluster);
