/** Who has the lock of a host, seen without touching it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ownerOf } from '../../core/host/hold.ts';
import { holderOn } from '../../core/host/holder.ts';
import { execute } from '../../core/host/process.ts';
import { agentTransport } from '../../core/host/remote.ts';
import type { Agent } from '../../core/host/wire.ts';
import { agentBehind } from '../rig/agent.ts';
import { tempFolder } from '../rig/temp.ts';
import { until } from './second-process.ts';

const owner = ownerOf('their-run', 'cc run all');

async function place(t: TestContext) {
  const folder = await tempFolder(t);
  const path = join(folder, 'run/lock');
  const [theirs, mine] = [await agentBehind(t, []), await agentBehind(t, [])];
  const host = agentTransport(
    'node-1',
    async () => mine,
    join(folder, 'base'),
    async () => {},
  );
  return { path, theirs, seen: () => holderOn(host, { path }) };
}

/** The agent, and its guard, at once: each ends by itself when the other is gone. */
async function killed(agent: Agent): Promise<void> {
  const { stdout } = await execute(agent, ['sh', '-c', 'ps -o ppid= -p $PPID; echo $PPID']);
  spawnSync('kill', ['-KILL', ...stdout.trim().split(/\s+/)]);
}

test('holder of a lock is seen as long as it holds it', async (t) => {
  const { path, theirs, seen } = await place(t);
  assert.equal(await seen(), undefined);
  assert.equal(await theirs.lock(path, JSON.stringify(owner)), undefined);
  assert.deepEqual(await seen(), owner);
  assert.deepEqual(await seen(), owner);
  theirs.unlock(path);
  await until('it is free', async () => (await seen()) === undefined);
});

test('holder that is dead, or has written nothing yet, is none', async (t) => {
  const { path, theirs, seen } = await place(t);
  await theirs.lock(path, JSON.stringify(owner));
  await killed(theirs);
  await until('its lock is free', async () => (await seen()) === undefined);
  assert.equal(existsSync(path), true, 'the file is what both leave');
  const [again] = [await agentBehind(t, [])];
  await again.lock(path, JSON.stringify(owner));
  await writeFile(path, '');
  assert.equal(await seen(), undefined);
});
