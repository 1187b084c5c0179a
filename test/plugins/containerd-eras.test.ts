/** The same pods and runtimes told to any containerd from 1.4 to 2.x, and what is refused because a version does not know it. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Failed } from '../../core/model/failure.ts';
import { kubernetesRelease, ociRuntime, podNetwork, vmRuntime } from '../../plugins/capabilities.ts';
import { containerd } from '../../plugins/containerd.ts';
import { ARCHIVE } from './archive.ts';
import { type Bench, benchOf } from './bench.ts';
import { providing } from './tools.ts';
import { KATA, MACHINE } from './virtual.ts';

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
];
const kubernetes = (version: string) =>
  providing(kubernetesRelease, {
    version,
    imageRepository: 'registry.lab',
    pauseImage: 'registry.lab/pause:3.2',
    bin: '/usr/local/bin',
    programs: {},
  });
const bytes = { containerd: JSON.stringify({ 'bin/containerd': 'containerd' }) };

type Given = Parameters<typeof containerd>[0];
const recipe = (given: Given = {}, minor = '1.24', ...more: typeof BELOW) => ({
  plugins: [...BELOW, kubernetes(`${minor}.0`), ...more, containerd(given)],
});

async function configuration(t: TestContext, given: Given, ...more: typeof BELOW): Promise<string> {
  const bench: Bench = await benchOf(t, recipe(given, '1.24', ...more), { bytes });
  await bench.run();
  return bench.hosts.get('node-1')!.read('/etc/containerd/config.toml') ?? ''; // every bench has this host
}

/** Of 1.4 to 1.7. */
const FIRST = `version = 2

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "registry.lab/pause:3.2"

[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/opt/pods/bin"
  conf_dir = "/etc/cni/net.d"

[plugins."io.containerd.grpc.v1.cri".containerd]
  default_runtime_name = "runc"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  BinaryName = "/usr/local/sbin/runc"
  NoNewKeyring = false
  SystemdCgroup = true
`;

/** Of 2.x. */
const second = (cni: string, file = 3) => `version = ${file}

[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "registry.lab/pause:3.2"

[plugins."io.containerd.cri.v1.runtime".cni]
  ${cni}
  conf_dir = "/etc/cni/net.d"

[plugins."io.containerd.cri.v1.runtime".containerd]
  default_runtime_name = "runc"

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
  BinaryName = "/usr/local/sbin/runc"
  NoNewKeyring = false
  SystemdCgroup = true
`;

for (const [version, expected] of [
  ['1.4.13', FIRST],
  ['1.7.27', FIRST],
  ['2.0.7', second('bin_dir = "/opt/pods/bin"')],
  ['2.1.0', second('bin_dirs = ["/opt/pods/bin"]')],
  ['2.2.7', second('bin_dirs = ["/opt/pods/bin"]')],
  ['2.3.0', second('bin_dirs = ["/opt/pods/bin"]', 4)],
] as const) {
  test(`configuration of ${version} is in the form that it reads`, async (t) => {
    assert.equal(await configuration(t, { version }), expected);
  });
}

test('containerd 2 that is confined has its limits where it looks for them', async (t) => {
  assert.match(
    await configuration(t, { version: '2.1.0', confined: true }),
    /^\[plugins\."io\.containerd\.cri\.v1\.runtime"\]\n {2}restrict_oom_score_adj = true\n/m,
  );
});

for (const [version, pods, before] of [
  ['1.7.27', 'io.containerd.grpc.v1.cri', FIRST],
  ['2.1.0', 'io.containerd.cri.v1.runtime', second('bin_dirs = ["/opt/pods/bin"]')],
] as const) {
  test(`pods that ask for virtual machines are started through their shim by ${version}`, async (t) => {
    const table = `plugins."${pods}".containerd.runtimes.kata-qemu`;
    assert.equal(
      await configuration(t, { version }, providing(vmRuntime, KATA)),
      `${before}
[${table}]
  runtime_type = "io.containerd.kata-qemu.v2"
  runtime_path = "/opt/kata/shim"
  privileged_without_host_devices = true

[${table}.options]
  ConfigPath = "/opt/kata/c.toml"
`,
    );
  });
}

/** What a recipe with these options and this Kubernetes is refused for; nothing where it is not. */
async function refusal(t: TestContext, given: Given, minor?: string, ...more: typeof BELOW) {
  const error = await benchOf(t, recipe(given, minor, ...more)).catch((reason: unknown) => reason);
  if (!(error instanceof Failed && error.failure.kind === 'config-invalid')) return undefined;
  return error.failure.problems.map(({ path, message }) => `${path} ${message}`).join('\n');
}

test("Debian's containerd is configured as the one of its suite, or as the version that is named", async (t) => {
  for (const [given, expected] of [
    [{ suite: 'bookworm' }, /^version = 2/],
    [{ suite: 'sid' }, /^version = 3/],
    [{ suite: 'noble', version: '1.7.24' }, /^version = 2/],
  ] as const)
    assert.match(await configuration(t, { from: 'debian', ...given }), expected);
  assert.equal(
    await refusal(t, { from: 'debian', suite: 'noble' }),
    'containerd.version is needed: the one of noble is not known, as that of bullseye, bookworm, trixie, sid is',
  );
});

test('version of which nothing is known is refused', async (t) => {
  for (const version of ['1.3.10', '3.0.0'])
    assert.equal(
      await refusal(t, { version }),
      `containerd.version is containerd ${version}, and cc knows 1.4 to 2.x`,
    );
});

test('containerd that speaks no CRI of the Kubernetes beside it is refused', async (t) => {
  const silent = (version: string, minor: string) =>
    `containerd.version is containerd ${version}, which does not speak with Kubernetes ${minor}`;
  for (const [version, minor, refused] of [
    ['1.7.27', '1.9', true],
    ['1.5.18', '1.10', false],
    ['1.5.18', '1.25', false],
    ['1.5.18', '1.26', true],
    ['1.6.20', '1.26', false],
    ['1.7.27', '1.36', false],
    ['2.0.0', '1.22', true],
    ['2.0.0', '1.23', false],
    ['2.3.4', '1.36', false],
  ] as const)
    assert.equal(
      await refusal(t, { version }, minor),
      refused ? silent(version, minor) : undefined,
      `${version} ${minor}`,
    );
});

test('containerd that cannot be told where a shim is, is refused where pods want machines', async (t) => {
  const kata = providing(vmRuntime, KATA);
  const why = 'cannot start /opt/kata/shim: 1.6.21, 1.7.1 and later take a path';
  for (const version of ['1.5.18', '1.6.20', '1.7.0'])
    assert.equal(
      await refusal(t, { version }, '1.24', kata),
      `containerd.version is containerd ${version}, which ${why}`,
    );
  for (const version of ['1.6.21', '1.7.1', '2.0.0'])
    assert.equal(await refusal(t, { version }, '1.24', kata), undefined);
  assert.equal(
    await refusal(t, { from: 'debian' }, '1.24', kata),
    `containerd.suite is containerd 1.6.20, which ${why}`,
  );
  assert.equal(await refusal(t, { from: 'debian', suite: 'trixie' }, '1.24', kata), undefined);
});

test('machines that are started by a command line like that of runc are refused', async (t) => {
  const old = providing(vmRuntime, {
    handler: 'cc',
    path: '/usr/bin/cc-runtime',
    type: 'oci',
    machine: MACHINE,
  });
  assert.equal(
    await refusal(t, {}, '1.24', old),
    'containerd.version cannot start /usr/bin/cc-runtime, which is no shim',
  );
});
