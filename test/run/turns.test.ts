/** Hosts that are disturbed in turns: how many at once, in which order, and what ends it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { turnLines } from '../../core/cli/survey.ts';
import { turnsOf } from '../../core/graph/turns.ts';
import { describe } from '../../core/model/change.ts';
import type { Event } from '../../core/model/event.ts';
import { fail } from '../../core/model/failure.ts';
import { step } from '../../core/model/step.ts';
import { rolled } from '../../core/run/rolled.ts';
import { type Finding, surveying } from '../../core/run/survey.ts';
import { paper } from '../rig/paper.ts';
import { type Lasting, tempFolder } from '../rig/temp.ts';
import { runTasks, taskOf } from './context.ts';
import {
  CONFIG,
  machines,
  mostInside,
  nodes,
  type Papers,
  performed,
  type Rolling,
  rolling,
} from './turning.ts';

/** Nodes that were set up by a run. */
async function setUp(t: Lasting, names: readonly string[], how: Omit<Rolling, 'text'> = {}) {
  const all = nodes(...names);
  const hosts = machines(all, { bare: true });
  const running = {
    folder: await tempFolder(t),
    hosts: { ...hosts, controller: paper('controller') },
    concurrency: 8,
    onFailure: 'finish' as const,
  };
  const tasks = (text: string) => rolling(all, { ...how, text });
  const first = await runTasks(tasks('1'), running);
  for (const host of Object.values(hosts)) host.write('/node', '');
  const run = (text: string, more: object = {}) => runTasks(tasks(text), { ...running, ...more });
  return { hosts, run, tasks, first, running };
}

const texts = (hosts: Papers) => Object.values(hosts).map((host) => host.read(CONFIG));
const WHOLE = ['drain', 'config', 'running', 'uncordon'];
const wholeOf = (host: string) => WHOLE.map((name) => `${host}/${name}`);

test('first installation takes no turns: nothing is drained, and hosts wait for nobody', async (t) => {
  const { first, hosts } = await setUp(t, ['a', 'b', 'c']);
  const done = performed(first.events);
  assert.deepEqual(
    done.toSorted(),
    ['a', 'b', 'c'].flatMap((host) => [`${host}/config`, `${host}/running`]),
  );
  assert.deepEqual(texts(hosts), ['1', '1', '1']);
});

test('run in which nothing would disturb a host drains nobody and changes nothing', async (t) => {
  const { run } = await setUp(t, ['a', 'b']);
  const { events, outcomes } = await run('1');
  assert.deepEqual(performed(events), []);
  assert.deepEqual(new Set([...outcomes.values()].map(({ state }) => state)), new Set(['verified']));
});

test('hosts are disturbed one after another, in the order of the recipe', async (t) => {
  const { run, hosts, tasks } = await setUp(t, ['a', 'b', 'c']);
  const { events, outcomes } = await run('2');
  assert.deepEqual(performed(events), [...wholeOf('a'), ...wholeOf('b'), ...wholeOf('c')]);
  assert.equal(rolled(turnsOf(tasks('2')), outcomes), undefined);
  assert.deepEqual(texts(hosts), ['2', '2', '2']);
  assert.deepEqual(performed((await run('2')).events), [], 'the next run changes nothing');
});

test('as many hosts are inside at once as there are places', async (t) => {
  const { run } = await setUp(t, ['a', 'b', 'c', 'd', 'e'], { places: 2 });
  const { events } = await run('2');
  assert.equal(mostInside(events), 2);
  assert.equal(performed(events).length, 5 * WHOLE.length);
});

test('hosts of one name take their turns after those of another, whatever their order', async (t) => {
  const of = ({ name }: { name: string }) =>
    name.startsWith('w') ? { of: 'workers', after: ['planes'] } : { of: 'planes' };
  const { run } = await setUp(t, ['w-1', 'w-2', 'cp'], { of, places: 2 });
  const { events } = await run('2');
  assert.deepEqual(performed(events).slice(0, WHOLE.length), wholeOf('cp'));
});

test('host that waits for its turn takes no place from others, and says that it waits', async (t) => {
  const { run } = await setUp(t, ['a', 'b', 'c']);
  const { events } = await run('2', { concurrency: 1 });
  assert.deepEqual(performed(events), [...wholeOf('a'), ...wholeOf('b'), ...wholeOf('c')]);
  const notices = events.flatMap((event) => (event.kind === 'notice' ? [`${event.id} ${event.text}`] : []));
  assert.deepEqual(
    notices,
    ['a', 'b', 'c'].map((host) => `${host}/p/drain waits for its turn`),
  );
});

test('failure inside a turn lets no further host begin, and names what failed', async (t) => {
  const { run, hosts, tasks } = await setUp(t, ['a', 'b', 'c']);
  hosts['b']!.when('uncordon', { code: 1, stderr: 'the node is not ready' });
  const { events, outcomes } = await run('2');
  assert.deepEqual(performed(events), [...wholeOf('a'), ...wholeOf('b')]);
  assert.deepEqual(texts(hosts), ['2', '2', '1']);
  assert.deepEqual(rolled(turnsOf(tasks('2')), outcomes), { done: ['a'], inside: ['b'], left: ['c'] });
  const failed = tasks('2').find(({ id }) => id === 'b/p/uncordon')!;
  const last = tasks('2').filter(({ host }) => host.name === 'c');
  assert.deepEqual(
    last.map(({ id }) => outcomes.get(id)),
    last.map(() => ({ state: 'skipped', because: failed.id })),
  );
});

test('drain that fails lets no further host begin either', async (t) => {
  const { run, hosts } = await setUp(t, ['a', 'b']);
  hosts['a']!.when('drain', { code: 1, stderr: 'a budget keeps a pod' });
  const { events, outcomes } = await run('2');
  assert.deepEqual(performed(events), ['a/drain']);
  assert.deepEqual(
    [...outcomes.values()].map(({ state }) => state),
    ['failed', ...Array(7).fill('skipped')],
  );
  assert.deepEqual(texts(hosts), ['1', '1']);
});

test('host whose turn could not end does not begin it, be that known before it waits or after', async (t) => {
  const { running, hosts, tasks } = await setUp(t, ['a', 'b']);
  const turns = async (count: number) => {
    for (let left = count; left > 0; left--) await new Promise(setImmediate);
    return '';
  };
  hosts['a']!.when('drain', async () => turns(40));
  for (const late of [false, true]) {
    const probe = async () => {
      await turns(late ? 20 : 0);
      return fail({ kind: 'check-failed', host: 'b', what: 'x', reasons: [] });
    };
    const bad = taskOf(step<null>({ name: 'bad', probe, plan: () => [] }), { host: nodes('b')[0]! });
    const all = tasks('2').map((task) => (task.id === 'b/p/uncordon' ? { ...task, needs: [bad.id] } : task));
    const { events, outcomes } = await runTasks([...all, bad], { ...running, onFailure: 'continue' });
    assert.equal(performed(events).includes('b/drain'), false);
    assert.deepEqual(outcomes.get(tasks('2')[4]!.id), { state: 'skipped', because: bad.id });
  }
});

test('host that failed before its turn keeps no other host from its own', async (t) => {
  const { run, hosts } = await setUp(t, ['a', 'b']);
  const gone = { kind: 'unreachable', host: 'a', address: 'a', command: 'ssh a', why: 'no route' } as const;
  const a = { ...hosts['a']!, about: async () => fail(gone) };
  const { events } = await run('2', {
    hosts: { ...hosts, a, controller: paper('controller') },
    onFailure: 'continue',
  });
  assert.deepEqual(performed(events), wholeOf('b'));
});

test('run goes on with the host that an interrupted one left inside, before any other', async (t) => {
  const { run, hosts } = await setUp(t, ['a', 'b', 'c']);
  const stop = new AbortController();
  const on = (event: Event) => {
    if (event.kind === 'task' && event.state === 'performing' && event.id === 'b/p/running')
      stop.abort('SIGINT');
  };
  await run('2', { on, signal: stop.signal });
  assert.deepEqual(texts(hosts), ['2', '2', '1']);
  const { events } = await run('3');
  const rest = ['b/config', 'b/running', 'b/uncordon'];
  assert.deepEqual(performed(events), [...rest, ...wholeOf('a'), ...wholeOf('c')]);
});

test('host that was left inside when all was done but its end holds a place until that', async (t) => {
  const { run, hosts } = await setUp(t, ['a', 'b']);
  await run('2');
  hosts['b']!.write('/cordoned', '');
  hosts['a']!.write(CONFIG, 'of somebody else');
  assert.deepEqual(performed((await run('2')).events), [
    ...['b/uncordon', 'a/drain', 'a/config', 'a/uncordon'],
  ]);
});

test('stop ends the waiting for a turn', async (t) => {
  const { run, hosts, tasks } = await setUp(t, ['a', 'b']);
  const stop = new AbortController();
  hosts['a']!.when('drain', () => {
    stop.abort('SIGINT');
    return '';
  });
  const { outcomes } = await run('2', { signal: stop.signal });
  const states = tasks('2').map(({ id }) => outcomes.get(id)?.state);
  assert.deepEqual(states, ['interrupted', ...Array(3).fill('skipped'), ...Array(4).fill('cancelled')]);
});

test('what a member needs from before the turn is done before the turn is asked for', async (t) => {
  const { running, tasks } = await setUp(t, ['a']);
  const [drain, ...others] = tasks('2');
  const before = taskOf(step<null>({ name: 'before', probe: async () => null, plan: () => [] }), {
    host: nodes('a')[0]!,
  });
  const more = others.map((task) => (task.step.name === 'config' ? { ...task, needs: [before.id] } : task));
  const { events } = await runTasks([drain!, ...more, before], running);
  const order = events.flatMap((event) =>
    event.kind === 'task' && event.state === 'probing' ? [event.id] : [],
  );
  assert.deepEqual(order.slice(0, 2), [before.id, drain!.id]);
});

test('what needs all of a host is not changed by a turn that came and went', async (t) => {
  const { running, tasks, hosts } = await setUp(t, ['a']);
  const after = (text: string) => {
    const all = tasks(text);
    const ends = all.filter(({ step }) => step.name !== 'running').map(({ id }) => id);
    return [...all, taskOf(check(), { host: all[0]!.host, needs: ends })];
  };
  const check = () =>
    step<null>({
      name: 'after',
      probe: async () => null,
      plan: (_, { why }) => (why === '' ? [] : [change(why)]),
    });
  const change = (why: string) =>
    ({ kind: 'script', title: 'x', why, script: async () => undefined }) as const;
  await runTasks(after('1'), running);
  hosts['a']!.write(CONFIG, 'of somebody else');
  assert.deepEqual(performed((await runTasks(after('1'), running)).events), [
    'a/drain',
    'a/config',
    'a/uncordon',
  ]);
});

type Findings = ReturnType<typeof surveying>['findings'];

/** What a plan would find of the tasks of some nodes. */
async function surveyed(
  tasks: ReturnType<typeof rolling>,
  running: Parameters<typeof runTasks>[1],
): Promise<Findings> {
  let findings: Findings = new Map();
  const work = (context: Parameters<typeof surveying>[0]) => {
    const survey = surveying(context, () => undefined);
    findings = survey.findings;
    return survey.work;
  };
  await runTasks(tasks, { ...running, work });
  return findings;
}

const WAITS = `a/p/config: ${CONFIG} has other bytes than declared`;

test('survey tells the opening task what would disturb its host, and writes nothing', async (t) => {
  const { running, tasks, hosts } = await setUp(t, ['a']);
  const before = hosts['a']!.snapshot();
  const findings = await surveyed(tasks('2'), running);
  assert.deepEqual(hosts['a']!.snapshot(), before);
  const found = findings.get(tasks('2')[0]!.id);
  assert.deepEqual(found?.kind === 'would' ? found.changes.map(({ why }) => why) : found, [WAITS]);
});

test('survey names the unit that would be restarted because of a file, and why each takes part', async (t) => {
  const { running, tasks } = await setUp(t, ['a']);
  const findings = await surveyed(tasks('2'), running);
  const reasons = tasks('2').map(({ id }) => {
    const found = findings.get(id);
    return found?.kind === 'would' ? [found.reason.kind, ...found.changes.map(describe)] : found?.kind;
  });
  assert.deepEqual(reasons, [
    ['turn', 'run drain'],
    ['changed', `write ${CONFIG}`],
    ['turn', 'have runtime.service restarted'],
    'as-declared',
  ]);
  assert.deepEqual(turnLines(turnsOf(tasks('2')), [...findings.values()]), [
    'nodes in turns, 1 at a time: a; restarted: runtime.service',
  ]);
});

test('survey restarts nothing where no file differs', async (t) => {
  const { running, tasks } = await setUp(t, ['a']);
  const findings = await surveyed(tasks('1'), running);
  assert.deepEqual(new Set([...findings.values()].map(({ kind }) => kind)), new Set(['as-declared']));
});

test('plan says who is disturbed in which order, and how many at a time', () => {
  const of = ({ name }: { name: string }) =>
    name.startsWith('w') ? { of: 'workers', after: ['planes'] } : { of: 'planes' };
  const turns = turnsOf(rolling(nodes('w-1', 'w-2', 'w-3', 'cp'), { text: '', of, places: 2 }));
  const would = turns.flatMap(({ host, opener }): Finding[] =>
    host === 'w-2'
      ? []
      : [
          {
            ...{ kind: 'would', id: opener.id, stamped: true },
            ...{ reason: { kind: 'turn', details: [] }, changes: [] },
          },
        ],
  );
  assert.deepEqual(turnLines(turns, would), [
    'planes in turns, 2 at a time: cp',
    'workers in turns, 2 at a time: w-1, w-3',
  ]);
});
