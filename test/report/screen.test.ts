/** Which terminals get a moving line, and which a colour. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { canMove, mayColour } from '../../core/report/screen.ts';

test('a line moves where a terminal says what it is, outside of a CI', () => {
  for (const env of [{ TERM: 'xterm' }, { TERM: 'linux', CI: '' }, { TERM: 'xterm', CI: 'false' }])
    assert.equal(canMove(env), true, JSON.stringify(env));
  for (const env of [
    {},
    { TERM: '' },
    { TERM: 'dumb' },
    { TERM: 'xterm', CI: 'true' },
    { TERM: 'x', CI: 'gitlab' },
  ])
    assert.equal(canMove(env), false, JSON.stringify(env));
});

test('NO_COLOR counts unless it is empty', () => {
  assert.deepEqual([{}, { NO_COLOR: '' }, { NO_COLOR: '1' }, { NO_COLOR: '0' }].map(mayColour), [
    true,
    true,
    false,
    false,
  ]);
});
