/** Debian's archive: which mirror, which suites, and whose apt. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { debian } from '../../plugins/debian.ts';
import { laws } from '../rig/laws.ts';
import { type Bench, type BenchSetup, benchOf } from './bench.ts';

const TARGETS = `http://deb.example/debian-security Packages bookworm-security main
http://deb.example/debian Translations bookworm main
http://deb.example/debian Packages bookworm contrib
http://deb.example/debian Packages bookworm main
`;

const setup: BenchSetup = { reads: () => [['apt-get indextargets', TARGETS]] };
const recipe = { plugins: [debian({ suites: ['bookworm', 'bullseye'] })] };
const sources = ({ hosts, cache }: Bench, file: string) =>
  hosts.get('controller')!.read(`${cache}/apt/${file}`); // made by all benches

laws('debian', recipe, {
  ...setup,
  kept: ['keyring', 'sources'],
  left: {
    controller: [
      'CACHE/apt/bookworm.list',
      'CACHE/apt/bullseye.list',
      'CACHE/apt/sources.list',
      'debian-archive-keyring',
    ],
  },
});

const line = (kind: string, mirror: string, suite: string) =>
  `${kind} [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg ${
    kind === 'deb' ? 'arch=amd64 target=Packages' : 'target=Sources'
  }] ${mirror} ${suite} main\n`;

test("sources name the mirror of the controller's own apt, and each suite apart", async (t) => {
  const bench = await benchOf(t, recipe, setup);
  await bench.run();
  const mirror = 'http://deb.example/debian';
  const all = ['bookworm', 'bullseye'].map(
    (suite) => line('deb', mirror, suite) + line('deb-src', mirror, suite),
  );
  assert.equal(sources(bench, 'sources.list'), all.join(''));
  assert.equal(sources(bench, 'bullseye.list'), line('deb', mirror, 'bullseye'));
});

test('sources name the mirror of the options, and apt is not asked', async (t) => {
  const bench = await benchOf(t, { plugins: [debian({ mirror: 'https://mirror.example/d' })] });
  await bench.run();
  assert.equal(sources(bench, 'bookworm.list'), line('deb', 'https://mirror.example/d', 'bookworm'));
});

test("sources name Debian's own mirror on a controller that is no Debian", async (t) => {
  const ubuntu = 'http://archive.ubuntu.com/ubuntu Packages noble main\n';
  const bench = await benchOf(t, recipe, {
    bare: (host) => host.write('/etc/os-release', 'ID=ubuntu\nVERSION_ID="24.04"\n'),
    reads: () => [['apt-get indextargets', ubuntu]],
  });
  await bench.run();
  assert.equal(sources(bench, 'bookworm.list'), line('deb', 'http://deb.debian.org/debian', 'bookworm'));
});

test('sources are asked of apt once, and then read', async (t) => {
  const bench = await benchOf(t, recipe, setup);
  await bench.run();
  bench.ran.length = 0;
  await bench.run();
  assert.deepEqual(
    bench.ran.filter(({ argv }) => argv[0] === 'apt-get'),
    [],
  );
});

test('sources name the excerpt of a bundle before any mirror, and whatever its age', async (t) => {
  const bench = await benchOf(t, { plugins: [debian({ mirror: 'https://mirror.example/d' })] });
  bench.hosts.get('controller')!.write(`${bench.cache}/apt/archive/dists/bookworm/InRelease`, ''); // all benches have one
  await bench.run();
  const folder = `copy:${bench.cache}/apt/archive`;
  const undated = line('deb', folder, 'bookworm').replace(']', ' check-valid-until=no]');
  assert.equal(sources(bench, 'bookworm.list'), undated);
});

test("sources name the mirror of the controller's own apt again when the excerpt is deleted", async (t) => {
  const bench = await benchOf(t, recipe, setup);
  const controller = bench.hosts.get('controller')!; // all benches have one
  controller.write(`${bench.cache}/apt/archive/dists/bookworm/InRelease`, '');
  await bench.run();
  for (const path of controller.disk.keys())
    if (path.startsWith(`${bench.cache}/apt/archive`)) controller.disk.delete(path);
  await bench.run();
  assert.equal(sources(bench, 'bookworm.list'), line('deb', 'http://deb.example/debian', 'bookworm'));
});

test('folder that is named as the mirror is copied from, because a root cannot see it', async (t) => {
  for (const mirror of ['file:///srv/debian', 'file:/srv/debian']) {
    const bench = await benchOf(t, { plugins: [debian({ mirror })] });
    await bench.run();
    assert.match(
      sources(bench, 'bookworm.list') ?? '',
      / check-valid-until=no\] copy:\/srv\/debian bookworm /,
    );
  }
});
