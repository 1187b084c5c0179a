/** containerd: its programs, its configuration, its service. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plugin } from '../../core/model/plugin.ts';
import * as v from '../../core/model/vocabulary.ts';
import { cri, kubernetesRelease, ociRuntime, podNetwork } from '../../plugins/capabilities.ts';
import { containerd } from '../../plugins/containerd.ts';
import { laws } from '../rig/laws.ts';
import type { Paper } from '../rig/paper.ts';
import { ARCHIVE } from './archive.ts';
import { type Bench, benchOf } from './bench.ts';
import { providing } from './tools.ts';

const BELOW = [
  ARCHIVE,
  providing(ociRuntime, { path: '/usr/local/sbin/runc' }),
  providing(podNetwork, {
    name: 'pods',
    subnet: '10.244.0.0/24',
    bin: '/opt/pods/bin',
    config: '/etc/cni/net.d',
    bridge: 'pods0',
  }),
  providing(kubernetesRelease, {
    version: '1.20.2',
    imageRepository: 'registry.lab',
    pauseImage: 'registry.lab/pause:3.2',
    bin: '/usr/local/bin',
    programs: {},
  }),
];
const bytes = { containerd: JSON.stringify({ 'bin/containerd': 'containerd', 'bin/ctr': 'ctr' }) };
const CONFIG = '/etc/containerd/config.toml';
const UNIT = '/etc/systemd/system/containerd.service';

const recipe = (given: Parameters<typeof containerd>[0] = {}) => ({ plugins: [...BELOW, containerd(given)] });
const node = ({ hosts }: Bench) => hosts.get('node-1')!; // every bench has this host

laws('containerd', recipe(), { bytes });
laws('containerd from Debian', recipe({ from: 'debian' }), { plugin: 'containerd' });

const config = (confined: boolean, cgroupDriver: string) => `version = 2

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "registry.lab/pause:3.2"
${
  confined
    ? `  restrict_oom_score_adj = true
  disable_hugetlb_controller = true
  tolerate_missing_hugetlb_controller = true
`
    : ''
}
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/opt/pods/bin"
  conf_dir = "/etc/cni/net.d"

[plugins."io.containerd.grpc.v1.cri".containerd]
  default_runtime_name = "runc"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  BinaryName = "/usr/local/sbin/runc"
  NoNewKeyring = ${confined}
  SystemdCgroup = ${cgroupDriver === 'systemd'}
`;

for (const confined of [false, true]) {
  for (const cgroupDriver of ['cgroupfs', 'systemd'] as const) {
    test(`configuration is that of ${cgroupDriver} groups, confined ${confined}`, async (t) => {
      const bench = await benchOf(t, recipe({ confined, cgroupDriver }), { bytes });
      await bench.run();
      assert.equal(node(bench).read(CONFIG), config(confined, cgroupDriver));
    });
  }
}

const unit = (bin: string) => `[Unit]
Description=containerd container runtime
Documentation=https://containerd.io
After=network.target

[Service]
Environment=PATH=${bin}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
ExecStart=${bin}/containerd
Type=notify
Delegate=yes
KillMode=process
Restart=always
RestartSec=1
LimitNPROC=infinity
LimitCORE=infinity
TasksMax=infinity
OOMScoreAdjust=-999

[Install]
WantedBy=multi-user.target
`;

test('unit starts the programs where they were put', async (t) => {
  for (const [given, bin] of [
    [{}, '/opt/cc/containerd/bin'],
    [{ from: 'debian' }, '/usr/local/bin'],
    [{ from: 'debian', bin: '/opt/bin' }, '/opt/bin'],
  ] as const) {
    const bench = await benchOf(t, recipe(given), { bytes });
    await bench.run();
    assert.equal(node(bench).read(UNIT), unit(bin));
  }
});

test('service is started once', async (t) => {
  const bench = await benchOf(t, recipe(), { bytes });
  await bench.run();
  await bench.run();
  assert.deepEqual(node(bench).units.get('containerd.service'), {
    active: 'active',
    enabled: 'enabled',
    starts: 1,
  });
});

/** What a host with Docker has of containerd. */
function docker(host: Paper): void {
  host.write('/lib/systemd/system/containerd.service', 'of Docker');
  host.write('/var/lib/containerd/io.containerd.metadata.v1.bolt/meta.db', "of Docker's containers");
  host.units.set('containerd.service', { active: 'active', enabled: 'enabled', starts: 1 });
}

test('undo leaves a containerd that cc never started alone', async (t) => {
  const bench = await benchOf(t, recipe(), { bytes });
  docker(node(bench));
  const before = node(bench).snapshot();
  await bench.run('undo');
  assert.deepEqual(node(bench).snapshot(), before);
});

test('service that ran before cc came is restarted with the configuration of cc', async (t) => {
  const bench = await benchOf(t, recipe(), { bytes });
  docker(node(bench));
  await bench.run();
  assert.equal(node(bench).units.get('containerd.service')?.starts, 2);
});

test('undo keeps what was in the folder of containerd before cc came', async (t) => {
  const bench = await benchOf(t, recipe(), { bytes });
  docker(node(bench));
  node(bench).units.set('containerd.service', { active: 'inactive', enabled: 'disabled', starts: 1 });
  await bench.run();
  await bench.run('undo');
  assert.equal(
    node(bench).read('/var/lib/containerd/io.containerd.metadata.v1.bolt/meta.db'),
    "of Docker's containers",
  );
});

test('folders of containerd are made before it starts, and go with what it kept there', async (t) => {
  const bench = await benchOf(t, recipe(), { bytes });
  await bench.run();
  for (const path of ['/var/lib/containerd', '/run/containerd']) {
    assert.deepEqual(node(bench).disk.get(path), { kind: 'directory', mode: 0o700 });
    node(bench).write(`${path}/state`, 'of containerd');
  }
  const { needs } = bench.tasks.find(({ step }) => step.name === 'running')!; // the plugin has this step
  const made = ['node-1/containerd/var-lib-containerd', 'node-1/containerd/run-containerd'];
  assert.deepEqual(
    made.filter((id) => !needs.some((need) => need === id)),
    [],
  );
  await bench.run('undo');
  assert.deepEqual(
    [...node(bench).disk.keys()].filter((path) => /^\/(var\/lib|run)\/containerd/.test(path)),
    [],
  );
});

test('its CRI starts anew once pods were removed beside it, so that it lists none that is gone', async (t) => {
  const titles: (string | undefined)[] = [];
  const user = plugin({
    name: 'user',
    help: 'looks at how pods are removed',
    options: v.strictObject({}),
    build: (_, { use }) => {
      titles.push(...use(cri).removePods.map(({ argv, title }) => title ?? argv.join(' ')));
      return { steps: [] };
    },
  });
  await benchOf(t, { plugins: [...BELOW, containerd({}), user({})] }, { bytes });
  assert.deepEqual(titles, ['a script that ends all pods', 'systemctl try-restart containerd.service']);
});
