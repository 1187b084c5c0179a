/** CRI-O: from its bundle or from source, its files, its service, and what the real one says of its configuration. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { Failed } from '../../core/model/failure.ts';
import {
  criClient,
  goToolchain,
  kubernetesRelease,
  ociRuntime,
  podNetwork,
  vmRuntime,
} from '../../plugins/capabilities.ts';
import { settingsFor, toml } from '../../plugins/crio/config.ts';
import { crio } from '../../plugins/crio.ts';
import { laws } from '../rig/laws.ts';
import { tempFolder } from '../rig/temp.ts';
import { ARCHIVE } from './archive.ts';
import { type Bench, benchOf, type Telling } from './bench.ts';
import { files, folder, providing } from './tools.ts';

const BELOW = [
  ARCHIVE,
  providing(ociRuntime, { path: '/usr/local/sbin/runc' }),
  providing(podNetwork, { subnet: '10.244.0.0/24', bin: '/opt/pods/bin', bridge: 'pods0' }),
  providing(criClient, { crictl: '/usr/local/bin/crictl' }),
  providing(goToolchain, { root: '/go', version: '1.15' }),
  providing(kubernetesRelease, {
    version: '1.20.2',
    imageRepository: 'registry.lab',
    pauseImage: 'registry.lab/pause:3.2',
    bin: '/usr/local/bin',
    programs: {},
  }),
];
const COMMIT = '9a866fd3365c4fc687c0c31ecb0fe356cd1e23fe';
const bytes = { 'cri-o': JSON.stringify({ 'cri-o/bin/crio': 'crio', 'cri-o/bin/conmon': 'conmon' }) };

const recipe = (given: Parameters<typeof crio>[0], ...more: typeof BELOW) => ({
  plugins: [...BELOW, ...more, crio(given)],
});
const node = ({ hosts }: Bench) => hosts.get('node-1')!; // every bench has this host

/** What compilers and the tree leave, told by the options that name it. */
const how: Telling = {
  does: (host, { make }) => [
    ...files(host),
    ['tar -x', (argv) => folder(host, argv[argv.indexOf('-C') + 1]!)], // the plugin's command has this option
    ['dpkg-deb --extract', ''],
    ['chmod', ''],
    [
      '/go/bin/go build',
      (argv) => {
        const output = argv[argv.indexOf('-o') + 1] ?? '';
        make(host, output, `built as ${output}`);
        return '';
      },
    ],
    [
      ([program, , , name, output = '']) => program === 'sh' && name === 'cc' && output.includes('/crio/'),
      ([, , , , output = '']) => {
        make(host, output, `compiled as ${output}`);
        return '';
      },
    ],
  ],
};

laws('crio', recipe({ version: '1.36.3' }), { bytes });
laws(
  'crio from source',
  recipe({ version: '1.20.9', commit: COMMIT, cgroupDriver: 'cgroupfs', confined: true }),
  {
    ...how,
    plugin: 'crio',
    kept: ['tools', 'compile'],
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
  const bench = await benchOf(t, recipe({ version: '1.20.9', commit: COMMIT }), how);
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

test('settings of the recipe are laid over those of cc', async (t) => {
  const settings = { 'crio.runtime.pids_limit': 2048, 'crio.image.pause_command': '/pause' };
  const bench = await benchOf(t, recipe({ version: '1.36.3', settings }), { bytes });
  await bench.run();
  const text = node(bench).read('/etc/crio/crio.conf') ?? '';
  assert.match(text, /^pids_limit = 2048$/m);
  assert.match(text, /^pause_command = "\/pause"$/m);
});

test('runtime of virtual machines is there before CRI-O starts with it', async (t) => {
  const kata = providing(vmRuntime, { handler: 'kata', path: '/opt/kata/shim', type: 'vm' });
  const bench = await benchOf(t, recipe({ version: '1.36.3' }, kata), { bytes });
  await bench.run();
  assert.match(node(bench).read('/etc/crio/crio.conf') ?? '', /^\[crio\.runtime\.runtimes\.kata\]$/m);
});

test('service is started once', async (t) => {
  const bench = await benchOf(t, recipe({ version: '1.36.3' }), { bytes });
  await bench.run();
  await bench.run();
  assert.equal(node(bench).units.get('crio.service')?.starts, 1);
});

/** A crio of 1.20, as `cc run crio --recipe kubernetes-1.20` builds it. */
const REAL = process.env['CC_CRIO_1_20'];

test('the real crio 1.20 takes the configuration as it is meant', {
  skip: !REAL && 'CC_CRIO_1_20 names no crio',
}, async (t) => {
  const file = join(await tempFolder(t), 'crio.conf');
  const settings = settingsFor({
    version: '1.20.9',
    cgroupDriver: 'cgroupfs',
    programs: { conmon: '/b/conmon', pinns: '/b/pinns', runtime: '/b/runc' },
    untrusted: false,
    pauseImage: 'registry.lab/pause:3.2',
    policy: '/etc/crio/policy.json',
    storage: { root: '/s', runroot: '/r' },
    cni: '/opt/cni/bin',
  });
  await writeFile(file, toml(settings));
  const { stdout } = await promisify(execFile)(REAL!, ['--config', file, '--config-dir', '', 'config']); // skipped without
  for (const [path, value] of Object.entries(settings)) {
    const key = path.slice(path.lastIndexOf('.') + 1);
    const said = new RegExp(`^#?${key} = (.*(?:\\n(?!\\]).*)*(?:\\n\\])?)$`, 'm').exec(stdout)?.[1] ?? '';
    const text = Array.isArray(value) ? value : [value];
    for (const word of text) assert.ok(said.includes(String(word)), `${path}: ${said}`);
  }
});
