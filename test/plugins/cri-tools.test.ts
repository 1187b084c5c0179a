/** crictl: from its release, or built from the tree of a commit. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { goToolchain } from '../../plugins/capabilities.ts';
import { criTools } from '../../plugins/cri-tools.ts';
import { laws } from '../rig/laws.ts';
import { benchOf, type Telling } from './bench.ts';
import { files, folder, providing } from './tools.ts';

const GO = providing(goToolchain, { root: '/go', version: '1.15' });
const source = (version: string, commit: string) => ({ plugins: [GO, criTools({ version, commit })] });
const MIDDLE = source('1.20.0', 'ec9e336fd8c21c4bab89a6aed2c4a138c8cfae75');

const how: Telling = {
  does: (host, { make }) => [
    ...files(host),
    ['tar -x', (argv) => folder(host, argv[argv.indexOf('-C') + 1]!)], // the plugin's command has this option
    [
      '/go/bin/go build',
      (argv) => {
        make(host, argv[argv.indexOf('-o') + 1]!, 'built'); // the plugin's command has this option
        return '';
      },
    ],
  ],
};

laws(
  'cri-tools',
  { plugins: [criTools({ version: '1.36.0' })] },
  { bytes: { crictl: '{"crictl":"crictl"}' } },
);
laws('cri-tools from source', MIDDLE, {
  ...how,
  plugin: 'cri-tools',
  kept: ['compile'],
  left: { controller: ['CACHE/cri-tools/1.20.0/bin/crictl'] },
});

test('tree from before modules is built where it was imported from', async (t) => {
  const old = source('1.0.0-alpha.0', 'b42fc3f364dd48f649d55926c34492beeb9b2e99');
  const places = await Promise.all(
    [MIDDLE, old].map(async (recipe) => {
      const bench = await benchOf(t, recipe, how);
      await bench.run();
      const { argv = [] } = bench.ran.find(({ argv }) => argv[0] === 'tar') ?? {};
      return argv[3]?.replace(bench.cache, 'CACHE');
    }),
  );
  assert.deepEqual(places, [
    'CACHE/cri-tools/1.20.0/tree',
    'CACHE/cri-tools/1.0.0-alpha.0/gopath/src/github.com/kubernetes-incubator/cri-tools',
  ]);
});
