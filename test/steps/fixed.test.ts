/** What cannot be changed any more: compared with what is declared, refused where it differs, and left alone where it is not there. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { fixed } from '../../core/steps/fixed.ts';
import { failureIn } from '../graph/recipes.ts';
import { paperView } from '../rig/view.ts';
import { NEVER, PERFORMED } from './last.ts';

const step = fixed({
  name: 'disk',
  what: 'the disk',
  declared: { 'its size': '10', 'its name': 'a' },
  look: async (view): Promise<Readonly<Record<string, string>>> => {
    const size = await view.text('/size');
    return size === undefined ? {} : { 'its size': size, 'its name': 'a', 'its colour': 'red' };
  },
  fix: 'declare what is there',
});
const disk = (size: string | null) => paperView({ text: { '/size': size } });

test('fixed says what differs, and what is there that nobody declared', async () => {
  assert.deepEqual(await step.probe(disk('20')), {
    host: 'paper',
    differences: [
      { what: 'its size', is: '20', declared: '10' },
      { what: 'its colour', is: 'red', declared: 'nothing' },
    ],
  });
});

test('fixed finds the same on a host that has it as declared and on one that has nothing yet', async () => {
  const simple = fixed({
    ...{ name: 'disk', what: 'the disk', declared: { 'its size': '10' }, fix: 'declare what is there' },
    look: async (view): Promise<Readonly<Record<string, string>>> => {
      const size = await view.text('/size');
      return size === undefined ? {} : { 'its size': size };
    },
  });
  const facts = { host: 'paper', differences: [] };
  for (const size of [null, '10']) assert.deepEqual(await simple.probe(disk(size)), facts);
  for (const last of [NEVER, PERFORMED]) assert.deepEqual(simple.plan(facts, last), []);
});

test('fixed is looked at before all else on its host, and refuses whatever is remembered', () => {
  assert.deepEqual([step.first, step.undo], [true, undefined]);
  const differences = [{ what: 'its size', is: '20', declared: '10' }];
  for (const last of [NEVER, PERFORMED])
    assert.deepEqual(
      failureIn(() => step.plan({ host: 'n1', differences }, last)),
      { kind: 'cannot-change', host: 'n1', what: 'the disk', differences, fix: 'declare what is there' },
    );
});
