/** What a start loads: whoever lists the tasks of a recipe waits for nothing that only a run takes. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { ccByNode, folder } from '../rig/cc.ts';

/** Modules of Node that each take milliseconds, a twentieth of a start or more. */
const SLOW = ['child_process', 'crypto', 'http'];

/** Tells at the end which of them were loaded, by Node's own list. */
const TELLING = `process.on('exit', () => {
  const found = ${JSON.stringify(SLOW)}.filter((name) => process.moduleLoadList.includes('NativeModule ' + name));
  process._rawDebug('loaded: ' + found.join());
});`;

test('listing the tasks of a recipe loads no module of Node that takes long', async (t) => {
  const preload = `data:text/javascript,${encodeURIComponent(TELLING)}`;
  for (const recipe of ['lab', 'kubernetes-1.20', 'lab-vm']) {
    const ran = await ccByNode(
      { NODE_OPTIONS: `--import="${preload}"` },
      await folder(t),
      ...['list', '--recipe', recipe],
    );
    assert.deepEqual([ran.code, ran.stderr], [0, 'loaded: \n'], recipe);
  }
});
