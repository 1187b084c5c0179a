/** Which hosts share a connection. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { Transport } from '../../core/host/transport.ts';
import { Failed, type Failure } from '../../core/model/failure.ts';
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

test('a host that lets cc in and then answers nothing is given up', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const silent = (host: string): Transport => ({ ...paper(host), about: () => new Promise(() => {}) });
  await using pool = sessionPool(await tempFolder(t), { connect: async ({ name }) => silent(name) });
  const host: Host = { name: 'n1', roles: [], connection: { kind: 'ssh', address: 'one.example' } };
  const [first, second] = [pool.session(host, true), pool.session(host, true)];
  await setImmediate();
  t.mock.timers.tick(120_000);
  t.mock.timers.tick(1);
  const what = "reading what cc keeps there, before the host's first task";
  const failure = { kind: 'timed-out', host: 'n1', what, within: 120 };
  for (const session of [first, second]) await assert.rejects(session, new Failed(failure as Failure));
});

test('a host that a task makes is tried again until it is there, but not where it is taken back', async (t) => {
  const tries = async (undo: boolean) => {
    let count = 0;
    const connect = async ({ name }: Host) => {
      count++;
      throw new Failed({
        kind: 'unreachable',
        host: name,
        address: 'one.example',
        command: 'ssh',
        why: 'no',
      });
    };
    await using pool = sessionPool(await tempFolder(t), { connect, undo });
    const host: Host = {
      ...{ name: 'n1', roles: [], madeBy: 'machine/boot-n1' },
      connection: { kind: 'ssh', address: 'one.example' },
    };
    for (let nth = 0; nth < 3; nth++) await assert.rejects(pool.session(host, true));
    return count;
  };
  assert.deepEqual([await tries(false), await tries(true)], [3, 1]);
});
