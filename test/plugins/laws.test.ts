/** The laws themselves: each fails a plugin that breaks it, and all pass one that keeps them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Change } from '../../core/model/change.ts';
import { cmd } from '../../core/model/command.ts';
import { type StepSpec, step } from '../../core/model/step.ts';
import { steps } from '../graph/recipes.ts';
import { LAWS, type Law, type LawSetup, laws } from '../rig/laws.ts';
import { benchOf } from './bench.ts';
import { removed, wrote } from './tools.ts';

type Facts = { there: boolean };

const FILE = '/etc/x';
const ADD: Change = { kind: 'run', command: cmd`add ${FILE}`, why: `${FILE} is not there` };
const DROP: Change = { kind: 'run', command: cmd`drop ${FILE}`, why: `${FILE} was made by cc` };

/** A step that keeps all laws, but for what is laid over it. */
function plugin(over: Partial<StepSpec<Facts>> = {}) {
  const spec: StepSpec<Facts> = {
    name: 'file',
    settles: 1,
    probe: async (view) => ({ there: (await view.ask(cmd`see ${FILE}`)) !== undefined }),
    plan: ({ there }) => (there ? [] : [ADD]),
    undo: ({ there }) => (there ? [DROP] : []),
    ...over,
  };
  return { plugins: [steps('p', step<Facts>(spec))] };
}

const setup: LawSetup = {
  reads: (host) => [['see', () => (host.disk.has(FILE) ? 'yes' : { code: 1 })]],
  does: (host) => [
    ['add', () => wrote(host, FILE, 'x')],
    ['drop', () => removed(host, FILE)],
    ['half', ''],
  ],
};

laws('plugin that keeps the laws', plugin(), { ...setup, plugin: 'p' });

let calls = 0;
const why = (text: string): Partial<StepSpec<Facts>> => ({
  plan: ({ there }) => (there ? [] : [{ ...ADD, why: text }]),
});
const artifact = { name: 'x', source: { kind: 'url', url: 'https://x.example/x' } } as const;

interface Broken {
  readonly law: Law;
  readonly over: Partial<StepSpec<Facts>>;
  readonly setup?: LawSetup;
}

const BROKEN: Readonly<Record<string, Broken>> = {
  'probe that fails where something is missing': {
    law: 'answers on a bare host',
    over: { probe: async (view) => ({ there: (await view.read(cmd`see ${FILE}`)) !== '' }) },
  },
  'plan that is never empty': {
    law: 'has nothing left to do once it was run',
    over: { plan: () => [ADD] },
  },
  'undo that does nothing': {
    law: 'leaves nothing once it was undone',
    over: { undo: ({ there }) => (there ? [{ ...DROP, kind: 'run', command: cmd`half` }] : []) },
  },
  'undo that forgets what was done': {
    law: 'leaves nothing once it was undone',
    over: { undo: () => [] },
  },
  'list of steps without undo that is wrong': {
    law: 'leaves nothing once it was undone',
    over: {},
    setup: { ...setup, kept: ['file'] },
  },
  'undo of what is not there': {
    law: 'leaves nothing once it was undone',
    over: { undo: () => [DROP] },
  },
  'plan that counts': {
    law: 'plans the same from the same facts',
    over: { plan: () => [{ ...ADD, why: `call ${++calls}` }] },
  },
  'plan that changes its facts': {
    law: 'plans the same from the same facts',
    over: { plan: (facts) => (Object.assign(facts, { there: true }).there ? [] : [ADD]) },
  },
  'artifact that is not declared': {
    law: 'declares every artifact that it uses',
    over: { plan: ({ there }) => (there ? [] : [{ ...ADD, kind: 'run', command: cmd`add ${artifact}` }]) },
  },
  'reason that is empty': { law: 'says why for every change', over: why('') },
  'reason that ends with a period': { law: 'says why for every change', over: why('It is not there.') },
  'reason that repeats the title': { law: 'says why for every change', over: why(`run add ${FILE}`) },
  'probe that runs what nobody calls reading': {
    law: 'probes by reading alone',
    over: {},
    setup: {
      does: (host) => [...setup.reads!(host, undefined as never), ...setup.does!(host, undefined as never)],
    }, // neither looks at the bench
  },
  'probe that changes the host': {
    law: 'probes by reading alone',
    over: {},
    setup: { ...setup, reads: (host) => [['see', () => wrote(host, '/var/log/seen', String(++calls))]] },
  },
};

for (const [name, { law, over, setup: own = setup }] of Object.entries(BROKEN)) {
  test(`${name} is found by the law "${law}"`, async (t) => {
    const bench = await benchOf(t, plugin(over), own);
    await assert.rejects(LAWS[law](bench, 'p', own));
  });
}
