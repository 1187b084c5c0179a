/** Clear Containers: what is placed and configured, and on which hosts it is refused. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { origin } from '../../core/model/artifact.ts';
import { runtimeConfig } from '../../plugins/clear-containers/config.ts';
import { rules } from '../../plugins/clear-containers/rules.ts';
import { clearContainers } from '../../plugins/clear-containers.ts';
import { lookAll } from '../../plugins/vm/preflight.ts';
import { ADAPTER, adapted } from '../../plugins/vm/qemu.ts';
import { EXPAND_CONTEXT, expanded, failureIn } from '../graph/recipes.ts';
import { laws } from '../rig/laws.ts';
import { tempFolder } from '../rig/temp.ts';
import { type Bench, type BenchSetup, benchOf, NODE } from './bench.ts';
import { wrote } from './tools.ts';
import { booting, looking } from './virtual.ts';

const run = promisify(execFile);

const site = 'https://mirror.example/clear-containers/3.0.21';
const programs = { runtime: `${site}/cc-runtime`, proxy: `${site}/cc-proxy`, shim: `${site}/cc-shim` };
const bytes = {
  'cc-kernel': JSON.stringify({ 'v4.14.22-86.container-binaries/vmlinuz-4.14.22-86.container': 'kernel' }),
  'cc-image': JSON.stringify({
    'image-cc-20640-agent-6f6e9e-binaries/cc-20640-agent-6f6e9e.img': 'image',
    'image-cc-20640-agent-6f6e9e-binaries/cc-20640-agent-6f6e9e.info': 'info',
  }),
  'kata-static': JSON.stringify({ './opt/kata/bin/qemu-system-x86_64': 'QEMU' }),
};
const VHOST_NET = '/sys/class/misc/vhost-net';

const setup = (accel: 'kvm' | 'tcg' = 'kvm'): BenchSetup => ({
  bytes,
  reads: () => [looking(rules(accel))],
  does: (host) => [booting(), ['modprobe vhost_net', () => wrote(host, VHOST_NET, '')]],
});

type Given = Partial<NonNullable<Parameters<typeof clearContainers>[0]>>;
const recipe = (given: Given = {}) => ({ plugins: [clearContainers({ programs, ...given })] });
const node = ({ hosts }: Bench) => hosts.get('node-1')!; // every bench has this host

const kept = ['preflight', 'packages', 'devices'];
const left = { 'node-1': [VHOST_NET, 'qemu-system-x86'] };
laws('clear-containers', recipe(), { ...setup(), kept, left });
laws('clear-containers in emulated machines', recipe({ accel: 'tcg' }), {
  ...setup('tcg'),
  plugin: 'clear-containers',
  kept,
  left,
});
laws('clear-containers by the QEMU of Kata', recipe({ qemu: 'kata' }), {
  ...setup(),
  plugin: 'clear-containers',
  kept,
  left: { 'node-1': [VHOST_NET, 'xz-utils'] },
});
laws('clear-containers by a QEMU of the site', recipe({ qemu: '/usr/bin/qemu-lite-system-x86_64' }), {
  ...setup(),
  plugin: 'clear-containers',
  kept: ['preflight', 'devices'],
  left: { 'node-1': [VHOST_NET] },
});

const CONFIG = `[hypervisor.qemu]
path = "/usr/local/libexec/cc/qemu"
kernel = "/opt/cc/clear-containers/kernel/vmlinuz-4.14.22-86.container"
image = "/opt/cc/clear-containers/image/cc-20640-agent-6f6e9e.img"
machine_type = "pc"
default_vcpus = 2
default_bridges = 1
default_memory = 1024
disable_block_device_use = false
block_device_driver = "virtio-scsi"
enable_debug = true

[proxy.cc]
path = "/usr/libexec/clear-containers/cc-proxy"
enable_debug = true

[shim.cc]
path = "/usr/libexec/clear-containers/cc-shim"
enable_debug = true

[runtime]
internetworking_model = "macvtap"
enable_debug = true
`;

test('runtime is configured with what was placed', async (t) => {
  const bench = await benchOf(t, recipe({ vcpus: 2, memory: 1024, debug: true }), setup());
  await bench.run();
  assert.equal(node(bench).read('/etc/clear-containers/configuration.toml'), CONFIG);
  const named = [...CONFIG.matchAll(/= "(\/\S+)"/g)].map(([, path]) => path);
  assert.deepEqual(
    named.filter((path) => !node(bench).disk.has(path ?? '')),
    [],
  );
});

test('QEMU of the distribution is called by words that it takes', async (t) => {
  const bench = await benchOf(t, recipe(), setup());
  await bench.run();
  assert.equal(node(bench).read(ADAPTER), adapted('/usr/bin/qemu-system-x86_64', 'kvm'));
});

test('QEMU of Kata stands where it looks for its firmware, and is called by the same words', async (t) => {
  const bench = await benchOf(t, recipe({ qemu: 'kata' }), setup());
  await bench.run();
  assert.equal(node(bench).read('/opt/kata/bin/qemu-system-x86_64'), 'QEMU');
  assert.equal(node(bench).read(ADAPTER), adapted('/opt/kata/bin/qemu-system-x86_64', 'kvm'));
  assert.deepEqual([...node(bench).packages], ['xz-utils']);
});

test('QEMU of the site is called as it is', async (t) => {
  const bench = await benchOf(t, recipe({ qemu: '/opt/qemu' }), setup());
  await bench.run();
  const text = node(bench).read('/etc/clear-containers/configuration.toml');
  assert.equal(text.split('\n')[1], 'path = "/opt/qemu"');
  assert.ok(!node(bench).disk.has(ADAPTER));
});

test('machine that does not boot fails the run, whatever the devices say', async (t) => {
  const bench = await benchOf(t, recipe(), {
    ...setup(),
    does: (host) => [booting('qemu: killed\n'), ['modprobe vhost_net', () => wrote(host, VHOST_NET, '')]],
  });
  const { outcomes } = await bench.run();
  const failed = [...outcomes].filter(([, { state }]) => state === 'failed').map(([id]) => id);
  assert.deepEqual(failed, ['node-1/clear-containers/boots']);
});

test('guest is that of the release, and the programs those of the site', () => {
  const { tasks } = expanded({ hosts: [NODE], ...recipe() });
  const artifacts = tasks.flatMap(({ step }) => (step.name === 'preflight' ? [] : (step.artifacts ?? [])));
  const upstream = 'https://github.com/clearcontainers';
  assert.deepEqual(
    [...new Set(artifacts.map(origin))],
    [
      programs.runtime,
      programs.proxy,
      programs.shim,
      `${upstream}/linux/releases/download/v4.14.22-86.container/v4.14.22-86.container-binaries.tar.gz`,
      `${upstream}/osbuilder/releases/download/cc-20640-agent-6f6e9e/image-cc-20640-agent-6f6e9e-binaries.tar.gz`,
    ],
  );
});

test('hosts with another processor are refused', () => {
  const problems = [{ path: 'clear-containers.programs', message: 'expected hosts with amd64, found arm64' }];
  const { build } = clearContainers({ programs }).spec;
  const refused: string[] = [];
  const refuse = (option: string, message: string): never => {
    refused.push(`clear-containers.${option}`, message);
    throw new Error(message);
  };
  assert.throws(() => build({ programs, accel: 'kvm' }, { arch: 'arm64', refuse } as never));
  assert.deepEqual(refused, [problems[0]?.path, problems[0]?.message]);
});

const REFUSED: readonly (readonly [Parameters<typeof clearContainers>[0], path: string, message: string])[] =
  [
    [
      {},
      'clear-containers.programs',
      'is needed: of cc-runtime, cc-proxy and cc-shim 3.0.21 there are sources alone, so say by URL where yours are: programs: { runtime, proxy, shim }',
    ],
    [
      { programs, qemu: 'qemu-lite' },
      'clear-containers.qemu',
      'expected "distribution", "kata", or the path of a QEMU on the hosts',
    ],
    [
      { programs, qemu: 'kata', accel: 'tcg' },
      'clear-containers.accel',
      'expected "kvm" for the QEMU of Kata, which cannot emulate, found "tcg"',
    ],
  ];

for (const [given, path, message] of REFUSED) {
  test(`options are refused: ${message}`, () => {
    assert.deepEqual(
      failureIn(() => expanded({ hosts: [NODE], plugins: [clearContainers(given)] })),
      { kind: 'config-invalid', file: EXPAND_CONTEXT.file, problems: [{ path, message }] },
    );
  });
}

const CPUS: readonly (readonly [what: string, cpuinfo: string, found: string])[] = [
  ['Intel with all flags', 'vendor_id\t: GenuineIntel\nflags\t\t: fpu lm vmx sse4_1\n', ''],
  [
    'Intel without virtualisation',
    'vendor_id\t: GenuineIntel\nflags\t\t: fpu lm sse4_1\nvmx flags\t: vmx\n',
    'cpu-flags\tthe processor lacks vmx\n',
  ],
  [
    'AMD',
    'vendor_id\t: AuthenticAMD\nflags\t\t: fpu lm svm sse4_1\n',
    'intel\tthe processor is not from Intel\ncpu-flags\tthe processor lacks vmx\n',
  ],
];

for (const [what, cpuinfo, found] of CPUS) {
  test(`processor is judged by its flags: ${what}`, async (t) => {
    const file = join(await tempFolder(t), 'cpuinfo');
    await writeFile(file, cpuinfo);
    const own = rules('kvm').filter(({ name }) => name === 'intel' || name === 'cpu-flags');
    const script = lookAll(own).replaceAll('/proc/cpuinfo', file);
    assert.equal((await run('sh', ['-c', script])).stdout, found);
  });
}

test('emulated machines ask nothing of the processor but its kind', () => {
  assert.deepEqual(
    rules('tcg').map(({ name }) => name),
    ['amd64', 'tun', 'vhost-net', 'cgroup-v1'],
  );
});

const runtime = process.env['CC_CLEAR_RUNTIME'];
const none = runtime ? {} : { skip: 'CC_CLEAR_RUNTIME names no cc-runtime' };

test('cc-runtime itself reads the configuration', none, async (t) => {
  const folder = await tempFolder(t);
  const file = (name: string) => join(folder, name);
  const program = '#!/bin/sh\necho version 1\n';
  for (const name of ['qemu', 'kernel', 'image', 'proxy', 'shim'])
    await writeFile(file(name), program, { mode: 0o755 });
  const paths = { qemu: file('qemu'), kernel: file('kernel'), image: file('image'), proxy: file('proxy') };
  const machine = { vcpus: 1, memory: 1024, debug: true };
  await writeFile(file('configuration.toml'), runtimeConfig({ ...paths, shim: file('shim'), ...machine }));
  const words = ['--cc-config', file('configuration.toml'), '--log', file('log'), '--root', folder, 'cc-env'];
  const { stdout } = await run(runtime ?? '', words);
  const said = (key: string) => [...stdout.matchAll(new RegExp(`^ *${key} = (.*)$`, 'gm'))].map(([, v]) => v);
  assert.deepEqual(said('Path').slice(1), [
    ...['qemu', 'image', 'kernel', 'proxy', 'shim'].map((name) => JSON.stringify(file(name))),
  ]);
  // It never tells what it read for itself and for the hypervisor.
  assert.deepEqual(said('Debug').slice(2), ['true', 'true']);
  assert.deepEqual(said('MachineType'), ['"pc"']);
  assert.deepEqual(said('Type'), ['"ccProxy"', '"ccShim"', '"hyperstart"']);
});
