/** Kubernetes' programs: from their release, or built from Debian's source package. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expand } from '../../core/graph/expand.ts';
import { flattened } from '../../core/graph/flatten.ts';
import type { Arch } from '../../core/model/artifact.ts';
import { plugin } from '../../core/model/plugin.ts';
import * as v from '../../core/model/vocabulary.ts';
import { goToolchain, type Kubernetes, kubernetesRelease } from '../../plugins/capabilities.ts';
import { NODE_PROGRAMS, PLANE_PROGRAMS } from '../../plugins/kubernetes/build.ts';
import { kubernetes } from '../../plugins/kubernetes.ts';
import { expanded, failureIn } from '../graph/recipes.ts';
import { laws } from '../rig/laws.ts';
import { ARCHIVE } from './archive.ts';
import { type BenchSetup, benchOf, NODE } from './bench.ts';
import { files, folder, providing } from './tools.ts';

const SOURCE = {
  plugins: [
    ARCHIVE,
    providing(goToolchain, { root: '/go', version: '1.15' }),
    kubernetes({
      version: '1.20.2',
      from: 'source',
      commit: 'faecb19',
      date: '2021-01-13T13:20:00Z',
      tags: ['providerless'],
    }),
  ],
};

const MADE = [...NODE_PROGRAMS, ...PLANE_PROGRAMS, 'pause'];

/** `go build -o FOLDER/` makes what its packages are called; `-o FILE` makes that file. */
const setup: BenchSetup = {
  does: (host, { make }) => [
    ...files(host),
    ['tar -x', (argv) => folder(host, argv[argv.indexOf('-C') + 1]!)], // the plugin's command has this option
    [
      '/go/bin/go build',
      (argv) => {
        const out = argv[argv.indexOf('-o') + 1] ?? '';
        const programs = argv.filter((word) => word.startsWith('./cmd/')).map((word) => out + word.slice(6));
        for (const path of programs.length > 0 ? programs : [out]) make(host, path, `built as ${path}`);
        return '';
      },
    ],
    [(argv) => argv[0] === 'sh' && argv[3] === 'cc' && (argv[4] ?? '').endsWith('/tools'), ''],
  ],
};

for (const version of ['1.9.2', '1.20.2', '1.36.4'])
  laws(`kubernetes ${version}`, { plugins: [kubernetes({ version })] }, { plugin: 'kubernetes' });
laws('kubernetes from source', SOURCE, {
  ...setup,
  plugin: 'kubernetes',
  kept: ['compile'],
  left: { controller: MADE.toSorted().map((name) => `CACHE/kubernetes/1.20.2/bin/${name}`) },
});

test('build tells the programs what they are, and leaves nothing but them', async (t) => {
  const bench = await benchOf(t, SOURCE, setup);
  await bench.run();
  const builds = bench.ran.filter(({ argv }) => argv.some((word) => word.startsWith('./cmd/')));
  const flags = builds.map(({ argv }) => argv.find((word) => word.startsWith('-ldflags=')));
  const said = (module: string) =>
    [
      'gitVersion=v1.20.2',
      'gitMajor=1',
      'gitMinor=20',
      'gitTreeState=clean',
      'gitCommit=faecb19',
      'buildDate=2021-01-13T13:20:00Z',
    ].map((value) => `-X k8s.io/kubernetes/vendor/k8s.io/${module}/version.${value}`);
  assert.deepEqual(flags, [
    ['-ldflags=-s -w -buildid=', ...said('client-go/pkg'), ...said('component-base')].join(' '),
  ]);
  assert.deepEqual(
    builds.flatMap(({ argv }) => argv.slice(argv.indexOf('-tags'), argv.indexOf('-tags') + 2)),
    ['-tags', 'providerless'],
  );
});

test('what the compiler made is kept for another version where that is asked for, and else removed', async (t) => {
  const [toolchain, archive] = [SOURCE.plugins[1]!, SOURCE.plugins[0]!];
  const cachesOf = async (version: string, keepCompiled: boolean) => {
    const built = kubernetes({ version, from: 'source', keepCompiled });
    const bench = await benchOf(t, { plugins: [archive, toolchain, built] }, setup);
    await bench.run();
    const caches = bench.ran.flatMap(({ env }) => env['GOCACHE'] ?? []);
    const removed = bench.ran.findLast(({ argv }) => argv[0] === 'rm')?.argv ?? [];
    const place = (path: string) => path.slice(path.indexOf('/kubernetes/'));
    return [...new Set(caches)].map((path) => [place(path), removed.includes(path) ? 'removed' : 'kept']);
  };
  assert.deepEqual(await cachesOf('1.20.2', true), [['/kubernetes/compiled', 'kept']]);
  assert.deepEqual(await cachesOf('1.20.3', true), [['/kubernetes/compiled', 'kept']]);
  assert.deepEqual(await cachesOf('1.20.3', false), [['/kubernetes/1.20.3/gocache', 'removed']]);
});

/** Why a recipe with these options is refused. */
function problemsOf(given: NonNullable<Parameters<typeof kubernetes>[0]>) {
  const failure = failureIn(() => expanded({ hosts: [NODE], plugins: [kubernetes(given)] }));
  return failure?.kind === 'config-invalid' ? failure.problems : failure;
}

test('version that no table knows is refused with those that it does', () => {
  assert.deepEqual(problemsOf({ version: '1.99.0' }), [
    { path: 'kubernetes.version', message: 'expected a version from 1.9 to 1.36, as 1.20.2, found "1.99.0"' },
  ]);
});

for (const version of ['1.36', 'v1.36.4', 'latest'])
  test(`version ${version} is one mistake, told in words`, () => {
    assert.deepEqual(problemsOf({ version }), [
      { path: 'kubernetes.version', message: `expected a version such as 1.36.0, found "${version}"` },
    ]);
  });

for (const given of [
  { source: { package: 'kubernetes', suite: 'bookworm' } },
  { commit: 'faecb19' },
  { date: '2021-01-13T13:20:00Z' },
  { tags: ['providerless'] },
  { keepCompiled: true },
]) {
  const [option] = Object.keys(given);
  test(`${option}, which a release has no use for, is refused`, () => {
    assert.deepEqual(problemsOf({ version: '1.20.2', ...given }), [
      { path: `kubernetes.${option}`, message: 'is only for what is built: from: "source"' },
    ]);
  });
}

test('version whose source cannot be had is refused with those whose can', () => {
  assert.deepEqual(problemsOf({ version: '1.36.4', from: 'source' }), [
    { path: 'kubernetes.version', message: 'cannot be built: there is source of 1.20 only' },
  ]);
});

/** What a recipe offers other plugins, and where its artifacts come from. */
function offered(version: string, arch: Arch) {
  let value: Kubernetes | undefined;
  const user = plugin({
    name: 'user',
    help: '',
    options: v.strictObject({}),
    build: (_, { use }) => {
      value = use(kubernetesRelease);
      return { steps: [] };
    },
  });
  const recipe = { hosts: [NODE], plugins: [kubernetes({ version }), user()] };
  const context = { arch, cache: '/cache', state: '/state', file: '/site/cc.config.ts' };
  const { tasks } = expand(flattened([recipe], []), context, []);
  const sources = tasks.flatMap(({ step }) => step.artifacts ?? []).map(({ source }) => source);
  return { value, sources };
}

const DL = 'https://dl.k8s.io/release';
const MAKERS = {
  identity: 'krel-staging@k8s-releng-prod.iam.gserviceaccount.com',
  issuer: 'https://accounts.google.com',
};
for (const [version, arch, pause, sums, signed] of [
  ['1.9.2', 'amd64', 'pause-amd64:3.0', false, false],
  ['1.11.10', 'arm64', 'pause-arm64:3.1', false, false],
  ['1.12.0', 'arm64', 'pause:3.1', true, false],
  ['1.36.4', 'amd64', 'pause:3.10.2', true, true],
] as const) {
  test(`release ${version} for ${arch} comes with the digests and signatures that upstream publishes for it`, () => {
    const { value, sources } = offered(version, arch);
    const urls = NODE_PROGRAMS.map((name) => `${DL}/v${version}/bin/linux/${arch}/${name}`);
    assert.deepEqual(
      sources,
      urls.map((url) => ({
        ...{ kind: 'url', url, ...(sums ? { sums: `${url}.sha256` } : {}) },
        ...(signed
          ? { sigstore: { ...MAKERS, files: { signature: `${url}.sig`, certificate: `${url}.cert` } } }
          : {}),
      })),
    );
    assert.deepEqual(value, {
      version,
      imageRepository: 'registry.k8s.io',
      pauseImage: `registry.k8s.io/${pause}`,
      bin: '/usr/local/bin',
      programs: {},
    });
  });
}
