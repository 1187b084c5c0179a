/** Clear Containers: what is placed and configured, and on which hosts it is refused. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { expand } from '../../core/graph/expand.ts';
import { flattened } from '../../core/graph/flatten.ts';
import { origin } from '../../core/model/artifact.ts';
import type { TaskId } from '../../core/model/task.ts';
import { runtimeConfig } from '../../plugins/clear-containers/config.ts';
import { READY } from '../../plugins/clear-containers/guest/init.ts';
import { NETWORKS, type Network } from '../../plugins/clear-containers/network.ts';
import { rules } from '../../plugins/clear-containers/rules.ts';
import { wordsOf } from '../../plugins/clear-containers/words.ts';
import { clearContainers } from '../../plugins/clear-containers.ts';
import { ADAPTER, type Adapted, adapted } from '../../plugins/vm/adapter.ts';
import { type Accel, BOOT, NO_ROOT } from '../../plugins/vm/boot.ts';
import { lookAll } from '../../plugins/vm/preflight.ts';
import { EXPAND_CONTEXT, expanded, failureIn } from '../graph/recipes.ts';
import { laws } from '../rig/laws.ts';
import { tempFolder } from '../rig/temp.ts';
import { type Bench, type BenchSetup, benchOf, NODE } from './bench.ts';
import { clear, DEVICE, type Given, MODULE, PROGRAMS, setup } from './clear.ts';

const run = promisify(execFile);

const PLACE = '/etc/clear-containers/configuration.toml';
const BOOTS = 'node-1/clear-containers/boots' as TaskId;
const UPSTREAM = 'https://github.com/clearcontainers';
/** A guest of a site's own. */
const OWN = {
  kernel: 'https://mirror.example/vmlinux',
  initrd: 'https://mirror.example/initrd',
  image: 'https://mirror.example/image',
};

function packaged(name: string): string {
  return `Debian package ${name} of bookworm`;
}

const node = ({ hosts }: Bench) => hosts.get('node-1')!; // every bench has this host

/** Steps of builds, which keep what they have made; with the rest of the cache it goes. */
const BUILDS = ['tools', 'runtime', 'proxy', 'shim'];
const GUEST = ['guest-tools', 'agent', 'guest'];
const MADE = ['runtime', 'proxy', 'shim'].map((name) => `CACHE/clear-containers/${name}/bin/${name}`);
const MADE_GUEST = [
  'CACHE/clear-containers/agent/bin/agent',
  ...['vmlinux', 'initrd', 'guest.img'].map((name) => `CACHE/clear-containers/guest/${name}`),
];
const C = ['gcc', 'libc6-dev', 'make'];
const GUEST_TOOLS = ['binutils', 'cpio', 'e2fsprogs', 'kmod', 'xz-utils'];

interface Case {
  readonly what: string;
  readonly given: Given;
  readonly accel?: Accel;
  readonly network?: Network;
  readonly kept: readonly string[];
  readonly left: Readonly<Record<string, readonly string[]>>;
}

const CASES: readonly Case[] = [
  {
    what: 'from source with a guest of Debian',
    given: {},
    kept: ['preflight', ...BUILDS, ...GUEST, 'packages', 'devices'],
    left: {
      controller: [...MADE, ...MADE_GUEST, ...C, ...GUEST_TOOLS],
      'node-1': [MODULE, 'qemu-system-x86'],
    },
  },
  {
    what: 'in emulated machines',
    given: { accel: 'tcg' },
    ...{ accel: 'tcg', network: 'bridged' },
    kept: ['preflight', ...BUILDS, ...GUEST, 'packages'],
    left: {
      controller: [...MADE, ...MADE_GUEST, ...C, ...GUEST_TOOLS],
      'node-1': ['qemu-system-x86'],
    },
  },
  {
    what: 'with a network of bridges',
    given: { network: 'bridged', guest: 'release' },
    network: 'bridged',
    kept: ['preflight', ...BUILDS, 'packages', 'devices'],
    left: { controller: [...MADE, ...C], 'node-1': [MODULE, 'qemu-system-x86'] },
  },
  {
    what: 'with programs and a guest of the site',
    given: { programs: PROGRAMS, guest: OWN },
    kept: ['preflight', 'packages', 'devices'],
    left: { 'node-1': [MODULE, 'qemu-system-x86'] },
  },
  {
    what: 'with programs of the site and a guest of Debian',
    given: { programs: PROGRAMS },
    kept: ['preflight', 'tools', ...GUEST, 'packages', 'devices'],
    left: {
      controller: [...MADE_GUEST, ...C, ...GUEST_TOOLS],
      'node-1': [MODULE, 'qemu-system-x86'],
    },
  },
  {
    what: 'by the QEMU of Kata',
    given: { programs: PROGRAMS, guest: 'release', qemu: 'kata' },
    kept: ['preflight', 'packages', 'devices'],
    left: { 'node-1': [MODULE, 'xz-utils'] },
  },
  {
    what: 'by a QEMU of the site',
    given: { programs: PROGRAMS, guest: 'release', qemu: '/usr/bin/qemu-lite-system-x86_64' },
    kept: ['preflight', 'devices'],
    left: { 'node-1': [MODULE] },
  },
];

for (const { what, given, accel = 'kvm', network = 'macvtap', kept, left } of CASES)
  laws(`clear-containers ${what}`, clear(given), {
    ...setup(accel, network),
    plugin: 'clear-containers',
    ...{ kept, left },
  });

const CONFIG = `[hypervisor.qemu]
path = "/usr/local/libexec/cc/qemu"
kernel = "/opt/cc/clear-containers/debian/vmlinux"
image = "/opt/cc/clear-containers/debian/guest.img"
kernel_params = ""
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
  const bench = await benchOf(t, clear({ vcpus: 2, memory: 1024, debug: true }), setup('kvm', 'macvtap'));
  await bench.run();
  assert.equal(node(bench).read(PLACE), CONFIG);
  const named = [...CONFIG.matchAll(/= "(\/\S+)"/g)].map(([, path]) => path);
  assert.deepEqual(
    named.filter((path) => !node(bench).disk.has(path ?? '')),
    [],
  );
});

/** What differs in the configuration, by the options that are given. */
const CONFIGURED: readonly (readonly [
  given: Given,
  accel: Accel,
  network: Network,
  lines: readonly string[],
])[] = [
  [
    { accel: 'tcg' },
    ...(['tcg', 'bridged'] as const),
    ['kernel_params = "mitigations=off nokaslr random.trust_cpu=on"', 'internetworking_model = "bridged"'],
  ],
  [{ network: 'bridged' }, 'kvm', 'bridged', ['internetworking_model = "bridged"']],
  [{ accel: 'tcg', network: 'macvtap' }, 'tcg', 'macvtap', ['internetworking_model = "macvtap"']],
  [
    { guest: 'release' },
    ...(['kvm', 'macvtap'] as const),
    [
      'kernel = "/opt/cc/clear-containers/kernel/vmlinuz-4.14.22-86.container"',
      'image = "/opt/cc/clear-containers/image/cc-20640-agent-6f6e9e.img"',
    ],
  ],
  [
    { guest: OWN },
    ...(['kvm', 'macvtap'] as const),
    ['kernel = "/opt/cc/clear-containers/own/kernel"', 'image = "/opt/cc/clear-containers/own/image"'],
  ],
];

for (const [given, accel, network, lines] of CONFIGURED)
  test(`runtime with ${JSON.stringify(given)} is told ${lines.join(', ')}`, async (t) => {
    const bench = await benchOf(t, clear(given), setup(accel, network));
    await bench.run();
    const all = node(bench).read(PLACE).split('\n');
    assert.deepEqual(
      lines.filter((line) => !all.includes(line)),
      [],
    );
  });

const INITRD = '/opt/cc/clear-containers/debian/initrd';
const DISTRIBUTION = '/usr/bin/qemu-system-x86_64';
const script = NETWORKS.bridged.script!; // bridges need one

/** How QEMU is called: by options, what the adapter is made of. */
const CALLED: readonly (readonly [what: string, given: Given, accel: Accel, network: Network, Adapted])[] = [
  ['of the distribution', {}, 'kvm', 'macvtap', { qemu: DISTRIBUTION, accel: 'kvm', initrd: INITRD }],
  [
    'that emulates',
    { accel: 'tcg' },
    ...(['tcg', 'bridged'] as const),
    { qemu: DISTRIBUTION, accel: 'tcg', initrd: INITRD, network: script },
  ],
  [
    'with the guest of the release',
    { guest: 'release' },
    ...(['kvm', 'macvtap'] as const),
    { qemu: DISTRIBUTION, accel: 'kvm' },
  ],
  [
    'with a guest of the site that has an initrd',
    { guest: OWN, network: 'bridged' },
    ...(['kvm', 'bridged'] as const),
    {
      ...{ qemu: DISTRIBUTION, accel: 'kvm', network: script },
      initrd: '/opt/cc/clear-containers/own/initrd',
    },
  ],
  [
    'of Kata',
    { guest: 'release', qemu: 'kata' },
    ...(['kvm', 'macvtap'] as const),
    { qemu: '/opt/kata/bin/qemu-system-x86_64', accel: 'kvm' },
  ],
  [
    'of the site',
    { guest: 'release', qemu: '/opt/qemu' },
    ...(['kvm', 'macvtap'] as const),
    { qemu: '/opt/qemu', accel: 'kvm' },
  ],
];

for (const [what, given, accel, network, adapter] of CALLED)
  test(`QEMU ${what} is called by words that it takes`, async (t) => {
    const bench = await benchOf(t, clear(given), setup(accel, network));
    await bench.run();
    assert.equal(node(bench).read(ADAPTER), adapted(adapter));
    assert.equal(node(bench).read(PLACE).split('\n')[1], `path = "${ADAPTER}"`);
  });

test('QEMU of Kata stands where it looks for its firmware', async (t) => {
  const bench = await benchOf(t, clear({ guest: 'release', qemu: 'kata' }), setup('kvm', 'macvtap'));
  await bench.run();
  assert.equal(node(bench).read('/opt/kata/bin/qemu-system-x86_64'), 'QEMU');
  assert.deepEqual([...node(bench).packages], ['xz-utils']);
});

/** What the proof of machines waits for, by guest. */
const REACHED: readonly (readonly [what: string, given: Given, said: string])[] = [
  ['the guest of Debian comes up whole', {}, READY],
  ['the kernel of the release comes up', { guest: 'release' }, NO_ROOT],
  ['the kernel of the site comes up', { guest: OWN }, NO_ROOT],
];

for (const [what, given, said] of REACHED) {
  test(`machines are proven when ${what}`, async (t) => {
    const bench = await benchOf(t, clear(given), setup('kvm', 'macvtap', `one\n${said}\n`));
    const { outcomes } = await bench.run();
    assert.equal(outcomes.get(BOOTS)?.state, 'applied');
    const [boot] = bench.ran.filter(({ argv }) => argv[2] === BOOT);
    assert.equal(boot?.argv[5], ADAPTER);
  });

  test(`machines are not proven when only something else is said than that ${what}`, async (t) => {
    const other = said === READY ? NO_ROOT : READY;
    const bench = await benchOf(t, clear(given), setup('kvm', 'macvtap', `${other}\n`));
    const { outcomes } = await bench.run();
    const failed = [...outcomes].filter(([, { state }]) => state === 'failed').map(([id]) => id);
    assert.deepEqual(failed, [BOOTS]);
  });
}

test('guest of Debian is booted by the words of the runtime', async (t) => {
  const bench = await benchOf(t, clear({ accel: 'tcg', memory: 512 }), setup('tcg', 'bridged', READY));
  await bench.run();
  const [boot] = bench.ran.filter(({ argv }) => argv[2] === BOOT);
  const guest = {
    ...{ kernel: '/opt/cc/clear-containers/debian/vmlinux', memory: 512 },
    ...{ image: '/opt/cc/clear-containers/debian/guest.img', size: 40 * 1024 ** 2 },
  };
  const words = wordsOf(guest, 'mitigations=off nokaslr random.trust_cpu=on');
  assert.deepEqual(boot?.argv.slice(4), ['120', ADAPTER, ...words]);
});

test('device that the runtime opens without KVM is left alone where there is one', async (t) => {
  const own: BenchSetup = {
    ...setup('tcg', 'bridged', READY),
    bare: (host) => host.write(DEVICE, 'a:ee'),
  };
  const bench = await benchOf(t, clear({ accel: 'tcg' }), own);
  await bench.run();
  await bench.run('undo');
  assert.equal(node(bench).read(DEVICE), 'a:ee');
  assert.ok(!bench.ran.some(({ argv }) => argv[0] === 'systemd-tmpfiles'));
});

/** Where everything comes from: what is fetched, in its order. */
const FETCHED: readonly (readonly [what: string, given: Given, origins: readonly string[]])[] = [
  [
    'its makers and Debian',
    {},
    [
      `${UPSTREAM}/runtime at 532740cc7cb859b33e7a80cfb250fbe2fd1e5899`,
      `${UPSTREAM}/proxy at 2d500edc813034b4a59a57bad72d55a36cc2e0da`,
      `${UPSTREAM}/shim at c8f732c99484e947f18cf29ab0d3d26e3e6bfbfe`,
      `${UPSTREAM}/agent at 6f6e9ecd8aded0783c31968b304a9d6589114363`,
      ...['libc6', 'libc6-dev', 'linux-libc-dev', 'libudev1', 'libudev-dev'].map(packaged),
      'Debian package linux-image-… as needed by linux-image-amd64 of bookworm',
      packaged('busybox-static'),
    ],
  ],
  [
    'its makers alone',
    { guest: 'release' },
    [
      `${UPSTREAM}/runtime at 532740cc7cb859b33e7a80cfb250fbe2fd1e5899`,
      `${UPSTREAM}/proxy at 2d500edc813034b4a59a57bad72d55a36cc2e0da`,
      `${UPSTREAM}/shim at c8f732c99484e947f18cf29ab0d3d26e3e6bfbfe`,
      `${UPSTREAM}/linux/releases/download/v4.14.22-86.container/v4.14.22-86.container-binaries.tar.gz`,
      `${UPSTREAM}/osbuilder/releases/download/cc-20640-agent-6f6e9e/image-cc-20640-agent-6f6e9e-binaries.tar.gz`,
    ],
  ],
  [
    'the site',
    { programs: PROGRAMS, guest: OWN },
    [...Object.values(PROGRAMS), OWN.kernel, OWN.initrd, OWN.image],
  ],
];

for (const [what, given, origins] of FETCHED)
  test(`programs and guest come from ${what}`, () => {
    const { tasks } = expanded({ hosts: [NODE], ...clear(given) });
    const artifacts = tasks.flatMap(({ step }) => step.artifacts ?? []);
    const fetched = artifacts.filter(({ source }) => source.kind !== 'built').map(origin);
    assert.deepEqual([...new Set(fetched)], origins);
  });

test('hosts with another processor are refused', () => {
  const problems = [{ path: 'clear-containers.programs', message: 'expected hosts with amd64, found arm64' }];
  const { build } = clearContainers({ programs: PROGRAMS }).spec;
  const refused: string[] = [];
  const refuse = (option: string, message: string): never => {
    refused.push(`clear-containers.${option}`, message);
    throw new Error(message);
  };
  assert.throws(() => build({ programs: PROGRAMS, accel: 'kvm' }, { arch: 'arm64', refuse } as never));
  assert.deepEqual(refused, [problems[0]?.path, problems[0]?.message]);
});

const REFUSED: readonly (readonly [given: Given, path: string, message: string])[] = [
  [
    { qemu: 'qemu-lite' },
    'clear-containers.qemu',
    'expected "distribution", "kata", or the path of a QEMU on the hosts',
  ],
  [
    { qemu: 'kata', accel: 'tcg' },
    'clear-containers.accel',
    'expected "kvm" for the QEMU of Kata, which cannot emulate, found "tcg"',
  ],
];

for (const [given, path, message] of REFUSED) {
  test(`options are refused: ${JSON.stringify(given)}: ${message}`, () => {
    assert.deepEqual(
      failureIn(() => expanded({ hosts: [NODE], ...clear(given) })),
      { kind: 'config-invalid', file: EXPAND_CONTEXT.file, problems: [{ path, message }] },
    );
  });
}

for (const [option, instead, given] of [
  ['programs', 'say by URL where yours are', {}],
  ['guest', 'take "release"', { programs: PROGRAMS }],
] as const)
  test(`${option} that would be made on a controller with another processor are refused`, () => {
    const recipe = { hosts: [{ ...NODE, arch: 'amd64' } as const], ...clear(given) };
    const message = `cannot be for hosts with amd64 from a controller with arm64: ${instead}`;
    assert.deepEqual(
      failureIn(() => expand(flattened([recipe], []), { ...EXPAND_CONTEXT, arch: 'arm64' }, [])),
      {
        kind: 'config-invalid',
        file: EXPAND_CONTEXT.file,
        problems: [{ path: `clear-containers.${option}`, message }],
      },
    );
  });

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
    const own = rules('kvm', 'macvtap').filter(({ name }) => name === 'intel' || name === 'cpu-flags');
    const script = lookAll(own).replaceAll('/proc/cpuinfo', file);
    assert.equal((await run('sh', ['-c', script])).stdout, found);
  });
}

/** What a host is asked for, by accelerator and network. */
const ASKED: readonly (readonly [Accel, Network, names: readonly string[]])[] = [
  [
    'kvm',
    'macvtap',
    ['amd64', 'kvm', 'intel', 'cpu-flags', 'vhost-net', 'tun', 'cgroup-v1', 'macvtap', 'tap-devices'],
  ],
  ['kvm', 'bridged', ['amd64', 'kvm', 'intel', 'cpu-flags', 'vhost-net', 'tun', 'cgroup-v1']],
  ['tcg', 'macvtap', ['amd64', 'tun', 'cgroup-v1', 'macvtap', 'tap-devices']],
  ['tcg', 'bridged', ['amd64', 'tun', 'cgroup-v1']],
];

for (const [accel, network, names] of ASKED)
  test(`host for machines by ${accel} with ${network} is asked for ${names.join(', ')}`, () => {
    assert.deepEqual(
      rules(accel, network).map(({ name }) => name),
      names,
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
  const machine = { vcpus: 1, memory: 1024, debug: true, network: 'macvtap', parameters: '' } as const;
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
