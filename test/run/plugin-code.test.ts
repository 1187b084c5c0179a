/** What plugins' own code may do wrong: it is the failure of its task, and others go on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Failure, fail } from '../../core/model/failure.ts';
import { noteImported } from '../../core/model/source.ts';
import { type Step, type StepSpec, step } from '../../core/model/step.ts';
import type { Task } from '../../core/model/task.ts';
import { type Finding, surveying } from '../../core/run/survey.ts';
import { undoing } from '../../core/run/undo.ts';
import { paper } from '../rig/paper.ts';
import { tempFolder } from '../rig/temp.ts';
import { type Running, runTasks, taskOf } from './context.ts';

const HERE = fileURLToPath(import.meta.url);
noteImported(HERE);

/** A step by parts of any shape, as one in JavaScript may have. */
function odd(parts: Readonly<Record<string, unknown>>): Step {
  return step<null>({
    name: 's',
    probe: async () => null,
    plan: () => [],
    ...(parts as Partial<StepSpec<null>>),
  });
}

const script = (code: unknown) => ({ plan: () => [{ kind: 'script', title: 't', why: 'w', script: code }] });
const thrower = () => {
  throw new TypeError('no'); // thrown here
};
const AT = "throw new TypeError('no'); // thrown here";
const circle: { self?: unknown } = {};
circle.self = circle;
/** Whoever asks what it is an instance of gets an error of its own. */
const evasive = new Proxy({}, { getPrototypeOf: thrower });
const KINDS = 'run, write, folder, place, unpack, fetch, remove, unit, packages, script';

type Threw = Extract<Failure, { kind: 'plugin-threw' }>;
type Case = readonly [
  what: string,
  parts: Readonly<Record<string, unknown>>,
  phase: Threw['phase'],
  message: string,
  at?: string,
];

const CASES: readonly Case[] = [
  ['probe that throws at once', { probe: thrower }, 'probe', 'TypeError: no', AT],
  ['probe that throws later', { probe: async () => thrower() }, 'probe', 'TypeError: no', AT],
  ['probe that throws a text', { probe: () => Promise.reject('text') }, 'probe', 'threw "text"'],
  ['probe that throws undefined', { probe: () => Promise.reject() }, 'probe', 'threw undefined'],
  [
    'probe that answers nothing',
    { probe: async () => {} },
    'probe',
    'it answered no JSON: what it answered is undefined',
  ],
  [
    'probe that answers itself',
    { probe: async () => circle },
    'probe',
    'it answered no JSON: what it answered.self holds itself',
  ],
  [
    'probe that answers no number',
    { probe: async () => [Number.NaN] },
    'probe',
    'it answered no JSON: what it answered[0] is NaN',
  ],
  ['plan that throws', { plan: thrower }, 'plan', 'TypeError: no', AT],
  [
    'plan that answers a promise',
    { plan: async () => [] },
    'plan',
    'what it answered: expected a list of changes, found a promise',
  ],
  [
    'plan that answers an unknown change',
    { plan: () => [{ kind: 'x', why: 'w' }] },
    'plan',
    `what it answered[0].kind: expected ${KINDS}, found "x"`,
  ],
  [
    'plan that answers a list with holes',
    { plan: () => new Array(3) },
    'plan',
    'what it answered[0]: expected a change, found nothing',
  ],
  [
    'plan that answers a change without a reason',
    { plan: () => [{ kind: 'remove', path: '/x' }] },
    'plan',
    'what it answered[0].why: expected a text, found nothing',
  ],
  ['script that throws', script(thrower), 'script', 'TypeError: no', AT],
  [
    'script that answers no JSON',
    script(async () => 7n),
    'script',
    'it answered no JSON: what it answered is a bigint',
  ],
  ['script that is none', script('x'), 'plan', 'what it answered[0].script: expected a function, found "x"'],
  [
    'probe that throws what cannot be looked at',
    { probe: () => Promise.reject(evasive) },
    'probe',
    'threw something that cannot be shown',
  ],
];

async function ran(t: Parameters<typeof tempFolder>[0], bad: Step, more: Partial<Running> = {}) {
  const tasks = [taskOf(bad, { plugin: 'bad' }), taskOf(odd({}), { plugin: 'good' })];
  const running = {
    folder: await tempFolder(t),
    hosts: { 'node-1': paper('node-1') },
    onFailure: 'continue' as const,
    ...more,
  };
  return { tasks, ...(await runTasks(tasks, running)) };
}

for (const [what, parts, phase, message, source] of CASES) {
  test(`${what} fails its task, and no other`, async (t) => {
    const { tasks, outcomes } = await ran(t, odd(parts));
    const [bad, good] = tasks.map(({ id }) => outcomes.get(id));
    assert.deepEqual([bad?.state, good?.state], ['failed', 'adopted']);
    const failure = bad?.failure;
    assert.ok(failure?.kind === 'plugin-threw');
    const { at, ...told } = failure;
    assert.deepEqual(told, {
      kind: 'plugin-threw',
      host: 'node-1',
      plugin: 'bad',
      step: 's',
      phase,
      message,
    });
    assert.equal(at?.source?.trim(), source);
    if (source) assert.equal(at?.file, HERE);
  });
}

test('failure that a plugin reports is data from there on, and never a bug of cc', async (t) => {
  const reporting = (failure: unknown) => odd({ probe: async () => fail(failure as Failure) });
  const said = async (failure: unknown) => {
    const { tasks, outcomes } = await ran(t, reporting(failure));
    return outcomes.get(tasks[0]!.id)?.failure;
  };
  const told = { kind: 'check-failed', host: 'h', what: 'w', reasons: [] } as const;
  assert.deepEqual(await said(told), told);
  for (const [failure, message] of [
    [{ kind: 'bug', stack: 'x' }, 'what it gave to fail() is of the kind "bug", which is cc\'s alone'],
    [{ kind: 'of mine' }, 'Failed: of mine'],
    [{ ...told, reasons: circle }, 'what it gave to fail().reasons.self holds itself'],
    [{ ...told, what: Symbol('x') }, 'what it gave to fail().what is a symbol'],
  ] as const) {
    const found = await said(failure);
    assert.deepEqual(found?.kind === 'plugin-threw' && found.message, message);
  }
});

test('facts are read once, whatever their getters do later', async (t) => {
  let reads = 0;
  const moody = {
    get once() {
      reads += 1;
      if (reads > 1) thrower();
      return 1;
    },
  };
  const { tasks, outcomes } = await ran(t, odd({ probe: async () => moody }));
  assert.equal(outcomes.get(tasks[0]!.id)?.state, 'adopted');
  assert.equal(reads, 1);
});

test('change that lacks a part is told before anything is done', async (t) => {
  const { tasks, outcomes, states } = await ran(t, odd({ plan: () => [{ kind: 'run', why: 'w' }] }));
  const failure = outcomes.get(tasks[0]!.id)?.failure;
  assert.equal(
    failure?.kind === 'plugin-threw' && failure.message,
    'what it answered[0].command: expected a command, found nothing',
  );
  assert.equal(states(tasks[0]!.id).includes('performing'), false);
});

test('undo that throws fails its task', async (t) => {
  const work: Running['work'] = (context) => undoing(context, new Set());
  const { tasks, outcomes } = await ran(t, odd({ undo: thrower }), { work });
  const failure = outcomes.get(tasks[0]!.id)?.failure;
  assert.deepEqual(failure?.kind === 'plugin-threw' && [failure.phase, failure.at?.source?.trim()], [
    'undo',
    AT,
  ]);
});

test('stack of what a plugin threw goes to the log of its task', async (t) => {
  const { tasks, events } = await ran(t, odd({ probe: thrower }));
  const logged = events.flatMap((event) =>
    event.kind === 'output' && event.id === tasks[0]!.id ? event.text : [],
  );
  assert.match(logged.join(''), /^TypeError: no\n {4}at .*plugin-code\.test\.ts/);
});

test('survey tells of a plugin that throws, also where its turn has not come', async (t) => {
  const first = taskOf(odd({ plan: () => [{ kind: 'remove', path: '/x', why: 'w' }] }), { plugin: 'first' });
  const bad = taskOf(odd({ probe: thrower }), { plugin: 'bad', needs: [first.id] });
  let findings: ReadonlyMap<string, Finding> = new Map();
  await runTasks([first, bad] satisfies readonly Task[], {
    folder: await tempFolder(t),
    hosts: { 'node-1': paper('node-1') },
    onFailure: 'continue',
    work: (context) => {
      const surveyed = surveying(context, () => undefined);
      findings = surveyed.findings;
      return surveyed.work;
    },
  });
  const found = findings.get(bad.id);
  assert.equal(found?.kind === 'unknown' && found.failure.kind, 'plugin-threw');
});
