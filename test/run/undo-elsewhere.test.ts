/** A host that cannot be reached and is taken back: what others have of it goes, and what stands on it is told. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { order, reversed } from '../../core/graph/order.ts';
import type { Change } from '../../core/model/change.ts';
import { cmd } from '../../core/model/command.ts';
import { type Failure, fail } from '../../core/model/failure.ts';
import type { Host } from '../../core/model/plugin.ts';
import { type Step, step } from '../../core/model/step.ts';
import { drive } from '../../core/run/engine.ts';
import { surveyingUndo } from '../../core/run/survey-undo.ts';
import { undoing } from '../../core/run/undo.ts';
import { paper } from '../rig/paper.ts';
import { type Lasting, tempFolder } from '../rig/temp.ts';
import { CONTROLLER, contextOf, NODE, taskOf } from './context.ts';

const GONE: Host = { name: 'gone', roles: [], connection: { kind: 'ssh', address: 'gone.example' } };
const UNREACHABLE: Failure = {
  kind: 'unreachable',
  ...{ host: 'gone', address: 'gone.example', command: 'ssh gone.example', why: 'no route' },
};

const stepOf = (name: string, more: Partial<Step> = {}): Step => ({
  ...step<null>({ name, probe: async () => null, plan: () => [], undo: () => [] }),
  ...more,
});

async function takenBack(t: Lasting, undoElsewhere: Step['undoElsewhere'], host = GONE) {
  const there = paper('node-1');
  there.when('forget', '');
  const hosts = {
    controller: paper('controller'),
    'node-1': there,
    get gone(): never {
      return fail(UNREACHABLE);
    },
  };
  const more = undoElsewhere ? { undoFirst: true, undoElsewhere } : {};
  const tasks = [taskOf(stepOf('first', more), { host }), taskOf(stepOf('rest'), { host })];
  const declaredHosts = [CONTROLLER, NODE, host];
  const folder = await tempFolder(t);
  const { context, events } = contextOf({ folder, hosts, tasks, declaredHosts, taken: [host] });
  const survey = surveyingUndo(context, new Set());
  const { clock, signal, emit } = context;
  const driving = { tasks, graph: order(reversed(tasks)), clock, signal, concurrency: 2, duration: () => 1 };
  await drive({ ...driving, emit: () => {}, onFailure: 'continue', work: survey.work });
  const outcomes = await drive({
    ...driving,
    emit,
    onFailure: 'continue',
    work: undoing(context, new Set()),
  });
  const commands = events.flatMap((event) => (event.kind === 'command' ? [event.command] : []));
  const notices = events.flatMap((event) => (event.kind === 'notice' ? [event.text] : []));
  const states = tasks.map(({ id }) => outcomes.get(id)?.state);
  const failures = tasks.flatMap(({ id }) => outcomes.get(id)?.failure ?? []);
  const found = tasks.flatMap(({ id }) => survey.findings.get(id)?.kind ?? []);
  return { commands, notices, states, failures, found };
}

const forgetting = (host: string): readonly Change[] => [
  {
    ...{ kind: 'script', title: `forget ${host}`, why: `${host} cannot be reached` },
    script: async ({ on }) => {
      await (await on('node-1')).run(cmd`forget ${host}`);
      return undefined;
    },
  },
];

test('what others have of a host that cannot be reached goes by them, and what stands on it is told', async (t) => {
  assert.deepEqual(await takenBack(t, forgetting), {
    commands: ['on node-1: forget gone'],
    notices: [
      'gone cannot be reached, so what stands there stays; take it back before anything else there is started again: cc run cleanup --limit gone',
    ],
    states: ['applied', 'failed'],
    failures: [UNREACHABLE],
    found: ['would', 'unknown'],
  });
});

test('host that can be reached is taken back there, and one of which nobody has anything is not', async (t) => {
  const here = await takenBack(t, forgetting, NODE);
  assert.deepEqual([here.commands, here.notices, here.states], [[], [], ['verified', 'verified']]);
  const nothing = await takenBack(t, undefined);
  assert.deepEqual([nothing.commands, nothing.failures[0]], [[], UNREACHABLE]);
  const none = await takenBack(t, () => []);
  assert.deepEqual([none.commands, none.failures[0]], [[], UNREACHABLE]);
});

test('only scripts are done elsewhere, since all else would be done on the controller', async (t) => {
  const { commands, failures } = await takenBack(t, () => [{ kind: 'run', command: cmd`rm`, why: 'why' }]);
  assert.deepEqual([commands, failures[0]?.kind], [[], 'plugin-threw']);
});
