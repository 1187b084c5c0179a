/** A host that stays: somebody's, with things of theirs on it, becomes a node, and is as it was after cleanup. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until } from '../host/second-process.ts';
import { killMachine, whenInitHasBegun } from './machine.ts';
import { good } from './ran.ts';
import { type Machine, makeSite, type Site } from './site.ts';
import { differences, type Picture, pictureOf, THEIRS } from './theirs.ts';

const MACHINE: Machine = {
  name: 'cce2ehost',
  address: '198.18.86.11',
  gateway: '198.18.86.1',
  bridge: 'cce2ehost0',
};
const HOST = ['--config', 'host.config.ts'];
const SAME = { gone: [], come: [] };

let site: Site;
let untouched: Picture;

before(async () => {
  site = makeSite({ base: 'lab', machine: MACHINE, madeBy: 'e2e-host' });
  await done(['run', 'all', ...HOST]);
  site.ssh(THEIRS);
  await until('no address is being tried any more', async () => !/tentative/.test(site.ssh('ip address')));
  untouched = pictureOf(site);
});

after(async () => {
  await site.cc(['run', 'cleanup', ...HOST]);
  site.remove();
});

/** Runs cc and answers what it said; fails unless it exits 0. */
async function done(words: readonly string[]): Promise<string> {
  const ran = good(await site.cc(words));
  return ran.stdout;
}

test('host of somebody becomes a node that serves a page, and a second run changes nothing', async () => {
  assert.match(await done(['run', 'all']), /page fetched from/);
  assert.match(await done(['run', 'all']), /^0 changed/m);
});

test('cleanup while pods run leaves the host as it was', async () => {
  site.kubectl(`create deployment own --image=registry.lab/nginx:bookworm --replicas=2`);
  site.kubectl(`patch deployment own -p '${JSON.stringify(HOST_PORT)}'`);
  site.kubectl('scale deployment own --replicas=1');
  site.kubectl('rollout status deployment own --timeout=120s');
  assert.match(site.ssh('iptables-save -t nat'), /dnat name: \\"cc\\"/);
  await done(['run', 'cleanup']);
  assert.deepEqual(differences(untouched, pictureOf(site)), SAME);
});

const HOST_PORT = {
  spec: {
    strategy: { type: 'Recreate', rollingUpdate: null },
    template: { spec: { containers: [{ name: 'nginx', ports: [{ containerPort: 80, hostPort: 8089 }] }] } },
  },
};

test('second cleanup finds nothing to do', async () => {
  assert.match(await done(['run', 'cleanup']), /^0 changed/m);
  assert.deepEqual(differences(untouched, pictureOf(site)), SAME);
});

test('cleanup after a run that was killed in the middle of kubeadm init leaves the host as it was', async () => {
  const ran = await site.watch(['run', 'all'], (event, stop) => {
    if (event.kind === 'change' && event.what.includes('kubeadm init'))
      whenInitHasBegun(MACHINE, () => stop('SIGKILL'));
  });
  assert.equal(ran.code, null);
  await done(['run', 'cleanup']);
  assert.deepEqual(differences(untouched, pictureOf(site)), SAME);
});

test('cleanup of a host that is off names it and fails, and is done once it is back', async () => {
  await done(['run', 'kubernetes/kubectl', 'kubeadm/unit']);
  killMachine(MACHINE);
  const ran = await site.cc(['run', 'cleanup']);
  assert.equal(ran.code, 1, ran.stdout);
  assert.match(ran.stdout, new RegExp(`Cannot reach node-1 at ${MACHINE.address}\n`));
  await done(['run', 'all', ...HOST]);
  await done(['run', 'cleanup']);
  assert.deepEqual(differences(untouched, pictureOf(site), 'lasting: '), SAME);
});
