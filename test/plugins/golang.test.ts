/** The Go toolchain: unpacked from a release, or put together from Debian's packages. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plugin } from '../../core/model/plugin.ts';
import * as v from '../../core/model/vocabulary.ts';
import { goToolchain } from '../../plugins/capabilities.ts';
import { golang } from '../../plugins/golang.ts';
import { laws } from '../rig/laws.ts';
import { ARCHIVE } from './archive.ts';
import { type BenchSetup, benchOf } from './bench.ts';
import { files, wrote } from './tools.ts';

const DEBIAN = { plugins: [ARCHIVE, golang({ from: 'debian', version: '1.15', suite: 'bullseye' })] };

const setup: BenchSetup = {
  does: (host) => [
    ...files(host),
    ['dpkg-deb --extract', (argv) => wrote(host, `${argv.at(-1)}/usr/lib/go-1.15/bin/go`, 'go')],
  ],
};

laws(
  'golang',
  { plugins: [golang({ version: '1.26.1' })] },
  { bytes: { 'go-1.26.1': JSON.stringify({ 'go/bin/go': 'go', 'go/VERSION': 'go1.26.1' }) } },
);
laws('golang from Debian', DEBIAN, {
  ...setup,
  plugin: 'golang',
  kept: ['toolchain'],
  left: { controller: ['CACHE/go/1.15/usr/lib/go-1.15/bin/go'] },
});

test('release is one whose digest the index of all releases names', async (t) => {
  const bench = await benchOf(t, { plugins: [golang({ version: '1.9.2' })] });
  const sources = bench.tasks.flatMap(({ step }) => step.artifacts ?? []).map(({ source }) => source);
  assert.deepEqual(sources.at(-1), {
    kind: 'url',
    url: 'https://go.dev/dl/go1.9.2.linux-amd64.tar.gz',
    sums: 'https://go.dev/dl/?mode=json&include=all',
  });
});

test('toolchain is where others are told that it is', async (t) => {
  let root = '';
  const user = plugin({
    name: 'user',
    help: '',
    options: v.strictObject({}),
    build: (_, { use }) => {
      root = use(goToolchain).root;
      return { steps: [] };
    },
  });
  const bench = await benchOf(t, { plugins: [...DEBIAN.plugins, user()] }, setup);
  await bench.run();
  assert.equal(bench.hosts.get('controller')!.read(`${root}/bin/go`), 'go'); // every bench has a controller
});
