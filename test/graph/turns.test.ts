/** The turns that tasks make up: whose they are, what waits for what, and what a command takes along. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { type Selector, selected } from '../../core/graph/selection.ts';
import { turnsOf } from '../../core/graph/turns.ts';
import type { PluginUse } from '../../core/model/plugin.ts';
import { bare, expanded, failureIn, host, steps } from './recipes.ts';

const OPENS = { kind: 'opens', of: 'nodes', places: 1 } as const;
const runtime = steps(
  'runtime',
  bare('programs', { needs: [], claims: ['/opt/runtime'] }),
  bare('other', { needs: [], claims: ['/opt/runtime-other'] }),
  bare('key', { needs: [] }),
  bare('unit', {
    needs: ['runtime/programs', 'runtime/key'],
    turn: { kind: 'disturbs', by: ['/opt/runtime/bin/runtime'] },
  }),
);
const cluster = steps(
  'cluster',
  bare('drain', { needs: [], turn: OPENS }),
  bare('join', { needs: ['runtime/unit'] }),
  bare('kubelet', { needs: ['cluster/join'], turn: { kind: 'disturbs' } }),
  bare('uncordon', { needs: ['cluster/kubelet'], turn: { kind: 'closes' } }),
);
const all = expanded({ hosts: [host('a', 'worker'), host('b', 'worker')], plugins: [runtime, cluster] });
const needsOf = (id: string, of = all) => of.graph.needs(of.tasks.find((task) => task.id === id)!.id);

test('turn of a host has the tasks that disturb it, and those about the paths by which they do', () => {
  const turns = turnsOf(all.tasks).map(({ host, members }) => [host, members.map(({ id }) => id)]);
  assert.deepEqual(turns, [
    ['a', ['a/runtime/programs', 'a/runtime/unit', 'a/cluster/kubelet']],
    ['b', ['b/runtime/programs', 'b/runtime/unit', 'b/cluster/kubelet']],
  ]);
});

test('opening task comes after what the turn needs from before, and before all that disturbs', () => {
  assert.deepEqual(needsOf('a/cluster/drain'), ['a/runtime/key']);
  assert.deepEqual(needsOf('a/runtime/programs'), ['a/cluster/drain']);
  assert.deepEqual(needsOf('a/cluster/kubelet'), ['a/cluster/join', 'a/cluster/drain']);
  assert.deepEqual(
    new Set(needsOf('a/cluster/uncordon')),
    new Set(['a/cluster/kubelet', 'a/cluster/drain', 'a/runtime/programs', 'a/runtime/unit']),
  );
});

test('opening task comes after what a host still does for the turn, and after nothing of other hosts', () => {
  const images = steps(
    'images',
    bare('archive', { needs: [], where: 'controller' }),
    bare('ahead', { needs: ['images/archive'] }),
    bare('loaded', { needs: ['runtime/unit', 'images/ahead'] }),
    bare('listed', { needs: ['images/loaded', 'images/list'] }),
    bare('list', { needs: [] }),
  );
  const joining = steps(
    'cluster',
    bare('drain', { needs: [], turn: OPENS }),
    bare('api', { needs: [], where: { firstOf: 'plane' } }),
    bare('join', { needs: ['images/loaded', 'cluster/api'] }),
    bare('kubelet', { needs: ['cluster/join'], turn: { kind: 'disturbs' } }),
    bare('uncordon', { needs: ['cluster/kubelet'], turn: { kind: 'closes' } }),
  );
  const hosts = [host('p', 'plane'), host('w', 'worker')];
  const made = expanded({ hosts, plugins: [runtime, images, joining] });
  const { id } = made.tasks.find((task) => task.id === 'w/cluster/drain')!; // the recipe has it
  assert.deepEqual(made.graph.needs(id), ['w/runtime/key', 'w/images/ahead', 'w/images/list']);
  assert.deepEqual(made.graph.mayFail(id), ['w/images/ahead', 'w/images/list']);
});

test('turns are no needs: what a task is known by stays as it was', () => {
  assert.deepEqual(all.tasks.find(({ id }) => id === 'a/runtime/programs')?.needs, []);
});

const by = (selector: Partial<Selector>) => selected(all, { names: [], ...selector });

test('who names what disturbs a host gets the ends of its turn along, and nothing else', () => {
  const { tasks, turns } = by({ names: ['a/runtime/unit'] });
  const ids = tasks.map(({ id }) => id);
  const own = [
    'a/runtime/programs',
    'a/runtime/key',
    'a/runtime/unit',
    'a/cluster/drain',
    'a/cluster/uncordon',
  ];
  assert.deepEqual(ids, own);
  assert.deepEqual(
    turns.map(({ host }) => host),
    ['a'],
  );
  assert.deepEqual(by({ names: ['runtime/other'] }).turns, []);
});

test('opening task that is to be skipped opens no turn', () => {
  assert.deepEqual(by({ skip: 'cluster/drain' }).turns, []);
});

test('hosts that are only looked at take no turn', () => {
  const { turns } = by({ limit: 'b' });
  assert.deepEqual(
    turns.map(({ host }) => host),
    ['b'],
  );
});

test('turn that nobody closes, or two open, is a mistake of the recipe', () => {
  const mistakes = (...plugins: readonly PluginUse[]) => {
    const failure = failureIn(() => expanded({ hosts: [host('a', 'worker')], plugins }));
    return failure.kind === 'config-invalid' ? failure.problems.map(({ message }) => message) : [];
  };
  assert.deepEqual(mistakes(steps('p', bare('opens', { turn: OPENS }))), [
    'opens the turn of a, and 0 steps close it: one must',
  ]);
  const two = steps(
    'p',
    bare('one', { turn: OPENS }),
    bare('two', { turn: OPENS }),
    bare('end', { turn: { kind: 'closes' } }),
  );
  assert.deepEqual(mistakes(two), [
    'opens the turn of a, as p/two does',
    'opens the turn of a, as p/one does',
  ]);
});

test('turn that is none is a mistake of the plugin', () => {
  const odd = { kind: 'opens', of: 'nodes', places: 0 } as const;
  const failure = failureIn(() => expanded({ plugins: [steps('p', bare('s', { turn: odd }))] }));
  assert.deepEqual(failure.kind === 'config-invalid' ? failure.problems.map(({ message }) => message) : [], [
    'its step "s": turn.places: expected a whole number above 0, found 0',
  ]);
});
