/** What versions of CRI-O know: the table, and what settings become for each era. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mistakes, settingsFor, toml, type Wanted } from '../../plugins/crio/config.ts';
import { keyOf } from '../../plugins/crio/keys.ts';

const known = (path: string, version: string) => keyOf(path, version) !== undefined;

test('a key is known from its first version to its last', () => {
  assert.ok(known('crio.runtime.default_workload_trust', '1.9.0'));
  assert.ok(known('crio.runtime.default_workload_trust', '1.13.11'));
  assert.ok(!known('crio.runtime.default_workload_trust', '1.14.0'));
  assert.ok(!known('crio.runtime.pinns_path', '1.9.0'));
  assert.ok(known('crio.runtime.pinns_path', '1.36.3'));
});

test('a key that came with a patch release is known from that release', () => {
  // The setup of 2018 wrote this one for 1.9.0, which ignores it.
  assert.ok(!known('crio.runtime.manage_network_ns_lifecycle', '1.9.7'));
  assert.ok(known('crio.runtime.manage_network_ns_lifecycle', '1.9.8'));
  assert.ok(known('crio.runtime.manage_network_ns_lifecycle', '1.10.0'));
  assert.ok(!known('crio.network.cni_status_grace_period', '1.36.2'));
  assert.ok(known('crio.network.cni_status_grace_period', '1.36.3'));
});

test('a key that went with a patch release is not known from that release', () => {
  for (const [path, last, gone] of [
    ['crio.runtime.hooks_dir_path', '1.12.5', '1.12.6'],
    ['crio.nri.nri_config_file', '1.26.1', '1.26.2'],
  ] as const)
    assert.deepEqual([known(path, last), known(path, gone)], [true, false], path);
});

test('a key of any runtime is known by its place in the table', () => {
  assert.ok(known('crio.runtime.runtimes.kata.runtime_type', '1.20.9'));
  assert.ok(known('crio.runtime.runtimes.kata-qemu.runtime_type', '1.20.9'));
  assert.ok(!known('crio.runtime.runtimes.kata.runtime_kind', '1.20.9'));
  assert.ok(!known('crio.runtime.runtimes.kata.runtime_path', '1.9.0'));
});

test('settings that a version would ignore, or could not read, are mistakes', () => {
  const settings = {
    'crio.runtime.pids_limit': 2048,
    'crio.runtime.manage_network_ns_lifecycle': true,
    'crio.image.registries': 'docker.io',
  };
  assert.deepEqual(mistakes(settings, '1.9.0'), {
    'crio.runtime.manage_network_ns_lifecycle': 'is not known to CRI-O 1.9.0, which would ignore it',
    'crio.image.registries': 'is a list in CRI-O 1.9.0',
  });
  assert.deepEqual(mistakes({ 'crio.runtime.pids_limit': 2048 }, '1.36.3'), {});
});

const WANTED: Omit<Wanted, 'version'> = {
  cgroupDriver: 'cgroupfs',
  programs: { conmon: '/b/conmon', pinns: '/b/pinns', runtime: '/b/runc' },
  untrusted: true,
  pauseImage: 'registry.k8s.io/pause:3.9',
  policy: '/etc/crio/policy.json',
  storage: { root: '/s', runroot: '/r' },
  cni: { bin: '/opt/cni/bin', config: '/etc/cni/net.d' },
};

const COMMON = `[crio]
root = "/s"
runroot = "/r"
storage_driver = "overlay"

[crio.runtime]
cgroup_manager = "cgroupfs"
`;

const TABLES = `conmon_cgroup = "pod"
conmon = "/b/conmon"
pinns_path = "/b/pinns"
hooks_dir = []
default_runtime = "runc"

[crio.runtime.runtimes.runc]
runtime_path = "/b/runc"
runtime_type = "oci"
runtime_root = "/run/runc"
`;

const REST = (network: string) => `
[crio.image]
pause_image = "registry.k8s.io/pause:3.9"
${network.includes('dirs') ? 'pause_command = ""\n' : ''}signature_policy = "/etc/crio/policy.json"

[crio.network]
network_dir = "/etc/cni/net.d"
${network}
`;

const KATA = { handler: 'kata', path: '/opt/kata/shim', type: 'vm', config: '/opt/kata/c.toml' } as const;

test('configuration of 1.9 sends what is not trusted to the virtual machines', () => {
  const vm = { handler: 'cc', path: '/usr/local/bin/cc-runtime', type: 'oci' } as const;
  assert.equal(
    toml(settingsFor({ ...WANTED, version: '1.9.0', vm, seccomp: '/etc/crio/seccomp.json' })),
    `${COMMON}conmon = "/b/conmon"
seccomp_profile = "/etc/crio/seccomp.json"
runtime = "/b/runc"
runtime_untrusted_workload = "/usr/local/bin/cc-runtime"
default_workload_trust = "untrusted"
${REST('plugin_dir = "/opt/cni/bin"')}`,
  );
});

test('configuration of 1.20 has a table for each runtime', () => {
  assert.equal(
    toml(settingsFor({ ...WANTED, version: '1.20.9' })),
    `${COMMON}${TABLES}${REST('plugin_dirs = ["/opt/cni/bin"]')}`,
  );
});

test('configuration of today tells the runtime of virtual machines where its own is', () => {
  const kata = `
[crio.runtime.runtimes.kata]
runtime_path = "/opt/kata/shim"
runtime_type = "vm"
runtime_root = "/run/vc"
runtime_config_path = "/opt/kata/c.toml"
privileged_without_host_devices = true
`;
  const common = COMMON.replace(
    '"overlay"\n',
    '"overlay"\nstorage_option = ["overlay.skip_mount_home=true"]\n',
  );
  assert.equal(
    toml(settingsFor({ ...WANTED, version: '1.36.3', vm: KATA })),
    `${common}${TABLES}${kata}${REST('plugin_dirs = ["/opt/cni/bin"]')}`,
  );
});

test('storage is asked to leave its mount alone only by versions that start with that', () => {
  const asked = (version: string) =>
    settingsFor({ ...WANTED, version, vm: KATA })['crio.storage_option'] !== undefined;
  assert.deepEqual(['1.14.0', '1.17.5', '1.18.6', '1.19.0', '1.36.3'].map(asked), [
    ...[false, false, false],
    ...[true, true],
  ]);
});

test('configuration names nothing that its version does not know, whatever the version', () => {
  for (let minor = 9; minor <= 36; minor++) {
    for (const vm of [undefined, KATA]) {
      const version = `1.${minor}.0`;
      const settings = settingsFor({ ...WANTED, version, ...(vm ? { vm } : {}) });
      assert.deepEqual(mistakes(settings, version), {}, version);
    }
  }
});
