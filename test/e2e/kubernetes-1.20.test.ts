/**
 * Kubernetes 1.20 on CRI-O 1.20, from sources: CC_UPSTREAM_MIRROR names a folder or an address that stands for
 * https://github.com/ and holds the git repositories that the recipe names.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { hostPicture } from './host.ts';
import { good } from './ran.ts';
import { type Machine, makeSite, type Site, UPSTREAM } from './site.ts';

const { skip, mirrors } = UPSTREAM;
const MACHINE: Machine = {
  name: 'cce2ecrio',
  address: '198.18.82.11',
  gateway: '198.18.82.1',
  bridge: 'cce2ecrio0',
};

let site: Site;
let untouched: ReturnType<typeof hostPicture>;

if (skip === false) {
  before(async () => {
    site = makeSite({ base: 'kubernetes-1.20', machine: MACHINE, mirrors });
    good(await site.cc(['run', 'machine/tools', 'images/tools', 'crio/tools']));
    untouched = hostPicture();
  });

  after(async () => {
    await site.cc(['run', 'cleanup']);
    site.remove();
  });
}

test('run all brings up a cluster on CRI-O that kubectl confirms', { skip }, async () => {
  const ran = good(await site.cc(['run', 'all']));
  assert.match(ran.stdout, /page fetched from/);
  const [node] = JSON.parse(site.kubectl('get nodes -o json')).items;
  assert.equal(node.status.nodeInfo.containerRuntimeVersion, 'cri-o://1.20.9');
  assert.equal(node.status.nodeInfo.kubeletVersion, 'v1.20.2');
});

test('crio itself says that it runs with what was configured', { skip }, () => {
  const said = site.ssh('crictl info && crictl version');
  assert.match(said, /RuntimeVersion: +1\.20\.9/);
});

test('a second run changes nothing, also after a restart of CRI-O that keeps its containers', {
  skip,
}, async () => {
  // Pods of the smoke test are still going when it ends.
  const containers = () => site.ssh('crictl ps -q --label io.kubernetes.pod.namespace=kube-system | sort');
  const running = containers();
  site.ssh('systemctl restart crio');
  assert.equal(containers(), running);
  const ran = good(await site.cc(['run', 'all']));
  assert.match(ran.stdout, /^0 changed/m);
});

test('cleanup leaves the host as it was', { skip }, async () => {
  good(await site.cc(['run', 'cleanup']));
  assert.deepEqual(hostPicture(), untouched);
});
