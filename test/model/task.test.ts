/** Tasks: what their names may be, and the only ways from one state to another. */
import assert from 'node:assert/strict';
import test from 'node:test';
import {
  hostOf,
  isFinal,
  isGood,
  isName,
  misnaming,
  moved,
  type State,
  taskId,
} from '../../core/model/task.ts';

const GOOD = ['a', 'A1', '0', 'go-1.15-src', 'a_b', 'constructor', 'toString', 'x'.repeat(64)];
const BAD = [
  '',
  '__proto__',
  '.',
  '..',
  '../x',
  'a/b',
  'a b',
  'a\n',
  '-a',
  'a-',
  'a.',
  'ä',
  'a\u0000',
  '$(id)',
  "'",
  'x'.repeat(65),
  'x'.repeat(300),
];

test('isName takes letters, digits, ".", "_" and "-", from a letter or digit to one', () => {
  assert.deepEqual(
    GOOD.filter((name) => !isName(name)),
    [],
  );
  assert.deepEqual(
    BAD.filter((name) => isName(name)),
    [],
  );
});

test('misnaming says what a name may be, what was found, and how long that is where it is too long', () => {
  const wanted =
    'expected at most 64 letters, digits, ".", "_" and "-", with a letter or a digit first and last';
  assert.equal(misnaming('-a'), `${wanted}, found "-a"`);
  assert.equal(misnaming('a'.repeat(70)), `${wanted}, found 70 in "${'a'.repeat(70)}"`);
});

test('taskId joins host, plugin and step', () => {
  assert.equal(taskId('node-1', 'runc', 'bin'), 'node-1/runc/bin');
});

test('taskId refuses a hostile name wherever it stands', () => {
  for (const bad of BAD) {
    const error = new Error(`"${bad}" cannot be part of a task id`);
    assert.throws(() => taskId(bad, 'p', 's'), error);
    assert.throws(() => taskId('h', bad, 's'), error);
    assert.throws(() => taskId('h', 'p', bad), error);
  }
});

test('hostOf is the first name of a task', () => {
  assert.equal(hostOf(taskId('w-1.example', 'runc', 'bin')), 'w-1.example');
});

test('taskId is never a key of Object.prototype', () => {
  assert.equal(taskId('constructor', 'toString', 'valueOf') in {}, false);
});

/** Every state, with those that may follow it. */
const NEXT: { readonly [S in State]: readonly State[] } = {
  waiting: ['ready', 'skipped', 'cancelled'],
  ready: ['probing', 'skipped', 'cancelled'],
  probing: ['ready', 'performing', 'verified', 'adopted', 'failed', 'timed-out', 'interrupted', 'lost'],
  performing: ['proving', 'failed', 'timed-out', 'interrupted', 'lost'],
  proving: ['applied', 'failed', 'timed-out', 'interrupted', 'lost'],
  verified: [],
  adopted: [],
  applied: [],
  failed: [],
  'timed-out': [],
  interrupted: [],
  lost: [],
  skipped: [],
  cancelled: [],
};
const STATES = Object.keys(NEXT) as State[];

test('moved allows exactly the transitions of the table', () => {
  for (const from of STATES) {
    for (const to of STATES) {
      if (NEXT[from].includes(to)) assert.equal(moved(from, to), to);
      else assert.throws(() => moved(from, to), new Error(`a task cannot go from ${from} to ${to}`));
    }
  }
});

test('isFinal holds for the states that nothing follows', () => {
  assert.deepEqual(
    STATES.filter(isFinal),
    STATES.filter((state) => NEXT[state].length === 0),
  );
});

test('isGood holds for the three good ends', () => {
  assert.deepEqual(STATES.filter(isGood), ['verified', 'adopted', 'applied']);
});

test('states are all reachable from waiting', () => {
  const seen = new Set<State>(['waiting']);
  for (const state of seen) for (const next of NEXT[state]) seen.add(next);
  assert.deepEqual([...seen].toSorted(), STATES.toSorted());
});
