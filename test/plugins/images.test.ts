/** Images made on the controller: what is packed, and how nodes come to have them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Artifact } from '../../core/model/artifact.ts';
import { digestOf } from '../../core/model/digest.ts';
import type { Json } from '../../core/model/json.ts';
import type { Last } from '../../core/model/step.ts';
import { cri, kubernetesRelease } from '../../plugins/capabilities.ts';
import { images } from '../../plugins/images.ts';
import { laws } from '../rig/laws.ts';
import type { Paper } from '../rig/paper.ts';
import { applied, changed } from '../steps/last.ts';
import { ARCHIVE } from './archive.ts';
import { type Bench, type BenchSetup, benchOf } from './bench.ts';
import { files, MISSING, option, providing, removed, wrote } from './tools.ts';

const program = (name: string): Artifact => ({
  name,
  source: { kind: 'built', by: 'kubernetes-release', path: `/built/${name}` },
});

const BELOW = [
  ARCHIVE,
  providing(kubernetesRelease, {
    version: '1.20.2',
    imageRepository: 'registry.lab',
    pauseImage: 'registry.lab/pause:3.2',
    bin: '/usr/local/bin',
    programs: { 'kube-proxy': program('kube-proxy'), pause: program('pause') },
  }),
  providing(cri, {
    socket: 'unix:///run/cri.sock',
    cgroupDriver: 'systemd',
    importImages: { argv: ['ctr', 'import', '-'] },
    listImages: { argv: ['ctr', 'list'] },
    removePods: [{ argv: ['ctr', 'end-all'] }],
    unit: 'runtime.service',
  }),
];
const RECIPE = { plugins: [...BELOW, images()] };
const LOADED = '/run/loaded';
const REFS = ['kube-proxy:v1.20.2', 'pause:3.2', 'etcd:3.4.13-0', 'nginx:bookworm', 'client:bookworm'].map(
  (ref) => `registry.lab/${ref}`,
);

/** A runtime that lists what it has taken in. */
const setup: BenchSetup = {
  reads: (host) => [['ctr list', () => (host.disk.has(LOADED) ? host.read(LOADED) : MISSING)]],
  does: (host) => [...files(host), ['ctr import', () => load(host)]],
};

function load(host: Paper): string {
  host.write(LOADED, REFS.map((ref) => `${ref}\n`).join(''));
  return '';
}

laws('images', RECIPE, {
  ...setup,
  kept: ['tools', 'base', 'archive', 'ahead', 'loaded'],
  // what a runtime has loaded goes with the runtime
  left: {
    controller: ['/var/lib/cc/roots/recipe-images-bookworm.tar', 'CACHE/images/1.20.2.tar', 'mmdebstrap'],
    'node-1': [LOADED],
  },
});

const node = ({ hosts }: Bench) => hosts.get('node-1')!; // every bench has this host

/** The JSON that was written for the archive, in the order in which it was. */
async function packed(t: Parameters<typeof benchOf>[0]): Promise<readonly unknown[]> {
  const texts: string[] = [];
  const bench = await benchOf(t, RECIPE, {
    ...setup,
    does: (host, bench) => [
      ...setup.does!(host, bench), // registered above
      [
        'tee',
        ([, path = ''], { input }) => {
          texts.push(String(input));
          host.write(path, String(input));
          return '';
        },
      ],
    ],
  });
  await bench.run();
  return texts.map((text) => JSON.parse(text));
}

test('archive names each image, its configuration and its layers once', async (t) => {
  const all = await packed(t);
  const manifest = all.at(-1) as { Config: string; RepoTags: string[]; Layers: string[] }[];
  assert.deepEqual(
    manifest.map(({ RepoTags }) => RepoTags),
    REFS.map((ref) => [ref]),
  );
  assert.deepEqual(
    manifest.map(({ Layers }) => Layers.length),
    [2, 1, 1, 1, 1],
  );
  const [proxy, , etcd] = manifest;
  assert.equal(etcd?.Layers[0], proxy?.Layers[0]);
  assert.deepEqual(
    new Set(manifest.map(({ Config }) => /^[0-9a-f]{64}\.json$/.test(Config))),
    new Set([true]),
  );
});

test('configuration of an image is what its program needs, and names its layers by digest', async (t) => {
  const all = await packed(t);
  const manifest = all.at(-1) as { Layers: string[] }[];
  assert.deepEqual(all[0], {
    architecture: 'amd64',
    os: 'linux',
    created: '1970-01-01T00:00:00Z',
    config: {
      Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
      WorkingDir: '/',
      Entrypoint: ['/usr/local/bin/kube-proxy'],
    },
    rootfs: { type: 'layers', diff_ids: manifest[0]?.Layers.map((name) => `sha256:${name.slice(0, 64)}`) },
  });
});

test('images are loaded again where one of them is gone', async (t) => {
  const bench = await benchOf(t, RECIPE, setup);
  await bench.run();
  node(bench).write(LOADED, REFS.slice(1).join('\n'));
  const { reason } = await bench.run();
  const { id } = bench.tasks.find(({ step }) => step.name === 'loaded')!; // the plugin has this step
  assert.deepEqual(reason(id), { kind: 'drifted', details: [`${REFS[0]} not loaded`] });
  assert.deepEqual(node(bench).read(LOADED).trim().split('\n'), REFS);
});

/** The plan of loading, in a state that has one memory. */
async function loading(bench: Bench, last: (facts: Json) => Last): Promise<readonly string[]> {
  const { looked } = await bench.look();
  const { id, step } = bench.tasks.find(({ step }) => step.name === 'ahead')!; // the plugin has this step
  const { facts } = looked.get(id)!; // a bench on which everything is registered
  return step.plan(facts, last(facts)).map(({ why }) => why);
}

test('images are loaded again where they come from another archive, and for nothing else', async (t) => {
  const bench = await benchOf(t, RECIPE, setup);
  await bench.run();
  assert.deepEqual(await loading(bench, applied), []);
  assert.deepEqual(await loading(bench, (facts) => changed('needs.x: 1 → 2', facts)), []);
  const older = { missing: [], archive: digestOf('an older archive') };
  assert.deepEqual(await loading(bench, () => changed('artifacts.images: 1 → 2', older)), [
    'the images come from another archive',
  ]);
});

test('node that runs has new images ahead of its turn, and one without a runtime once it has that', async (t) => {
  const bench = await benchOf(t, RECIPE, setup);
  const performed = async () => {
    const { events } = await bench.run();
    return events.flatMap((event) =>
      event.kind === 'change' && event.id.startsWith('node-1/') ? [event.id] : [],
    );
  };
  assert.deepEqual(await performed(), ['node-1/images/loaded']);
  node(bench).units.set('runtime.service', { active: 'active', enabled: 'enabled', starts: 1 });
  assert.deepEqual(await performed(), []);
  node(bench).write(LOADED, REFS.slice(1).join('\n'));
  assert.deepEqual(await performed(), ['node-1/images/ahead']);
});

test('images are loaded again where an archive was made anew', async (t) => {
  const bench = await benchOf(t, RECIPE, setup);
  await bench.run();
  const archive = `${bench.cache}/images/1.20.2.tar`;
  const controller = bench.hosts.get('controller')!; // every bench has a controller
  controller.when('tar --create', (argv) => wrote(controller, option(argv, 'file'), 'made another day'));
  removed(controller, archive);
  bench.ran.length = 0;
  await bench.run();
  assert.equal(bench.ran.filter(({ argv }) => argv.join(' ') === 'ctr import -').length, 1);
});

test('runtime that does not say which images it has is no runtime without any', async (t) => {
  const bench = await benchOf(t, RECIPE, setup);
  await bench.run();
  node(bench).when('ctr list', { code: 1, stderr: 'connection refused\n' });
  const { failed } = await bench.look();
  const failure = {
    ...{ kind: 'cannot-tell', host: 'node-1', what: 'ask the container runtime for its images' },
    why: 'connection refused',
  };
  assert.deepEqual(failed, { 'node-1/images/loaded': JSON.stringify(failure) });
});
