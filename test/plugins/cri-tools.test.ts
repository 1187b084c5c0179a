/** crictl: from its release, or built from the tree of a commit. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { criTools } from '../../plugins/cri-tools.ts';
import { laws } from '../rig/laws.ts';
import { benchOf } from './bench.ts';
import { COMPILER, GO } from './compiler.ts';

const source = (version: string, commit: string) => ({ plugins: [GO, criTools({ version, commit })] });
const MIDDLE = source('1.20.0', 'ec9e336fd8c21c4bab89a6aed2c4a138c8cfae75');

laws(
  'cri-tools',
  { plugins: [criTools({ version: '1.36.0' })] },
  { bytes: { crictl: '{"crictl":"crictl"}' } },
);
laws('cri-tools from source', MIDDLE, {
  ...COMPILER,
  plugin: 'cri-tools',
  kept: ['compile'],
  left: { controller: ['CACHE/cri-tools/1.20.0/bin/crictl'] },
});

test('tree from before modules is built where it was imported from', async (t) => {
  const old = source('1.0.0-alpha.0', 'b42fc3f364dd48f649d55926c34492beeb9b2e99');
  const places = await Promise.all(
    [MIDDLE, old].map(async (recipe) => {
      const bench = await benchOf(t, recipe, COMPILER);
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
