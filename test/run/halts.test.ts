/** What a failure keeps from starting, where one host cannot be reached, one has a task that fails, and one is fine. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { order } from '../../core/graph/order.ts';
import { type Failure, fail } from '../../core/model/failure.ts';
import type { Host } from '../../core/model/plugin.ts';
import { step } from '../../core/model/step.ts';
import { isFinal, type Task, type TaskId } from '../../core/model/task.ts';
import { lines } from '../../core/report/lines.ts';
import { behind } from '../../core/run/behind.ts';
import { drive, type Outcomes } from '../../core/run/engine.ts';
import type { OnFailure } from '../../core/run/halts.ts';
import { paperClock } from '../rig/clock.ts';
import { CONTROLLER, taskOf } from './context.ts';

const at = (name: string): Host => ({ name, roles: [], connection: { kind: 'ssh', address: name } });
const [gone, bad, fine] = [at('gone'), at('bad'), at('fine')];

const UNREACHABLE: Failure = {
  ...{ kind: 'unreachable', host: 'gone', address: 'gone.example' },
  ...{ command: 'ssh gone.example true', why: 'ssh: connect to host gone.example port 22: No route to host' },
};
const FAILED: Failure = { kind: 'check-failed', host: 'bad', what: 'a is there', reasons: [] };

const on = (host: Host, name: string, ...needs: readonly Task[]) =>
  taskOf(step<null>({ name, probe: async () => null, plan: () => [] }), {
    host,
    needs: needs.map(({ id }) => id),
  });

/** On each host two tasks of its own, one that needs the first of them, and on the fine one a task that needs each other host. */
function tasksOf(): readonly Task[] {
  const own = [gone, bad, fine].flatMap((host) => {
    const a = on(host, 'a');
    return [a, on(host, 'b'), on(host, 'c', a)];
  });
  return [...own, on(fine, 'd', own[1]!), on(fine, 'e', own[4]!)]; // of the nine
}

interface Ran {
  /** How each task ended, in that order. */
  readonly ends: readonly string[];
  readonly text: string;
  readonly outcomes: Outcomes;
}

async function ran(
  tasks: readonly Task[],
  onFailure: OnFailure,
  { concurrency = 1, failure = UNREACHABLE } = {},
): Promise<Ran> {
  const ends: string[] = [];
  let text = '';
  const tell = lines((more) => {
    text += more;
  });
  const outcomes = await drive({
    ...{ tasks, graph: order(tasks), concurrency, onFailure, duration: () => 1, clock: paperClock() },
    signal: new AbortController().signal,
    emit: (event) => {
      tell(event);
      if (event.kind !== 'task' || !isFinal(event.state)) return;
      ends.push([event.id.replace('/p/', ' '), event.state, event.because ?? ''].join(' ').trim());
    },
    work: async ({ host, id }, to) => {
      if (host === gone) fail(failure);
      if (id === 'bad/p/a') fail(FAILED);
      to('performing');
      to('proving');
      return { state: 'applied' };
    },
  });
  return { ends, text, outcomes };
}

const byHost = (ends: readonly string[], name: string) => ends.filter((each) => each.startsWith(`${name} `));

test('finish: other hosts go on, the host of a failure starts nothing more, and one that cannot be reached fails once', async () => {
  const { ends } = await ran(tasksOf(), 'finish');
  assert.deepEqual(byHost(ends, 'gone'), [
    'gone a failed',
    'gone c skipped gone/p/a',
    'gone b skipped gone/p/a',
  ]);
  assert.deepEqual(byHost(ends, 'bad'), ['bad a failed', 'bad c skipped bad/p/a', 'bad b cancelled']);
  assert.deepEqual(byHost(ends, 'fine').toSorted(), [
    'fine a applied',
    'fine b applied',
    'fine c applied',
    'fine d skipped gone/p/a',
    'fine e cancelled bad/p/b',
  ]);
});

test('continue: what does not need the failed task goes on, also on its host', async () => {
  const { ends } = await ran(tasksOf(), 'continue');
  assert.deepEqual(byHost(ends, 'gone'), [
    'gone a failed',
    'gone c skipped gone/p/a',
    'gone b skipped gone/p/a',
  ]);
  assert.deepEqual(byHost(ends, 'bad'), ['bad a failed', 'bad c skipped bad/p/a', 'bad b applied']);
  assert.deepEqual(byHost(ends, 'fine').toSorted(), [
    'fine a applied',
    'fine b applied',
    'fine c applied',
    'fine d skipped gone/p/a',
    'fine e applied',
  ]);
});

test('continue: a host that went away under a task is not asked again', async () => {
  const failure: Failure = { kind: 'agent-lost', host: 'gone', why: 'it does not answer' };
  const { ends } = await ran(tasksOf(), 'continue', { failure });
  assert.deepEqual(byHost(ends, 'gone'), [
    'gone a lost',
    'gone c skipped gone/p/a',
    'gone b skipped gone/p/a',
  ]);
});

test('stop: nothing more starts anywhere', async () => {
  const { ends } = await ran(tasksOf(), 'stop');
  assert.deepEqual(ends.slice(0, 2), ['gone a failed', 'gone c skipped gone/p/a']);
  assert.ok(
    ends.slice(2).every((end) => / cancelled/.test(end)),
    ends.join('\n'),
  );
  assert.equal(ends.length, 11);
});

test('a host that cannot be reached is told once, also where several of its tasks began at once', async () => {
  const { text, ends } = await ran([on(gone, 'a'), on(gone, 'b'), on(gone, 'c')], 'continue', {
    concurrency: 8,
  });
  assert.equal(ends.filter((end) => end.endsWith('failed')).length, 3);
  assert.equal(
    text,
    `✘ gone/p/a failed after 0 ms
  Cannot reach gone at gone.example
    ssh: connect to host gone.example port 22: No route to host
    fix: make this work without a question: ssh gone.example true
`,
  );
});

test('the end names the hosts that are behind, where there are several', async () => {
  const tasks = [...tasksOf(), on(CONTROLLER, 'x')];
  const { outcomes } = await ran(tasks, 'finish');
  const late = behind(tasks, outcomes, 'controller');
  assert.deepEqual(late, [
    { host: 'gone', left: 3, of: 3 },
    { host: 'bad', left: 3, of: 3 },
    { host: 'fine', left: 2, of: 5 },
  ]);
  let text = '';
  lines((more) => {
    text += more;
  })({ kind: 'run-ended', took: 1, counts: { failed: 2 }, path: [], behind: late, exit: 1, logs: '/logs' });
  assert.equal(
    text,
    `0 changed in 1 ms: 2 failed
not done: gone (3 of 3 tasks), bad (3 of 3 tasks), fine (2 of 5 tasks)
logs in /logs
`,
  );
  const one = [on(bad, 'a'), on(CONTROLLER, 'x')];
  assert.deepEqual(behind(one, new Map<TaskId, never>(), 'controller'), []);
});

test('a failure that is of another host than the task stops no host', async () => {
  const tasks = [on(fine, 'a'), on(fine, 'b')];
  const outcomes = await drive({
    ...{ tasks, graph: order(tasks), concurrency: 1, onFailure: 'continue', duration: () => 1 },
    ...{ clock: paperClock(), signal: new AbortController().signal, emit: () => {} },
    work: async ({ id }) => (id === 'fine/p/a' ? fail(UNREACHABLE) : { state: 'verified' }),
  });
  assert.deepEqual(
    [...outcomes.values()].map(({ state }) => state),
    ['failed', 'verified'],
  );
});
