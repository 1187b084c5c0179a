/** Options by host and by role: who gets what, how often plugins are built for it, and which are refused with their place. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Host, type PluginUse, plugin } from '../../core/model/plugin.ts';
import type { Recipe } from '../../core/model/recipe.ts';
import * as v from '../../core/model/vocabulary.ts';
import { bare, expanded, failureIn, host } from './recipes.ts';

let builds = 0;

const tool = plugin({
  name: 'tool',
  help: 'a tool',
  byHost: ['size'],
  options: v.strictObject({ size: v.optional(v.number(), 1), shared: v.optional(v.string(), 'a') }),
  build: ({ size, shared }, { refuse }) => {
    builds++;
    if (size > 99) refuse('size', 'is too much');
    return {
      steps: [
        bare('made', { where: 'controller', inputs: { shared, size }, needs: [] }),
        bare('set', { inputs: { size, shared }, needs: ['tool/made'] }),
      ],
    };
  },
});

const W = ['w-1', 'w-2', 'w-3'].map((name) => host(name, 'worker'));
const CP = host('cp', 'control-plane');
const withOptions = (all: readonly Host[], name: string, options: Host['options']) =>
  all.map((each) => (each.name === name && options ? { ...each, options } : each));

/** What each task has as its inputs. */
function inputs(recipe: Recipe) {
  builds = 0;
  const { tasks } = expanded({ plugins: [tool()], ...recipe });
  return Object.fromEntries(tasks.map(({ id, step }) => [id, step.inputs]));
}

test('options of a role and of a host take the place of those of the recipe, and the controller has those of the recipe', () => {
  const hosts = withOptions([CP, ...W], 'w-3', { tool: { size: 7 } });
  const found = inputs({
    hosts,
    roleOptions: { worker: { tool: { size: 5 } } },
    options: { tool: { shared: 'b' } },
  });
  const shared = 'b';
  assert.deepEqual(found, {
    'controller/tool/made': { shared, size: 1 },
    'cp/tool/set': { size: 1, shared },
    'w-1/tool/set': { size: 5, shared },
    'w-2/tool/set': { size: 5, shared },
    'w-3/tool/set': { size: 7, shared },
  });
  // For the control plane, for workers, and for the one that is unlike them.
  assert.equal(builds, 3);
});

test('another option of one host changes no task of any other', () => {
  const of = (size: number) => inputs({ hosts: withOptions([CP, ...W], 'w-3', { tool: { size } }) });
  const [before, after] = [of(7), of(8)];
  const changed = Object.keys(after).filter((id) => JSON.stringify(before[id]) !== JSON.stringify(after[id]));
  assert.deepEqual(changed, ['w-3/tool/set']);
  assert.equal(builds, 2);
});

test('hosts that a plugin makes have the options of their roles', () => {
  const maker: PluginUse = plugin({
    name: 'maker',
    help: 'makes a host',
    options: v.strictObject({}),
    build: () => ({ steps: [bare('boot', { where: 'controller' })], hosts: [host('made', 'worker')] }),
  })();
  const found = inputs({ plugins: [maker, tool()], roleOptions: { worker: { tool: { size: 5 } } } });
  assert.deepEqual(found['made/tool/set'], { size: 5, shared: 'a' });
});

test('options of a role are laid over those of the recipe that is extended, each by its name', () => {
  builds = 0;
  const { tasks } = expanded(
    { hosts: W, plugins: [tool()], roleOptions: { worker: { tool: { size: 5 } }, other: {} } },
    { roleOptions: { worker: { tool: { size: 6 } } }, hosts: [host('o', 'other')] },
  );
  const set = tasks.filter(({ step }) => step.name === 'set').map(({ id, step }) => [id, step.inputs]);
  assert.deepEqual(set, [
    ...W.map(({ name }) => [`${name}/tool/set`, { size: 6, shared: 'a' }]),
    ['o/tool/set', { size: 1, shared: 'a' }],
  ]);
});

const own = (options: unknown) => ({ hosts: withOptions(W, 'w-3', { tool: options } as Host['options']) });

const MISTAKES: readonly (readonly [string, Recipe, object])[] = [
  [
    'is for all hosts alike',
    own({ shared: 'c' }),
    {
      path: 'hosts.w-3.options.tool.shared',
      message: 'is for all hosts alike: by host or role tool takes size; give it by options.tool',
    },
  ],
  [
    'is not known',
    own({ siez: 2 }),
    { path: 'hosts.w-3.options.tool.siez', message: 'is not known', near: 'size', known: ['size'] },
  ],
  [
    'is not known to any host',
    own({ shraed: 2 }),
    { path: 'hosts.w-3.options.tool.shraed', message: 'is not known', known: ['size'] },
  ],
  [
    'is of the wrong type',
    own({ size: 'big' }),
    { path: 'hosts.w-3.options.tool.size', message: 'expected number, found "big"' },
  ],
  [
    'is too much for the plugin',
    own({ size: 100 }),
    { path: 'hosts.w-3.options.tool.size', message: 'is too much' },
  ],
  [
    'is of no plugin',
    { hosts: withOptions(W, 'w-3', { tol: { size: 2 } }) },
    { path: 'hosts.w-3.options.tol', message: 'the recipe has no such plugin', near: 'tool' },
  ],
  [
    'is for a role that nobody has',
    { hosts: W, roleOptions: { wroker: { tool: { size: 2 } } } },
    { path: 'roleOptions.wroker', message: 'no host has that role', near: 'worker' },
  ],
  [
    'of a role is for all hosts alike',
    { hosts: W, roleOptions: { worker: { tool: { shared: 'c' } } } },
    {
      path: 'roleOptions.worker.tool.shared',
      message: 'is for all hosts alike: by host or role tool takes size; give it by options.tool',
    },
  ],
];

for (const [what, recipe, problem] of MISTAKES)
  test(`option by host that ${what} is refused by name`, () => {
    assert.deepEqual(
      failureIn(() => expanded({ plugins: [tool()], ...recipe })),
      { kind: 'config-invalid', file: '/site/cc.config.ts', problems: [problem] },
    );
  });
