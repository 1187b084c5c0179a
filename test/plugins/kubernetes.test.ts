/** Kubernetes' programs: from their release, or built from Debian's source package. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { goToolchain } from '../../plugins/capabilities.ts';
import { NODE_PROGRAMS, PLANE_PROGRAMS } from '../../plugins/kubernetes/build.ts';
import { kubernetes } from '../../plugins/kubernetes.ts';
import { expanded, failureIn } from '../graph/recipes.ts';
import { laws } from '../rig/laws.ts';
import { ARCHIVE } from './archive.ts';
import { benchOf, NODE, type Telling } from './bench.ts';
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
const how: Telling = {
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

laws('kubernetes', { plugins: [kubernetes({ version: '1.20.2' })] });
laws('kubernetes from source', SOURCE, {
  ...how,
  plugin: 'kubernetes',
  kept: ['compile'],
  left: { controller: MADE.toSorted().map((name) => `CACHE/kubernetes/1.20.2/bin/${name}`) },
});

test('build tells the programs what they are, and leaves nothing but them', async (t) => {
  const bench = await benchOf(t, SOURCE, how);
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

test('version that no table knows is refused with those that it does', () => {
  const failure = failureIn(() => expanded({ hosts: [NODE], plugins: [kubernetes({ version: '1.99.0' })] }));
  assert.deepEqual(failure, {
    kind: 'config-invalid',
    file: '/site/cc.config.ts',
    problems: [{ path: 'kubernetes.version', message: 'expected a version of 1.20' }],
  });
});
