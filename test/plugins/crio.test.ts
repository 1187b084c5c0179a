/** CRI-O: from its bundle or from source, its files, its service. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { Failed } from '../../core/model/failure.ts';
import {
  criClient,
  kubernetesRelease,
  ociRuntime,
  podNetwork,
  vmRuntime,
} from '../../plugins/capabilities.ts';
import { LIST, REMOVE_PODS } from '../../plugins/crio/scripts.ts';
import { crio } from '../../plugins/crio.ts';
import { laws } from '../rig/laws.ts';
import { tempFolder } from '../rig/temp.ts';
import { ARCHIVE } from './archive.ts';
import { type Bench, type BenchSetup, benchOf } from './bench.ts';
import { COMPILER, GO } from './compiler.ts';
import { CRIO, noting } from './crio.ts';
import { providing } from './tools.ts';
import { MACHINE } from './virtual.ts';

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
  providing(criClient, { crictl: '/usr/local/bin/crictl', endpoint: (socket) => socket }),
  GO,
];
const COMMIT = '9a866fd3365c4fc687c0c31ecb0fe356cd1e23fe';
const BUILT: BenchSetup = {
  ...COMPILER,
  ...(CRIO.bare ? { bare: CRIO.bare } : {}),
  does: (host, bench) => [...noting(host), ...(COMPILER.does?.(host, bench) ?? [])],
};

/** With a Kubernetes of the same minor version, unless another is named. */
const recipe = (given: { version: string } & Parameters<typeof crio>[0], ...more: typeof BELOW) => ({
  plugins: [...BELOW, kubernetesOf(given.version), ...more, crio(given)],
});

function kubernetesOf(version: string) {
  return providing(kubernetesRelease, {
    version,
    imageRepository: 'registry.lab',
    pauseImage: 'registry.lab/pause:3.2',
    bin: '/usr/local/bin',
    programs: {},
  });
}
const node = ({ hosts }: Bench) => hosts.get('node-1')!; // every bench has this host

laws('crio', recipe({ version: '1.36.3' }), {
  ...CRIO,
  kept: ['packages', 'drop-ins'],
  left: { 'node-1': ['iptables'] },
});
laws(
  'crio from source',
  recipe({ version: '1.20.9', commit: COMMIT, cgroupDriver: 'cgroupfs', confined: true }),
  {
    ...BUILT,
    plugin: 'crio',
    kept: ['tools', 'compile', 'drop-ins'],
    left: {
      controller: [
        ...['copyimg', 'crio', 'pinns'].map((name) => `CACHE/crio/1.20.9/bin/${name}`),
        'gcc',
        'libc6-dev',
      ],
    },
  },
);

test('each version is built as its tree wants it, from nothing but what was fetched', async (t) => {
  const bench = await benchOf(t, recipe({ version: '1.20.9', commit: COMMIT }), BUILT);
  await bench.run();
  const builds = bench.ran.filter(({ argv }) => argv[1] === 'build').map(({ argv }) => argv.join(' '));
  assert.equal(builds.length, 2);
  for (const build of builds) {
    assert.match(build, /-tags seccomp apparmor selinux containers_image_ostree_stub/);
    assert.match(
      build,
      /-extldflags "-static -Wl,--build-id=none" -X github.com\/cri-o\/cri-o\/internal\/version.gitCommit=9a866fd/,
    );
  }
});

test('version without a bundle, and one that cannot be built here, are refused', async (t) => {
  for (const [given, message] of [
    [{ version: '1.20.9' }, /has no bundle with a checksum/],
    [{ version: '1.13.0', commit: COMMIT }, /can be built of 1\.9 and 1\.20/],
    [{ version: '1.36.3', settings: { 'crio.runtime.registries': true } }, /is not known to CRI-O 1\.36\.3/],
  ] as const) {
    const error = await benchOf(t, recipe(given)).catch((reason: unknown) => reason);
    assert.ok(error instanceof Failed && error.failure.kind === 'config-invalid');
    assert.match(error.failure.problems[0]?.message ?? '', message);
  }
});

test('version of another minor than Kubernetes is refused', async (t) => {
  const plugins = [...BELOW, kubernetesOf('1.35.1'), crio({ version: '1.36.3' })];
  const error = await benchOf(t, { plugins }).catch((reason: unknown) => reason);
  assert.ok(error instanceof Failed && error.failure.kind === 'config-invalid');
  assert.deepEqual(error.failure.problems, [
    { path: 'crio.version', message: 'is not for Kubernetes 1.35: CRI-O goes by the same minor version' },
  ]);
});

test('settings of the recipe are laid over those of cc', async (t) => {
  const settings = { 'crio.runtime.pids_limit': 2048, 'crio.image.pause_command': '/pause' };
  const bench = await benchOf(t, recipe({ version: '1.36.3', settings }), CRIO);
  await bench.run();
  const text = node(bench).read('/etc/crio/crio.conf') ?? '';
  assert.match(text, /^pids_limit = 2048$/m);
  assert.match(text, /^pause_command = "\/pause"$/m);
});

test('images that no node works without have a place in what a recipe takes', async (t) => {
  const images = { 'registry.lab': 'any', 'docker.io/library': 'any' } as const;
  const bench = await benchOf(t, recipe({ version: '1.36.3', images }), CRIO);
  await bench.run();
  const { default: others } = JSON.parse(node(bench).read('/etc/crio/policy.json') ?? '');
  assert.deepEqual(others, [{ type: 'reject' }]);
  const given = { version: '1.36.3', images: { 'registry.lab/pause': 'any' } } as const;
  const error = await benchOf(t, recipe(given)).catch((reason: unknown) => reason);
  assert.ok(error instanceof Failed && error.failure.kind === 'config-invalid');
  const message = 'leaves out registry.lab/kube-proxy, without which no node works';
  assert.deepEqual(error.failure.problems, [{ path: 'crio.images', message }]);
});

test('runtime of virtual machines is there before CRI-O starts with it', async (t) => {
  const kata = providing(vmRuntime, {
    handler: 'kata',
    path: '/opt/kata/shim',
    type: 'vm',
    machine: MACHINE,
  });
  const bench = await benchOf(t, recipe({ version: '1.36.3' }, kata), CRIO);
  await bench.run();
  assert.match(node(bench).read('/etc/crio/crio.conf') ?? '', /^\[crio\.runtime\.runtimes\.kata\]$/m);
});

test('service is started once', async (t) => {
  const bench = await benchOf(t, recipe({ version: '1.36.3' }), CRIO);
  await bench.run();
  await bench.run();
  assert.equal(node(bench).units.get('crio.service')?.starts, 1);
});

/** A crictl that answers as these versions do: `pods`, `sandboxes`, or nobody. */
const CLIENTS = {
  today: 'case $1 in pods) echo a; echo b ;; rmp) echo "$@" >>done ;; *) exit 1 ;; esac',
  'of 2017': 'case $1 in sandboxes) echo a; echo b ;; stops | rms) echo "$@" >>done ;; *) exit 1 ;; esac',
  'without pods': 'case $1 in pods) ;; *) echo "$@" >>done; exit 1 ;; esac',
} as const;
const REMOVED = {
  today: 'rmp --force a b\n',
  'of 2017': 'stops a\nrms a\nstops b\nrms b\n',
  'without pods': '',
} as const;

async function removing(t: TestContext, client: string, folder?: string) {
  const cwd = folder ?? (await tempFolder(t));
  await writeFile(join(cwd, 'crictl'), `#!/bin/sh\n${client}\n`, { mode: 0o755 });
  await writeFile(join(cwd, 'done'), '');
  await promisify(execFile)('sh', ['-c', REMOVE_PODS, 'cc', './crictl'], { cwd });
  return readFile(join(cwd, 'done'), 'utf8');
}

for (const [kind, client] of Object.entries(CLIENTS) as [keyof typeof CLIENTS, string][]) {
  test(`pods are removed through a crictl ${kind}`, async (t) => {
    assert.equal(await removing(t, client), REMOVED[kind]);
  });
}

test('one pod that a crictl of 2017 cannot stop keeps no other one, and is told', async (t) => {
  const client =
    'case $1$2 in sandboxes-q) echo a; echo b ;; stopsb | rmsb) echo "$@" >>done ;; *) exit 1 ;; esac';
  const cwd = await tempFolder(t);
  await assert.rejects(removing(t, client, cwd));
  assert.equal(await readFile(join(cwd, 'done'), 'utf8'), 'stops b\nrms b\n');
});

test('pods of a runtime that does not answer are not taken for removed', async (t) => {
  await assert.rejects(removing(t, 'exit 1'));
});

test('images of a runtime that does not answer are not taken for none', async (t) => {
  const listed = async (client: string) => {
    const cwd = await tempFolder(t);
    await writeFile(join(cwd, 'crictl'), `#!/bin/sh\n${client}\n`, { mode: 0o755 });
    return (await promisify(execFile)('sh', ['-c', LIST, 'cc', './crictl'], { cwd })).stdout;
  };
  assert.equal(await listed('printf "IMAGE TAG ID\\na/b 1 x\\nc 2 y\\n"'), 'a/b:1\nc:2\n');
  await assert.rejects(listed('exit 1'));
});

test('crio that wants iptables to start has it before; an older one asks for nothing', async (t) => {
  for (const [version, names] of [
    ['1.33.13', ['iptables']],
    ['1.32.13', []],
  ] as const) {
    const bench = await benchOf(t, recipe({ version }), CRIO);
    const running = bench.tasks.find(({ step }) => step.name === 'running')!; // it has one
    const packages = bench.tasks.filter(({ plugin, step }) => plugin === 'crio' && step.name === 'packages');
    assert.deepEqual(
      packages.map(({ step }) => step.inputs),
      names.map((name) => ({ names: [name] })),
    );
    assert.deepEqual(running.needs.filter((need) => need.endsWith('crio/packages')).length, names.length);
  }
});
