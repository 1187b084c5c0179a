/** Waiting for what another run has. */
import assert from 'node:assert/strict';
import process from 'node:process';
import { test } from 'node:test';
import { patiently } from '../../core/cli/patience.ts';
import { ownerOf } from '../../core/host/hold.ts';
import { Failed, fail, type Owner } from '../../core/model/failure.ts';
import { paperClock } from '../rig/clock.ts';

const LIVING = ownerOf('first', 'cc run all');
const DEAD: Owner = { ...LIVING, started: 'before' };

/** What is said and slept until something is free, which it is after so many seconds. */
async function waited(
  owner: Owner,
  free: number,
  { host, seconds = 0 }: { host?: string; seconds?: number } = {},
) {
  const clock = paperClock();
  const said: string[] = [];
  const { signal } = new AbortController();
  const outcome = await patiently({ seconds, say: (text) => said.push(text), clock, signal }, async () => {
    if (clock.now() >= free * 1000) return 'taken';
    return fail({ kind: 'held', path: '/lock', owner, ...(host === undefined ? {} : { host }) });
  }).catch((error: unknown) => (error instanceof Failed ? error.failure.kind : String(error)));
  return { outcome, said, slept: clock.now() / 1000 };
}

test('nobody waits for a run that lives, unless the user said so', async () => {
  assert.deepEqual(await waited(LIVING, 3, { host: 'w-1' }), { outcome: 'held', said: [], slept: 0 });
  const { outcome, slept } = await waited(LIVING, 3, { host: 'w-1', seconds: 5 });
  assert.deepEqual([outcome, slept], ['taken', 3]);
});

test('a host is waited for while agents of a run that was killed are ending there', async () => {
  const { outcome, said, slept } = await waited(DEAD, 33, { host: 'w-1' });
  assert.deepEqual([outcome, slept], ['taken', 33]);
  const { user, from, since } = DEAD;
  assert.deepEqual(said, [
    'waiting up to 45 s for w-1, where what a killed run has started is being ended: ' +
      `cc run all (${user} on ${from}, pid ${process.pid}, run first), since ${since}\n`,
  ]);
});

test('agents of a dead run that do not end are not waited for longer', async () => {
  const { outcome, slept } = await waited(DEAD, 60, { host: 'w-1' });
  assert.deepEqual([outcome, slept], ['held', 45]);
});

test('of a run of another machine nobody can tell whether it is dead', async () => {
  const other = { ...DEAD, boot: 'another' };
  assert.deepEqual(await waited(other, 3, { host: 'w-1' }), { outcome: 'held', said: [], slept: 0 });
});
