/**
 * The lab where there is no network: all from one file, in a network namespace that has nothing but a loopback. What is built here
 * from nothing is there for the tests that follow.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { after, before, test } from 'node:test';
import { hostPicture } from './host.ts';
import { good, lastOf, reasonOf } from './ran.ts';
import { type Machine, makeSite, must, type Site } from './site.ts';

const COMPILE = 'kubernetes/compile';
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
let bundle: string;
let untouched: ReturnType<typeof hostPicture>;

before(async () => {
  connected = makeSite({ base: 'lab', machine: MACHINE, fresh: true });
  good(await connected.cc(['run', 'machine/tools', 'images/tools']));
  spawnSync('ip', ['netns', 'delete', NAMESPACE]); // of a test that was killed
  must('ip', ['netns', 'add', NAMESPACE], '/');
  must('nsenter', [`--net=${NETWORK}`, 'ip', 'link', 'set', 'dev', 'lo', 'up'], '/');
  untouched = hostPicture();
  bundle = join(connected.folder, 'lab.tar');
  site = makeSite({ base: 'lab', machine: MACHINE, network: NETWORK, cold: true });
});

after(async () => {
  await site.cc(['run', 'cleanup']);
  must('ip', ['netns', 'delete', NAMESPACE], '/');
  // The tests that follow take from the archive what no bundle has brought.
  rmSync(join(site.cache, 'cc/recipes/e2e/apt/archive'), { recursive: true });
  for (const each of [connected, site]) each.remove();
});

test('run all without the network and without a bundle fails at the archive', async () => {
  const ask = "fetch('http://deb.debian.org/debian/').then(() => process.exit(0), () => process.exit(3))";
  assert.equal(spawnSync('nsenter', [`--net=${NETWORK}`, process.execPath, '-e', ask]).status, 3);
  const ran = await site.cc(['run', 'fetch/runc']);
  assert.equal(ran.code, 1, ran.stdout);
  assert.match(ran.stdout, /Cannot read the Debian archive/);
});

test('Ctrl-C during a compile from a bundle leaves no process and exits 130', async () => {
  good(await connected.cc(['bundle', bundle]));
  const ran = await site.watch(['run', COMPILE, '--bundle', bundle], (event, stop) => {
    if (event.kind === 'change' && event.what.includes('openapi-gen, and')) stop('SIGINT');
  });
  assert.equal(ran.code, 130);
  assert.equal(lastOf(ran, `controller/${COMPILE}`)?.state, 'interrupted');
  assert.deepEqual(processesWith(site.cache), []);
});

test('run all from a bundle brings up a cluster that kubectl confirms', async () => {
  const ran = good(await site.cc(['run', 'all', '--bundle', bundle, '--json']));
  assert.equal(reasonOf(ran, `controller/${COMPILE}`), 'interrupted');
  assert.equal(lastOf(ran, `${MACHINE.name}/nginx-smoke/page`)?.state, 'applied');
  const [node] = JSON.parse(site.kubectl('get nodes -o json')).items;
  assert.equal(node.status.nodeInfo.kubeletVersion, 'v1.20.2');
});

test('a second run changes nothing, with and without the bundle', async () => {
  for (const words of [[], ['--bundle', bundle]]) {
    const ran = good(await site.cc(['run', 'all', ...words]));
    assert.match(ran.stdout, /^0 changed/m);
  }
});

test('cleanup leaves the host as it was', async () => {
  good(await site.cc(['run', 'cleanup']));
  assert.deepEqual(hostPicture(), untouched);
});

/** Command lines of living processes that name a folder. */
function processesWith(folder: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      const file = `/proc/${pid}/cmdline`;
      const line = existsSync(file) ? readFileSync(file, 'utf8').replaceAll('\0', ' ') : '';
      return line.includes(folder) && !line.includes('test/e2e') ? [line] : [];
    });
}
