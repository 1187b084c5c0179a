/** The whole job, for real: a machine, a cluster in it, drift mended, bad days survived, and nothing left. */
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { hostPicture } from './host.ts';
import { killMachine, whenInitHasBegun } from './machine.ts';
import { triedOn } from './programs.ts';
import { endOf, good, lastOf, reasonOf } from './ran.ts';
import { MACHINE, makeSite, type Site } from './site.ts';

const IMAGES = 'registry.lab';
let site: Site;
let untouched: ReturnType<typeof hostPicture>;

before(async () => {
  site = makeSite({ base: 'lab', machine: MACHINE });
  // Packages are the one thing that stays, so they are there before the host's picture is taken.
  good(await site.cc(['run', 'machine/tools', 'images/tools']));
  untouched = hostPicture();
});

after(async () => {
  await site.cc(['run', 'cleanup']);
  site.remove();
});

test('a machine that is killed in the middle of kubeadm init is brought up by the next run, and kubectl confirms the cluster', async () => {
  const first = await site.watch(['run', 'all'], (event) => {
    if (event.kind === 'change' && event.what.includes('kubeadm init'))
      whenInitHasBegun(MACHINE, () => killMachine(MACHINE));
  });
  assert.equal(first.code, 1, first.stdout);
  const second = good(await site.cc(['run', 'all', '--json']));
  assert.equal(lastOf(second, 'controller/kubernetes/compile')?.state, 'verified');
  assert.equal(lastOf(second, `${MACHINE.name}/nginx-smoke/page`)?.state, 'applied');
  const nodes = JSON.parse(site.kubectl('get nodes -o json')).items;
  assert.equal(nodes.length, 1);
  assert.equal(nodes[0].metadata.name, MACHINE.name);
  assert.equal(nodes[0].status.nodeInfo.kubeletVersion, 'v1.20.2');
  assert.equal(conditionOf(nodes[0], 'Ready'), 'True');
  assert.doesNotMatch(site.kubectl('get namespaces -o name'), /smoke/);
});

test('the programs of Kubernetes that were built know what is generated for them', () => {
  triedOn(site, 'kubernetes-bin.test.ts', 'CC_KUBERNETES_BIN', 'kubernetes/*/bin');
});

test('the cluster serves a page through a Service of our own making', () => {
  site.kubectl(`create deployment own --image=${IMAGES}/nginx:bookworm --replicas=2`);
  site.kubectl('expose deployment own --port=80');
  site.kubectl('rollout status deployment own --timeout=120s');
  const ip = site.kubectl("get service own -o jsonpath='{.spec.clusterIP}'").trim();
  assert.match(
    site.ssh(`curl -sS --retry 20 --retry-connrefused --retry-delay 1 http://${ip}/`),
    /Welcome to nginx/,
  );
  site.kubectl('delete deployment,service own');
});

test('a second run looks at every host and changes nothing', async () => {
  const ran = await site.cc(['run', 'all', '--json']);
  assert.equal(ran.code, 0);
  const started = ran.events.find((event) => event.kind === 'run-started');
  const counts = endOf(ran).counts;
  assert.deepEqual(counts, { verified: started?.kind === 'run-started' ? started.tasks.length : -1 });
});

test('plan and status exit 0 on a cluster that is as declared', async () => {
  good(await site.cc(['plan']));
  good(await site.cc(['status']));
});

const FIXED = /Cannot change .* on cce2e to what is declared/;

/** Options that a cluster cannot take on any more, what is said of each, what is run with it, and how that is refused. */
const DIFFERENT: readonly (readonly [option: string, why: string, run: string, refusal?: RegExp])[] = [
  [
    'kubeadm.serviceSubnet=10.112.0.0/12',
    'the network of its Services is 10.96.0.0/12, declared 10.112.0.0/12',
    'all',
  ],
  ['cni.subnet=10.200.0.0/24', 'the network of its pods is 10.244.0.0/24, declared 10.200.0.0/24', 'all'],
  ['cni.bridge=cc1', 'its bridge is cc0, declared cc1', 'all'],
  ['containerd.cgroupDriver=systemd', "kubelet's cgroup driver is cgroupfs, declared systemd", 'all'],
  // Not all, because this version would be built first.
  [
    'kubernetes.version=1.20.1',
    'its control plane is of 1.20.2, and kubeadm knows no way back to 1.20.1',
    'kubeadm/version',
    /Cannot confirm on cce2e: its cluster can be brought to Kubernetes 1\.20\.1/,
  ],
];

for (const [option, why, wanted, refusal = FIXED] of DIFFERENT)
  test(`what a cluster cannot become is refused, and nothing is changed: ${option}`, async () => {
    const looks =
      'sha256sum /usr/local/bin/kube* /etc/cc/kubeadm.json /etc/containerd/config.toml /etc/cni/net.d/*; systemctl show -p ExecMainPID kubelet containerd; ip -o link show type bridge';
    const before = site.ssh(looks);
    for (const words of [['status'], ['plan'], ['run', wanted]]) {
      const ran = await site.cc([...words, '--set', option]);
      assert.equal(ran.code, 1, ran.stdout + ran.stderr);
      assert.match(ran.stdout, refusal);
      assert.ok(ran.stdout.includes(why), ran.stdout);
    }
    assert.equal(site.ssh(looks), before);
    good(await site.cc(['status']));
  });

test('a CNI configuration that comes before, and a network that the host has too, are told and change nothing', async () => {
  const file = '/etc/cni/net.d/10-calico.conflist';
  const address = '10.100.0.7/32 dev host0';
  site.ssh(`echo '{}' >${file} && ip address add ${address}`);
  const status = await site.cc(['status']);
  assert.equal(status.code, 1);
  for (const said of [
    `mv ${file} ${file}.disabled`,
    "the network of Services, 10.96.0.0/12, shares addresses with the host's address 10.100.0.7 on host0",
  ])
    assert.ok(status.stdout.includes(said), status.stdout);
  assert.equal((await site.cc(['run', 'all'])).code, 1);
  assert.equal(site.ssh(`cat ${file}`), '{}\n');
  site.ssh(`rm ${file} && ip address delete ${address}`);
  // kubelet may have looked just then, and tells ten seconds later that it has a network again.
  site.kubectl('wait --for=condition=Ready node --all --timeout=60s');
  good(await site.cc(['status']));
});

const here = (names: readonly string[]) => names.map((name) => `${MACHINE.name}/${name}`);
const BROKEN = here(['cni/portmap', 'containerd/config', 'kubeadm/kubelet']);
/** What follows: the runtime restarts, and that and kubelet do so in the turn of their node. */
const THEN = here(['containerd/running', 'kubeadm/drain']);

test('what is broken by hand is named by status and mended by run', async () => {
  site.ssh(
    'systemctl stop kubelet && rm /opt/cni/bin/portmap && echo "# a careless hand" >>/etc/containerd/config.toml',
  );
  const status = await site.cc(['status', '--json']);
  assert.equal(status.code, 2);
  const found = JSON.parse(status.stdout).tasks.filter(({ kind }: { kind: string }) => kind === 'would');
  assert.deepEqual(found.map(({ id }: { id: string }) => id).sort(), [...BROKEN, ...THEN].toSorted());
  const ran = good(await site.cc(['run', 'all', '--json']));
  for (const id of BROKEN) assert.equal(reasonOf(ran, id), 'drifted');
  // What stands on something that was mended is proven again.
  assert.equal(lastOf(ran, `${MACHINE.name}/nginx-smoke/page`)?.state, 'applied');
  assert.equal(site.ssh('systemctl is-active kubelet containerd'), 'active\nactive\n');
  assert.doesNotMatch(site.ssh('cat /etc/containerd/config.toml'), /careless/);
  good(await site.cc(['status']));
});

test('an artifact whose bytes differ from cc.lock is not installed', async (t) => {
  // The folder is others' too.
  t.after(() => {
    for (const own of ['cc.lock', 'mirror', 'release.json', 'release.site'])
      rmSync(join(site.folder, own), { recursive: true, force: true });
  });
  const before = site.ssh('sha256sum /usr/local/sbin/runc');
  const path = 'opencontainers/runc/releases/download/v1.4.3';
  mkdirSync(join(site.folder, 'mirror', path), { recursive: true });
  writeFileSync(join(site.folder, 'mirror', path, 'runc.amd64'), 'no runc');
  const locked = {
    url: `https://github.com/${path}/runc.amd64`,
    sha256: '0'.repeat(64),
    size: 7,
    trust: 'sums',
  };
  const lock = { version: 1, artifacts: { runc: { amd64: locked, arm64: locked } } };
  writeFileSync(join(site.folder, 'cc.lock'), JSON.stringify(lock));
  const mirrors = [{ from: 'https://github.com/', to: join(site.folder, 'mirror') }];
  const release = {
    extends: './cc.config.ts',
    mirrors,
    options: { runc: { from: 'release', version: '1.4.3' } },
  };
  writeFileSync(join(site.folder, 'release.json'), JSON.stringify(release));
  // It is of the same site, whose host it changes.
  copyFileSync(join(site.folder, 'cc.site'), join(site.folder, 'release.site'));
  const ran = await site.cc(['run', 'runc', '--config', 'release.json']);
  assert.equal(ran.code, 65);
  assert.match(ran.stdout, /Cannot use runc: its bytes are not those that cc\.lock names/);
  assert.equal(site.ssh('sha256sum /usr/local/sbin/runc'), before);
});

test('cleanup leaves the host as it was', async () => {
  good(await site.cc(['run', 'cleanup']));
  assert.deepEqual(hostPicture(), untouched);
});

function conditionOf(node: { status: { conditions: { type: string; status: string }[] } }, type: string) {
  return node.status.conditions.find((condition) => condition.type === type)?.status;
}
