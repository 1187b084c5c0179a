/** Which hosts share a connection. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Host } from '../../core/model/plugin.ts';
import { sessionPool } from '../../core/run/session-pool.ts';
import { paper } from '../rig/paper.ts';
import { tempFolder } from '../rig/temp.ts';

test('a host is entered once, and another machine that had its name before is not taken for it', async (t) => {
  const entered: string[] = [];
  const connect = async ({ name, connection }: Host) => {
    entered.push(connection.kind === 'ssh' ? connection.address : '');
    return paper(name);
  };
  await using pool = sessionPool(await tempFolder(t), { connect });
  const at = (address: string): Host => ({ name: 'n1', roles: [], connection: { kind: 'ssh', address } });
  const [declared, left] = await Promise.all([
    pool.session(at('two.example'), true),
    pool.session(at('one.example'), true),
  ]);
  assert.notEqual(declared, left);
  assert.equal(await pool.session(at('two.example'), true), declared);
  assert.deepEqual(entered, ['two.example', 'one.example']);
});
