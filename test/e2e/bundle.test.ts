/** The lab where there is no network: all from one file, in a network namespace that has nothing but a loopback. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';
import { after, before, test } from 'node:test';
import { hostPicture } from './host.ts';
import { good } from './ran.ts';
import { type Machine, makeSite, must, type Site } from './site.ts';

const NAMESPACE = 'cc-e2e-cut';
const NETWORK = `/run/netns/${NAMESPACE}`;
const MACHINE: Machine = {
  name: 'cce2eair',
  address: '198.18.83.11',
  gateway: '198.18.83.1',
  bridge: 'cce2eair0',
};

let connected: Site;
let site: Site;
let untouched: ReturnType<typeof hostPicture>;

before(async () => {
  connected = makeSite({ base: 'lab', machine: MACHINE, fresh: true });
  good(await connected.cc(['run', 'machine/tools', 'images/tools']));
  spawnSync('ip', ['netns', 'delete', NAMESPACE]); // of a test that was killed
  must('ip', ['netns', 'add', NAMESPACE], '/');
  must('nsenter', [`--net=${NETWORK}`, 'ip', 'link', 'set', 'dev', 'lo', 'up'], '/');
  untouched = hostPicture();
  site = makeSite({ base: 'lab', machine: MACHINE, network: NETWORK, fresh: true });
});

after(async () => {
  await site.cc(['run', 'cleanup']);
  must('ip', ['netns', 'delete', NAMESPACE], '/');
  for (const each of [connected, site]) each.remove();
});

test('run all without the network and without a bundle fails at the archive', async () => {
  const ask = "fetch('http://deb.debian.org/debian/').then(() => process.exit(0), () => process.exit(3))";
  assert.equal(spawnSync('nsenter', [`--net=${NETWORK}`, process.execPath, '-e', ask]).status, 3);
  const ran = await site.cc(['run', 'fetch/runc']);
  assert.equal(ran.code, 1, ran.stdout);
  assert.match(ran.stdout, /Cannot read the Debian archive/);
});

test('run all from a bundle brings up a cluster that kubectl confirms', async () => {
  const bundle = join(connected.folder, 'lab.tar');
  good(await connected.cc(['bundle', bundle]));
  const ran = good(await site.cc(['run', 'all', '--bundle', bundle]));
  assert.match(ran.stdout, /page fetched from/);
  const [node] = JSON.parse(site.kubectl('get nodes -o json')).items;
  assert.equal(node.status.nodeInfo.kubeletVersion, 'v1.20.2');
});

test('a second run changes nothing, with and without the bundle', async () => {
  for (const words of [[], ['--bundle', join(connected.folder, 'lab.tar')]]) {
    const ran = good(await site.cc(['run', 'all', ...words]));
    assert.match(ran.stdout, /^0 changed/m);
  }
});

test('cleanup leaves the host as it was', async () => {
  good(await site.cc(['run', 'cleanup']));
  assert.deepEqual(hostPicture(), untouched);
});
