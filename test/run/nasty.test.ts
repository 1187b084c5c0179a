/** Whatever code of a plugin answers or throws, cc goes on, or names the plugin: it is never a bug of cc. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { asRecipe } from '../../core/cli/config/shape.ts';
import { placing } from '../../core/cli/config.ts';
import { expand } from '../../core/graph/expand.ts';
import { flattened } from '../../core/graph/flatten.ts';
import { EXIT, type Failure, fail, failureOf, type Problem } from '../../core/model/failure.ts';
import { type Body, capability } from '../../core/model/plugin.ts';
import { type Step, type StepSpec, step } from '../../core/model/step.ts';
import { explained } from '../../core/report/explain.ts';
import { lines } from '../../core/report/lines.ts';
import { textOf } from '../../core/report/visible.ts';
import { undoing } from '../../core/run/undo.ts';
import { EXPAND_CONTEXT, host, part } from '../graph/recipes.ts';
import { paper } from '../rig/paper.ts';
import { tempFolder } from '../rig/temp.ts';
import { type Running, runTasks, taskOf } from './context.ts';
import { NASTY } from './nasty.ts';

/** How a recipe with this plugin ends: undefined, or its failure, all of whose words can be said. */
async function expanding(use: unknown): Promise<Failure | undefined> {
  try {
    const recipe = asRecipe({ hosts: [host('n')], plugins: [use] }, EXPAND_CONTEXT.file);
    const problems: Problem[] = [];
    const sources = { layers: [recipe], origins: [{ file: EXPAND_CONTEXT.file, path: [] }], settings: [] };
    await placing(sources, () => expand(flattened([recipe], problems), EXPAND_CONTEXT, problems));
    return undefined;
  } catch (error) {
    return failureOf(error);
  }
}

/** The plugin is named: by its name, or by its place; a name that is none is told as it is, and what cannot be read with its line. */
function judge(failure: Failure | undefined, what: string): void {
  if (!failure) return;
  assert.notEqual(failure.kind, 'bug', `${what}: ${failure.kind === 'bug' ? failure.stack : ''}`);
  const text = textOf(explained(failure));
  assert.match(
    text,
    /\b(bad|plugins\.0|expected at most 64 letters)\b|it: cannot be read/,
    `${what} is told without the plugin: ${text}`,
  );
}

const bare = { name: 's', probe: async () => null, plan: () => [] };
const USE = part('bad', () => ({ steps: [bare] as unknown as readonly Step[] }));
const power = capability<number>('power');
const building = (build: () => unknown) => ({ ...USE, spec: { ...USE.spec, build } });
const stepping = (parts: object) => building(() => ({ steps: [{ ...bare, ...parts }] }));
const artifact = (parts: object) =>
  stepping({ artifacts: [{ name: 'a', source: { kind: 'url', url: 'https://x.org/a' }, ...parts }] });

type Make = (value: unknown) => unknown;

const PLUGIN: Readonly<Record<string, Make>> = {
  'a plugin': (value) => value,
  'its description': (value) => ({ ...USE, spec: value }),
  'what it is given': (value) => ({ ...USE, given: value }),
  ...Object.fromEntries(
    ['name', 'epoch', 'help', 'options', 'provides', 'declares', 'isCleanup', 'build'].map((field) => [
      `its ${field}`,
      (value: unknown) => ({ ...USE, spec: { ...USE.spec, [field]: value } }),
    ]),
  ),
  'what its declares answers': (value) => ({
    ...USE,
    spec: {
      ...USE.spec,
      provides: [power],
      declares: () => value,
      build: (_: unknown, context: { find: (of: unknown) => unknown }) => ({
        steps: [bare],
        needs: [context.find(power)].slice(1),
      }),
    },
  }),
  'what its build answers': (value) => building(() => value),
  'what its build throws': (value) =>
    building(() => {
      throw value;
    }),
  'what its build reports': (value) => building(() => fail(value as Failure)),
  'what its build refuses': (value) => ({
    ...USE,
    spec: { ...USE.spec, build: (_: unknown, { refuse }: { refuse: Make2 }) => refuse(value, value) },
  }),
  'what its build uses': (value) => ({
    ...USE,
    spec: {
      ...USE.spec,
      build: (_: unknown, { use }: { use: Make }) => ({ steps: [bare], value: use(value) }),
    },
  }),
  ...Object.fromEntries(
    ['steps', 'needs', 'provides', 'hosts', 'unfit'].map((field) => [
      `the ${field} of its body`,
      (value: unknown) => building(() => ({ steps: [bare], [field]: value })),
    ]),
  ),
  'what its unfit answers': (value) => building(() => ({ steps: [bare], unfit: () => value })),
  'a mistake of its unfit': (value) =>
    building(() => ({ steps: [bare], unfit: () => [{ path: 'bad', message: 'm', at: value }] })),
  'a host of its body': (value) => building(() => ({ steps: [bare], hosts: [value] })),
  'what it provides': (value) => building(() => ({ steps: [bare], provides: [value] })),
  'a step': (value) => building(() => ({ steps: [value] })),
  ...Object.fromEntries(
    (
      [
        'name',
        'where',
        'first',
        'needs',
        'inputs',
        'artifacts',
        'claims',
        'locks',
        'root',
        'settles',
        'timeout',
        'check',
        'probe',
        'plan',
        'undo',
        'leaves',
      ] satisfies readonly (keyof Step)[]
    ).map((field) => [`the ${field} of a step`, (value: unknown) => stepping({ [field]: value })]),
  ),
  'the role of a step': (value) => stepping({ where: { role: value } }),
  'an input of a step': (value) => stepping({ inputs: { a: [value] } }),
  'an artifact of a step': (value) => stepping({ artifacts: [value] }),
  'the name of an artifact': (value) => artifact({ name: value }),
  'the source of an artifact': (value) => artifact({ source: value }),
  'the address of an artifact': (value) => artifact({ source: { kind: 'url', url: value } }),
  'the sums of an artifact': (value) =>
    artifact({ source: { kind: 'url', url: 'https://x.org/a', sums: value } }),
  'the needs of an artifact': (value) => artifact({ needs: value }),
};
type Make2 = (option: unknown, message: unknown) => unknown;

for (const [what, make] of Object.entries(PLUGIN))
  test(`${what} may be anything`, async () => {
    for (const [nasty, value] of Object.entries(NASTY))
      judge(await expanding(make(value())), `${what} is ${nasty}`);
  });

const CHANGES: readonly Readonly<Record<string, unknown>>[] = [
  { kind: 'run', command: { argv: ['true'], input: 'x', env: { A: 'b' }, cwd: '/', title: 't' } },
  { kind: 'write', path: '/x', text: 'x', mode: 0o644 },
  { kind: 'folder', path: '/x', mode: 0o755, owner: 'root' },
  {
    kind: 'place',
    path: '/x',
    artifact: { name: 'a', source: { kind: 'built', by: 'b', path: '/y' } },
    mode: 0o644,
  },
  {
    kind: 'unpack',
    path: '/x',
    artifact: { name: 'a', source: { kind: 'built', by: 'b', path: '/y' } },
    strip: 1,
    sizeLimit: 5,
    unsafe: ['x'],
  },
  { kind: 'fetch', artifact: { name: 'a', source: { kind: 'built', by: 'b', path: '/y' } } },
  { kind: 'remove', path: '/x', folder: true },
  { kind: 'unit', unit: 'x.service', state: 'started' },
  { kind: 'packages', names: ['x'] },
  { kind: 'script', title: 't', script: async () => undefined },
];

type Parts = Readonly<Record<string, unknown>>;

const planning = (change: unknown) => ({ plan: () => [change] });
const scripted = (script: unknown) => planning({ kind: 'script', why: 'w', title: 't', script });
const probing = (probe: (view: Readonly<Record<string, Make>>) => unknown) => ({ probe });

const TASK: Readonly<Record<string, (value: unknown) => Parts>> = {
  'what a probe answers': (value) => ({ probe: () => value }),
  'what a probe answers within': (value) => ({ probe: async () => ({ a: [value] }) }),
  'what a plan answers': (value) => ({ plan: () => value }),
  'a change': planning,
  ...Object.fromEntries(
    CHANGES.flatMap((change) =>
      ['why', ...Object.keys(change)].map((field) => [
        `the ${field} of a change "${change['kind']}"`,
        (value: unknown) => planning({ why: 'w', ...change, [field]: value }),
      ]),
    ),
  ),
  ...Object.fromEntries(
    ['argv', 'input', 'env', 'cwd', 'title'].map((field) => [
      `the ${field} of a command`,
      (value: unknown) => planning({ kind: 'run', why: 'w', command: { argv: ['true'], [field]: value } }),
    ]),
  ),
  'what a script answers': (value) => scripted(() => value),
  'the report of a script': (value) => scripted(() => ({ lines: [value] })),
  'what a script runs': (value) => scripted((shell: { run: Make }) => shell.run(value)),
  'what a script logs': (value) => scripted(async (shell: { log: Make }) => shell.log(value)),
  'what a script waits for': (value) =>
    scripted((shell: { until: (...given: readonly unknown[]) => unknown }) =>
      shell.until(value, value, () => value),
    ),
  ...Object.fromEntries(
    [
      'read',
      'ask',
      'result',
      'stat',
      'text',
      'owned',
      'sealed',
      'unit',
      'missingPackages',
      'locked',
      'fetched',
    ].map((look) => [
      `what a probe gives to ${look}`,
      (value: unknown) => probing(async (view) => [(await view[look]?.(value)) ?? null]),
    ]),
  ),
  ...Object.fromEntries(
    ['probe', 'plan'].map((field) => [
      `what a ${field} throws`,
      (value: unknown) => ({
        [field]: () => {
          throw value;
        },
      }),
    ]),
  ),
  'what a script throws': (value) =>
    scripted(() => {
      throw value;
    }),
  'what a plan reports': (value) => ({ plan: () => fail(value as Failure) }),
};

const UNDO: Readonly<Record<string, (value: unknown) => Parts>> = {
  'what an undo answers': (value) => ({ undo: () => value }),
  'a change of an undo': (value) => ({ undo: () => [value] }),
  'what an undo throws': (value) => ({
    undo: () => {
      throw value;
    },
  }),
  'what a leaves answers': (value) => ({ undo: () => [], leaves: () => value }),
  'what a leaves throws': (value) => ({
    undo: () => [],
    leaves: () => {
      throw value;
    },
  }),
};

const odd = (parts: Parts): Step =>
  step<null>({ ...bare, ...(parts as Partial<StepSpec<null>>) } as StepSpec<null>);

/** Runs one such task; all that is told of it can be printed and kept. */
async function ended(folder: string, parts: Parts, what: string, work?: Running['work']): Promise<void> {
  const print = lines(() => {});
  const task = taskOf(odd(parts), { plugin: 'bad' });
  const { outcomes } = await runTasks([task], {
    folder,
    hosts: { 'node-1': paper('node-1') },
    on: (event) => {
      print(event);
      JSON.stringify(event);
    },
    ...(work ? { work } : {}),
  });
  const { failure } = outcomes.get(task.id) ?? {};
  if (!failure) return;
  assert.notEqual(failure.kind, 'bug', `${what}: ${failure.kind === 'bug' ? failure.stack : ''}`);
  assert.ok(failure.kind !== 'plugin-threw' || failure.plugin === 'bad', what);
}

for (const [what, parts] of Object.entries(TASK))
  test(`${what} may be anything`, async (t) => {
    const folder = await tempFolder(t);
    for (const [nasty, value] of Object.entries(NASTY))
      await ended(folder, parts(value()), `${what} is ${nasty}`);
  });

for (const [what, parts] of Object.entries(UNDO))
  test(`${what} may be anything`, async (t) => {
    const folder = await tempFolder(t);
    for (const [nasty, value] of Object.entries(NASTY))
      await ended(folder, parts(value()), `${what} is ${nasty}`, (context) => undoing(context, new Set()));
  });

test('failure of any kind that a plugin reports may lack anything', async (t) => {
  const folder = await tempFolder(t);
  for (const kind of Object.keys(EXIT)) {
    for (const [nasty, value] of Object.entries(NASTY)) {
      const failure = {
        kind,
        host: value(),
        why: value(),
        problems: value(),
        attempts: value(),
        path: value(),
      };
      const what = `the facts of "${kind}" are ${nasty}`;
      await ended(folder, { plan: () => fail(failure as unknown as Failure) }, what);
    }
    const told = await expanding(building(() => fail({ kind } as Failure)));
    assert.notEqual(told?.kind, 'bug');
    assert.doesNotThrow(() => textOf(explained(told!)), kind); // it has failed
  }
});

test('body of a plugin that is right is taken', async () => {
  assert.equal(await expanding(building((): Body => ({ steps: [odd({})] }))), undefined);
});
