/** A whole run as lines, event by event, and the same run as JSON. */
import assert from 'node:assert/strict';
import test from 'node:test';
import type { Event } from '../../core/model/event.ts';
import { taskId } from '../../core/model/task.ts';
import { json } from '../../core/report/json.ts';
import { lines, teller } from '../../core/report/lines.ts';

const id = (step: string) => taskId('n1', 'crio', step);
const logs = '/s/runs/1';
const at = 1;

const RUN: readonly Event[] = [
  { kind: 'run-started', run: '1', verb: 'run', recipe: 'lab', tasks: [id('bin'), id('conf')], logs },
  { kind: 'task', at, id: id('bin'), state: 'ready' },
  { kind: 'task', at, id: id('bin'), state: 'probing' },
  {
    kind: 'task',
    at,
    id: id('bin'),
    state: 'performing',
    reason: { kind: 'new', details: ['/b is not there'] },
  },
  { kind: 'change', at, id: id('bin'), what: 'place crio at /b', why: '/b is not there' },
  { kind: 'output', id: id('bin'), text: 'one\ntwo' },
  { kind: 'notice', id: id('bin'), text: 'ended 2 processes left by run 0' },
  {
    kind: 'attempt',
    id: id('bin'),
    attempt: { url: 'https://m.org/b', trouble: { kind: 'corrupt', expected: '1', found: '2' } },
  },
  { kind: 'progress', id: id('bin'), done: 1, total: 2 },
  { kind: 'task', at, id: id('bin'), state: 'proving' },
  { kind: 'task', at, id: id('bin'), state: 'applied', took: 1234, report: { lines: ['crio 1.17', 7] } },
  { kind: 'task', at, id: id('same'), state: 'verified', took: 3 },
  { kind: 'task', at, id: id('found'), state: 'adopted', took: 3 },
  {
    kind: 'task',
    at,
    id: id('conf'),
    state: 'failed',
    took: 61_000,
    failure: { kind: 'check-failed', host: 'n1', what: 'it answers', reasons: ['it does not'] },
  },
  {
    kind: 'task',
    at,
    id: id('unit'),
    state: 'timed-out',
    took: 5000,
    failure: { kind: 'timed-out', host: 'n1', what: 'n1/crio/unit', within: 5 },
  },
  { kind: 'task', at, id: id('pods'), state: 'skipped', because: id('conf') },
  { kind: 'task', at, id: id('late'), state: 'cancelled' },
  {
    kind: 'task',
    at,
    id: id('cut'),
    state: 'interrupted',
    took: 5,
    failure: { kind: 'interrupted', signal: 'SIGINT' },
  },
  {
    kind: 'run-ended',
    took: 62_000,
    counts: { applied: 1, adopted: 1, verified: 1, failed: 1, skipped: 1 },
    path: [
      { id: id('bin'), took: 1239 },
      { id: id('same'), took: 3 },
      { id: id('conf'), took: 61_000 },
    ],
    exit: 1,
    logs,
  },
];

test('a run is written in exactly these lines', () => {
  let text = '';
  const emit = lines((more) => {
    text += more;
  });
  for (const event of RUN) emit(event);
  assert.equal(
    text,
    `run lab: 2 tasks, logs in /s/runs/1
▶ n1/crio/bin (new: /b is not there)
  n1/crio/bin: ended 2 processes left by run 0
  n1/crio/bin: not from https://m.org/b: its bytes are others
✔ n1/crio/bin 1.2 s
  crio 1.17
  7
= n1/crio/found was already as declared
✘ n1/crio/conf failed after 1 min 01 s
  Cannot confirm on n1: it answers
    it does not
✘ n1/crio/unit timed-out after 5.0 s
  Cannot finish within 5 s on n1: n1/crio/unit
    fix: read the log of the task: cc logs TASK
- n1/crio/pods skipped because n1/crio/conf failed
✘ n1/crio/cut interrupted after 5 ms; the next run goes on from there
1 changed in 1 min 02 s: 1 applied, 1 adopted, 1 verified, 1 failed, 1 skipped
critical path 1 min 02 s: n1/crio/conf 1 min 01 s
logs in /s/runs/1
`,
  );
});

test('a run that changed nothing ends in one line', () => {
  const path = [{ id: id('bin'), took: 21 }];
  assert.deepEqual(teller()({ kind: 'run-ended', took: 21, counts: { verified: 1 }, path, exit: 0, logs }), [
    '0 changed in 21 ms: 1 verified',
  ]);
});

test('a run that was interrupted says where its logs are', () => {
  assert.deepEqual(
    teller()({ kind: 'run-ended', took: 21, counts: { interrupted: 1 }, path: [], exit: 130, logs }),
    ['0 changed in 21 ms: 1 interrupted', 'logs in /s/runs/1'],
  );
});

test('turns that a failure ended are told: who is done, in whose turn it was, who is as before', () => {
  const rolled = { done: ['cp', 'w-1'], inside: ['w-2'], left: ['w-3', 'w-4'] };
  const ended = { kind: 'run-ended', took: 21, counts: { applied: 2 }, path: [], exit: 1, logs } as const;
  assert.deepEqual(teller()({ ...ended, rolled }).slice(1), [
    'in turns: done cp, w-1; ended in that of w-2; not begun, as before: w-3, w-4',
    'mend w-2 and run the same again: it goes on there, then with the others',
  ]);
});

test('a failure that many tasks share is explained once, and another one too', () => {
  const linesFor = teller();
  const failing = (step: string, why: string) =>
    linesFor({
      kind: 'task',
      at,
      id: id(step),
      state: 'failed',
      took: 1,
      failure: { kind: 'cannot-tell', host: 'n1', what: 'look at /x', why },
    });
  const first = ['✘ n1/crio/a failed after 1 ms', '  Cannot look at /x on n1', '    no'];
  assert.deepEqual(failing('a', 'no'), first);
  assert.deepEqual(failing('b', 'no'), ['✘ n1/crio/b failed, for the same reason as n1/crio/a']);
  assert.deepEqual(failing('c', 'never').at(-1), '    never');
  assert.deepEqual(failing('d', 'no'), ['✘ n1/crio/d failed, for the same reason as n1/crio/a']);
});

test('a report without lines adds none', () => {
  for (const report of [null, 'x', 7, {}, { lines: 'x' }, ['x']]) {
    assert.deepEqual(teller()({ kind: 'task', at, id: id('bin'), state: 'applied', took: 1, report }), [
      '✔ n1/crio/bin 1 ms',
    ]);
  }
});

test('one task is written in the singular', () => {
  const event: Event = {
    kind: 'run-started',
    run: '1',
    verb: 'run',
    recipe: 'lab',
    tasks: [id('bin')],
    logs,
  };
  assert.deepEqual(teller()(event), ['run lab: 1 task, logs in /s/runs/1']);
  const config = '/site/cc.config.ts';
  assert.deepEqual(teller()({ ...event, config }), [
    'run lab: 1 task from /site/cc.config.ts, logs in /s/runs/1',
  ]);
});

test('JSON has every event but output and progress on a line of its own, as it is', () => {
  const written: string[] = [];
  const emit = json((text) => void written.push(text));
  for (const event of RUN) emit(event);
  assert.equal(
    written.every((text) => text.indexOf('\n') === text.length - 1),
    true,
  );
  assert.deepEqual(
    written.map((text) => JSON.parse(text)),
    RUN.filter(({ kind }) => kind !== 'output' && kind !== 'progress'),
  );
});
