/** Kata Containers: names and places by release, what is configured, what is refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plugin } from '../../core/model/plugin.ts';
import * as v from '../../core/model/vocabulary.ts';
import { type VmRuntime, vmRuntime } from '../../plugins/capabilities.ts';
import { archive, archiveName, layoutOf } from '../../plugins/kata/release.ts';
import { kata } from '../../plugins/kata.ts';
import { ADAPTER, adapted } from '../../plugins/vm/adapter.ts';
import {
  KVM,
  MACVTAP,
  TAP_DEVICES,
  TCFILTER,
  TUN,
  VHOST_NET,
  VHOST_VSOCK,
  VSOCK_FREE,
} from '../../plugins/vm/preflight.ts';
import { EXPAND_CONTEXT, expanded, failureIn } from '../graph/recipes.ts';
import { laws } from '../rig/laws.ts';
import type { Paper } from '../rig/paper.ts';
import { type Bench, type BenchSetup, benchOf, NODE } from './bench.ts';
import { wrote } from './tools.ts';
import { booting, looking } from './virtual.ts';

const BY_KVM = [KVM, TUN, VHOST_NET, VHOST_VSOCK, VSOCK_FREE, TCFILTER];
const EMULATED = [TUN, VHOST_VSOCK, VSOCK_FREE, TCFILTER];
const RUST = 'runtime-rs/bin/containerd-shim-kata-v2';
const GO = 'bin/containerd-shim-kata-v2';
const bytes = {
  kata: JSON.stringify({ [`./opt/kata/${RUST}`]: 'Rust', [`./opt/kata/${GO}`]: 'Go' }),
};

function modprobe(host: Paper, name: string): string {
  return wrote(host, `/sys/class/misc/${name.replaceAll('_', '-')}`, '');
}

const setup = (rules = BY_KVM): BenchSetup => ({
  bytes,
  reads: () => [looking(rules)],
  does: (host) => [booting(), ['modprobe', ([, name = '']) => modprobe(host, name)]],
});

const recipe = (given: Parameters<typeof kata>[0] = {}) => ({ plugins: [kata(given)] });
const node = ({ hosts }: Bench) => hosts.get('node-1')!; // every bench has this host

const DEVICES = ['/sys/class/misc/vhost-net', '/sys/class/misc/vhost-vsock'];
const kept = ['preflight', 'packages', 'devices'];

laws('kata', recipe(), { ...setup(), kept, left: { 'node-1': [...DEVICES, 'zstd'] } });
laws('kata in emulated machines', recipe({ accel: 'tcg' }), {
  ...setup(EMULATED),
  plugin: 'kata',
  kept,
  left: { 'node-1': [...DEVICES.slice(1), 'qemu-system-x86', 'zstd'] },
});
laws('kata of an older release', recipe({ version: '3.2.0', hypervisor: 'clh' }), {
  ...setup([KVM, TUN, TCFILTER]),
  plugin: 'kata',
  kept: ['preflight', 'packages'],
  left: { 'node-1': ['xz-utils'] },
});

/** Seen in the release workflows of the tags: main.yaml, release.yaml, tools/packaging/release/release.sh. */
const NAMES: readonly (readonly [version: string, arch: string, name: string])[] = [
  ['2.5.0', 'amd64', 'kata-static-2.5.0-x86_64.tar.xz'],
  ['3.1.3', 'amd64', 'kata-static-3.1.3-x86_64.tar.xz'],
  ['3.2.0', 'amd64', 'kata-static-3.2.0-amd64.tar.xz'],
  ['3.2.0', 'arm64', 'kata-static-3.2.0-arm64.tar.xz'],
  ['3.20.0', 'amd64', 'kata-static-3.20.0-amd64.tar.xz'],
  ['3.21.0', 'amd64', 'kata-static-3.21.0-amd64.tar.zst'],
  ['3.32.0', 'arm64', 'kata-static-3.32.0-arm64.tar.zst'],
  ['4.1.0', 'amd64', 'kata-static-4.1.0-amd64.tar.zst'],
];

for (const [version, arch, name] of NAMES) {
  test(`archive of ${version} for ${arch} is ${name}`, () => assert.equal(archiveName(version, arch), name));
}

test('archive is that of the release', () => {
  assert.deepEqual(archive('4.1.0', 'amd64').source, {
    kind: 'url',
    url: 'https://github.com/kata-containers/kata-containers/releases/download/4.1.0/kata-static-4.1.0-amd64.tar.zst',
  });
});

const DEFAULTS = '/opt/kata/share/defaults/kata-containers';

test('shim and configuration are those in Rust from 4.0 on', () => {
  const places = (['qemu', 'clh', 'dragonball'] as const).map((name) => layoutOf('4.1.0', name));
  const configFolder = `${DEFAULTS}/runtime-rs`;
  assert.deepEqual(places, [
    { shim: RUST, configFolder, configFile: 'configuration-qemu-runtime-rs.toml' },
    { shim: RUST, configFolder, configFile: 'configuration-clh-runtime-rs.toml' },
    { shim: RUST, configFolder, configFile: 'configuration-dragonball.toml' },
  ]);
  assert.deepEqual(layoutOf('3.32.0', 'qemu'), {
    shim: GO,
    configFolder: DEFAULTS,
    configFile: 'configuration-qemu.toml',
  });
});

test('container runtimes are told the handler, the shim and its configuration', async (t) => {
  const seen: VmRuntime[] = [];
  const asker = plugin({
    name: 'asker',
    help: '',
    options: v.strictObject({}),
    build: (_, { use }) => {
      seen.push(use(vmRuntime));
      return { steps: [] };
    },
  });
  await benchOf(t, { plugins: [kata({ hypervisor: 'clh' }), asker()] });
  assert.deepEqual(seen, [
    {
      handler: 'kata-clh',
      path: `/opt/kata/${RUST}`,
      type: 'vm',
      config: `${DEFAULTS}/runtime-rs/configuration-clh-runtime-rs.toml`,
      machine: { program: '/opt/kata/bin/cloud-hypervisor', accel: 'kvm' },
      overhead: { cpu: '250m', memory: '130Mi' },
    },
  ]);
});

test('size of machines is added beside the configuration of the release', async (t) => {
  const bench = await benchOf(t, recipe({ vcpus: 2, memory: 1024 }), setup());
  await bench.run();
  assert.equal(
    node(bench).read(`${DEFAULTS}/runtime-rs/config.d/50-cc.toml`),
    '[hypervisor.qemu]\ndefault_vcpus = 2\ndefault_memory = 1024\n',
  );
});

test('machines are emulated by a QEMU of Debian where that is asked for', async (t) => {
  const bench = await benchOf(t, recipe({ accel: 'tcg' }), setup(EMULATED));
  await bench.run();
  assert.equal(
    node(bench).read(`${DEFAULTS}/runtime-rs/config.d/50-cc.toml`),
    `[hypervisor.qemu]\ndefault_vcpus = 1\ndefault_memory = 2048\npath = "${ADAPTER}"\ndisable_vhost_net = true\n`,
  );
  assert.equal(node(bench).read(ADAPTER), adapted({ qemu: '/usr/bin/qemu-system-x86_64', accel: 'tcg' }));
});

test('model of the network is told to a release that has several', async (t) => {
  const given = { version: '3.32.0', network: 'macvtap' } as const;
  const rules = [...BY_KVM.slice(0, -1), MACVTAP, TAP_DEVICES];
  const bench = await benchOf(t, recipe(given), setup(rules));
  await bench.run();
  assert.equal(
    node(bench).read(`${DEFAULTS}/config.d/50-cc.toml`),
    '[hypervisor.qemu]\ndefault_vcpus = 1\ndefault_memory = 2048\n\n[runtime]\ninternetworking_model = "macvtap"\n',
  );
});

test('host without sockets for guests is refused for emulation, and told what runs there', async (t) => {
  const found = { 'vhost-vsock': 'there is no /dev/vhost-vsock' };
  const bench = await benchOf(t, recipe({ accel: 'tcg' }), {
    ...setup(),
    reads: () => [looking(EMULATED, found)],
  });
  const { outcomes } = await bench.run();
  assert.deepEqual([...outcomes].find(([id]) => id === 'node-1/kata/preflight')?.[1].failure, {
    kind: 'check-failed',
    host: 'node-1',
    what: 'the host can start virtual machines',
    reasons: [
      'vhost-vsock: there is no /dev/vhost-vsock; run a kernel with the module vhost_vsock, by which Kata 2 and later reach their guests, or take the recipe lab-vm or clear-containers with accel: "tcg", which run pods in emulated machines without it',
    ],
  });
});

test('modules that are in the kernel are not loaded again', async (t) => {
  const bench = await benchOf(t, recipe(), setup());
  modprobe(node(bench), 'vhost_net');
  await bench.run();
  const loaded = bench.ran.filter(({ argv }) => argv[0] === 'modprobe').map(({ argv }) => argv[1]);
  assert.deepEqual(loaded, ['vhost_vsock']);
  assert.equal(node(bench).read('/etc/modules-load.d/90-cc-kata.conf'), 'vhost_net\nvhost_vsock\n');
});

const REFUSED: readonly (readonly [Parameters<typeof kata>[0], string, string])[] = [
  [{ version: '2.4.0' }, 'kata.version', 'expected 2.5.0 or later, found 2.4.0'],
  [
    { version: '3.32.0', hypervisor: 'dragonball' },
    'kata.version',
    'expected 4.1.0 or later for dragonball, found 3.32.0',
  ],
  [{ hypervisor: 'clh', accel: 'tcg' }, 'kata.accel', 'expected "kvm" for clh, found "tcg"'],
  [{ network: 'macvtap' }, 'kata.network', 'expected "tcfilter" for Kata 4.0.0 and later, found "macvtap"'],
  [
    { hypervisor: 'fc' },
    'kata.hypervisor',
    'expected "qemu", "clh" or "dragonball", found "fc": Firecracker shares no folder with its guests, so containers would have to be on block devices (devmapper), and CRI-O and containerd are set up for overlay here',
  ],
];

for (const [given, path, message] of REFUSED) {
  test(`options are refused: ${message}`, () => {
    assert.deepEqual(
      failureIn(() => expanded({ hosts: [NODE], ...recipe(given) })),
      { kind: 'config-invalid', file: EXPAND_CONTEXT.file, problems: [{ path, message }] },
    );
  });
}

test('machine that does not boot fails the run, whatever the devices say', async (t) => {
  const bench = await benchOf(t, recipe(), {
    ...setup(),
    does: (host) => [booting('qemu: killed\n'), ['modprobe', ([, name = '']) => modprobe(host, name)]],
  });
  const { outcomes } = await bench.run();
  const failed = [...outcomes].filter(([, { state }]) => state === 'failed').map(([id]) => id);
  assert.deepEqual(failed, ['node-1/kata/boots']);
});
