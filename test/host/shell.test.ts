/** What scripts get: waiting that ends in a reason, and zx on the host. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runProcess } from '../../core/host/own-agent.ts';
import { shellOf } from '../../core/host/shell.ts';
import { viewOf } from '../../core/host/view.ts';
import { Failed } from '../../core/model/failure.ts';
import { type PaperClock, paperClock } from '../rig/clock.ts';
import { paper } from '../rig/paper.ts';
import { NOTHING } from '../rig/view.ts';

const PLATFORM = { os: 'linux', arch: 'amd64', distro: 'debian 12' } as const;

function place(clock: PaperClock = paperClock(), signal = new AbortController().signal) {
  const view = viewOf(paper('node-1'), PLATFORM, NOTHING);
  const log: string[] = [];
  const shell = shellOf({
    view,
    controller: view,
    run: async () => '',
    log: (text) => void log.push(text),
    clock,
    signal,
    leftOut: [],
    exec: runProcess,
    on: async (place) => assert.fail(`nobody told of ${JSON.stringify(place)}`),
  });
  return { shell, log };
}

async function failure(action: Promise<unknown>) {
  const error = await action.then(
    () => assert.fail('it ended well'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof Failed, String(error));
  return error.failure;
}

test('until ends at the first look that finds no reason', async () => {
  const clock = paperClock();
  const { shell, log } = place(clock);
  const reasons = ['no', 'no', 'not yet', undefined];
  await shell.until('it is ready', 10, async () => reasons.shift());
  assert.deepEqual(clock.slept, [100, 200, 400]);
  assert.deepEqual(log, ['it is ready: no\n', 'it is ready: not yet\n']);
});

test('until fails with the last reason when its time is over, and looks often only at first', async () => {
  const clock = paperClock();
  const { shell } = place(clock);
  assert.deepEqual(await failure(shell.until('it is ready', 6, async () => `no at ${clock.now()}`)), {
    kind: 'timed-out',
    host: 'node-1',
    what: 'it is ready',
    within: 6,
    last: 'no at 7500',
  });
  assert.deepEqual(clock.slept, [100, 200, 400, 800, 1000, 1000, 2000, 2000]);
});

test('until ends when it is stopped', async () => {
  const stop = new AbortController();
  const { shell } = place(
    paperClock(() => stop.abort()),
    stop.signal,
  );
  assert.equal((await failure(shell.until('it is ready', 60, async () => 'no'))).kind, 'timed-out');
});

test('until hands on what a look throws', async () => {
  const { shell } = place();
  await assert.rejects(
    shell.until('it is ready', 60, () => Promise.reject(new TypeError('a bug'))),
    TypeError,
  );
});

test('zx runs bash on the host, quotes values, and logs what is said', async () => {
  const { shell, log } = place();
  const $ = await shell.zx();
  const value = "it's $HOME";
  const { stdout } = await $`set -o pipefail; echo ${value} | cat; echo ${'err'} >&2`;
  assert.equal(stdout, `${value}\n`);
  assert.deepEqual(log.toSorted(), ['err\n', `${value}\n`]);
  await assert.rejects(Promise.resolve($`exit 3`), (error) => {
    assert.equal((error as { exitCode: number }).exitCode, 3);
    return true;
  });
});
