/** Limits: what hears of its end ends by itself, and what does not is given up. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failed } from '../../core/model/failure.ts';
import { type Limit, limited } from '../../core/run/limit.ts';

const never = () => new Promise<never>(() => {});
const limit = (more: Partial<Limit> = {}): Limit => ({
  host: 'n1',
  what: 'looking',
  seconds: 3600,
  stop: new AbortController().signal,
  grace: 0,
  ...more,
});

async function failure(promise: Promise<unknown>) {
  const error: unknown = await promise.then(
    () => assert.fail('it did not fail'),
    (error: unknown) => error,
  );
  return error instanceof Failed ? error.failure : error;
}

test('limited work answers, and throws, as it would without a limit', async () => {
  assert.equal(await limited(limit(), async () => 1), 1);
  const error = new Error('its own');
  assert.equal(await failure(limited(limit(), () => Promise.reject(error))), error);
});

test('work that never ends and hears of nothing is given up when its time is over', async () => {
  assert.deepEqual(await failure(limited(limit({ seconds: 0 }), never)), {
    kind: 'timed-out',
    host: 'n1',
    what: 'looking',
    within: 0,
  });
});

test('work that hears of the end of its time may end in order', async () => {
  const ended: string[] = [];
  const work = (signal: () => AbortSignal) =>
    new Promise<void>((_, reject) => {
      signal().addEventListener('abort', () => {
        ended.push('told');
        setImmediate(() => reject(new Error('ended')));
      });
    });
  const found = await failure(limited(limit({ seconds: 0, grace: 3_600_000 }), work));
  assert.deepEqual([(found as { kind?: string }).kind, ended], ['timed-out', ['told']]);
});

test('work that never ends is given up when the run is stopped, before or while it works', async () => {
  for (const early of [true, false]) {
    const stop = new AbortController();
    if (early) stop.abort('SIGINT');
    const ended = failure(limited(limit({ stop: stop.signal }), never));
    if (!early) stop.abort('SIGINT');
    assert.deepEqual(await ended, { kind: 'interrupted', signal: 'SIGINT' });
  }
});
