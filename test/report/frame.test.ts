/** A line of code with a mark below the place that is meant, and a mistake with all that is known of it. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { frameLines, problemLines } from '../../core/report/frame.ts';

const at = { file: '/site/cc.config.ts', line: 12 };

test('frame has the line without its indent, and a mark below the column', () => {
  assert.deepEqual(frameLines({ ...at, column: 11, source: '    golang({ version: 1 }),' }), [
    'at /site/cc.config.ts:12:11',
    '  12 | golang({ version: 1 }),',
    '     |       ^',
  ]);
});

test('frame of a place without a line, or without a column, has what there is', () => {
  assert.deepEqual(frameLines({ ...at, column: 3 }), ['at /site/cc.config.ts:12:3']);
  assert.deepEqual(frameLines({ ...at, source: '  a\n' }), ['at /site/cc.config.ts:12', '  12 | a']);
});

test('frame of a long line has what is around the column', () => {
  const source = `${'x'.repeat(500)}!${'y'.repeat(500)}`;
  const [, line = '', mark = ''] = frameLines({ ...at, column: 501, source });
  assert.equal(line.length < 120, true);
  assert.equal(line[mark.indexOf('^')], '!');
});

test('problem names what was given by --set, what is known, and what to write', () => {
  assert.deepEqual(
    problemLines({ path: 'p.vesion', message: 'is not known', near: 'version', known: ['version', 'from'] }),
    ['p.vesion: is not known; did you mean "version"?', '  known: version, from'],
  );
  assert.deepEqual(problemLines({ path: 'p.a', message: 'm', given: 'p.a=1', hint: '2' }), [
    '--set p.a=1: m',
    '  write: 2',
  ]);
  assert.deepEqual(problemLines({ path: 'p.a', message: 'm', at: { ...at, column: 1, source: 'a' } }), [
    'p.a: m',
    '  at /site/cc.config.ts:12:1',
    '    12 | a',
    '       | ^',
  ]);
});
