/** Commands that plugins offer: each is on its host, with the program for its processor, and under a name of its own. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { expand } from '../../core/graph/expand.ts';
import { flattened } from '../../core/graph/flatten.ts';
import type { Problem } from '../../core/model/failure.ts';
import type { Offer, PluginUse } from '../../core/model/plugin.ts';
import type { Place } from '../../core/model/view.ts';
import { bare, EXPAND_CONTEXT, expanded, failureIn, host, part } from './recipes.ts';

const offer = (name: string, on: Place = { firstOf: 'plane' }, program = name): Offer => {
  return { name, does: 'does something', on, argv: (words) => [program, ...words] };
};
const offering = (name: string, ...offers: readonly Offer[]): PluginUse =>
  part(name, () => ({ steps: [bare('s')], offers }));

const hosts = [host('w-1', 'worker'), host('cp-1', 'plane'), host('cp-2', 'plane')];

test('a command is on the first host with its role, on the one with its name, or on the controller', () => {
  const plugins = [offering('a', offer('x'), offer('y', 'w-1')), offering('b', offer('z', 'controller'))];
  const { offers } = expanded({ plugins, hosts });
  assert.deepEqual(
    offers.map(({ plugin, host, offer }) => [plugin, offer.name, host.name, offer.argv(['w'])]),
    [
      ['a', 'x', 'cp-1', ['x', 'w']],
      ['a', 'y', 'w-1', ['y', 'w']],
      ['b', 'z', 'controller', ['z', 'w']],
    ],
  );
});

test('a command is as its plugin was built for the processor of the host', () => {
  const plugin = part('a', ({ arch }) => ({ steps: [bare('s')], offers: [offer('x', 'arm', `x-${arch}`)] }));
  const { offers } = expanded({ plugins: [plugin], hosts: [...hosts, { ...host('arm'), arch: 'arm64' }] });
  assert.deepEqual(offers[0]?.offer.argv([]), ['x-arm64']);
});

/** As a recipe for a cc that has the command `run`. */
function problemsOf(...plugins: readonly PluginUse[]): readonly Problem[] {
  const problems: Problem[] = [];
  const context = { ...EXPAND_CONTEXT, commands: ['run'] };
  const failure = failureIn(() => expand(flattened([{ plugins, hosts }], problems), context, problems));
  return failure.kind === 'config-invalid' ? failure.problems : [];
}

test('a command has a name of its own, and a host', () => {
  assert.deepEqual(
    problemsOf(
      offering('a', offer('run'), offer('x'), offer('-x'), offer('nowhere', 'w-9')),
      offering('b', offer('x'), offer('none', { firstOf: 'db' })),
    ),
    [
      { path: 'a', message: 'offers "nowhere" on a host that the recipe does not have' },
      { path: 'b', message: 'offers "none" on a host that the recipe does not have' },
      { path: 'a', message: 'offers "run", which is a command of cc itself' },
      {
        path: 'a',
        message:
          'offers "-x", which is no name: expected at most 64 letters, digits, ".", "_" and "-", with a letter or a digit first and last',
      },
      { path: 'b', message: 'offers "x", which a offers already' },
    ],
  );
});
