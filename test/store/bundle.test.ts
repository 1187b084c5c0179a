/** Writing a bundle: nothing is left of one that was not written to its end. */
import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Failed } from '../../core/model/failure.ts';
import { type Contents, writeBundle } from '../../core/store/bundle.ts';
import { openStore } from '../../core/store/bytes.ts';
import { tempFolder } from '../rig/temp.ts';

test('bundle that is interrupted while its bytes are written leaves no file', async (t) => {
  const folder = await tempFolder(t);
  const store = openStore({ cache: join(folder, 'cache'), state: join(folder, 'state') }, []);
  const given = join(folder, 'given');
  writeFileSync(given, 'bytes');
  const stop = new AbortController();
  const reason = new Failed({ kind: 'interrupted', signal: 'SIGINT' });
  const gather = async (): Promise<Contents> => {
    const files = new Map([['archive/x', await store.copy(given)]]);
    assert.equal(readdirSync(folder).filter((name) => name.endsWith('.new')).length, 1);
    stop.abort(reason);
    return { entries: new Map(), files };
  };
  const path = join(folder, 'b.tar');
  await assert.rejects(writeBundle(path, gather, store, stop.signal), (error) => error === reason);
  assert.deepEqual(readdirSync(folder).toSorted(), ['cache', 'given']);
});
