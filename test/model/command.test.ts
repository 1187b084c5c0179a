/** Command templates become argument vectors, and can be pasted back into a shell. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import test from 'node:test';
import type { Artifact } from '../../core/model/artifact.ts';
import {
  artifactsOf,
  cmd,
  commandInput,
  quoted,
  shown,
  titled,
  type Word,
} from '../../core/model/command.ts';

const ball: Artifact = { name: 'ball', source: { kind: 'url', url: 'https://example.org/ball.tgz' } };

const TEMPLATES: readonly (readonly [string, readonly Word[], readonly Word[]])[] = [
  ['separates words by white space', cmd`tar  -x\n\t -f`.argv, ['tar', '-x', '-f']],
  ['drops white space at its ends', cmd` true `.argv, ['true']],
  ['has no words when it is empty', cmd``.argv, []],
  ['never splits a value', cmd`echo ${'a b\nc'} d`.argv, ['echo', 'a b\nc', 'd']],
  ['joins a value with the text before it', cmd`--name=${'x y'}`.argv, ['--name=x y']],
  ['joins a value with the text after it', cmd`${'/opt'}/runc -v`.argv, ['/opt/runc', '-v']],
  ['joins values that touch', cmd`${'a'}${'b'}.${1}`.argv, ['ab.1']],
  ['keeps values apart that do not touch', cmd`${'a'} ${'b'}`.argv, ['a', 'b']],
  ['keeps an empty value as a word', cmd`echo ${''} end`.argv, ['echo', '', 'end']],
  ['reads an empty value that touches text as nothing', cmd`a${''}b`.argv, ['ab']],
  ['writes numbers', cmd`chmod ${644} ${0} ${-1.5}`.argv, ['chmod', '644', '0', '-1.5']],
  ['takes a list as words', cmd`rm ${['a b', 'c']} d`.argv, ['rm', 'a b', 'c', 'd']],
  ['takes an empty list as no word', cmd`rm ${[]} d`.argv, ['rm', 'd']],
  ['keeps a list apart from the text it touches', cmd`a${['b', 'c']}d`.argv, ['a', 'b', 'c', 'd']],
  ['keeps an artifact as it is', cmd`tar -xf ${ball} -C ${'/o'}`.argv, ['tar', '-xf', ball, '-C', '/o']],
  ['keeps an artifact in a list', cmd`cat ${[ball, 'x']}`.argv, ['cat', ball, 'x']],
  ['does not let a quote in the template mean anything', cmd`echo "a b"`.argv, ['echo', '"a', 'b"']],
];

for (const [claim, found, expected] of TEMPLATES)
  test(`cmd ${claim}`, () => assert.deepEqual(found, expected));

const NASTY = [
  '',
  ' ',
  "'",
  "''",
  `it's "so" \\ done`,
  '$HOME',
  '$(id)',
  '`id`',
  '*',
  '~',
  '-n',
  '--',
  'a=b',
  '!',
  '#x',
  'a\nb',
  'a\\nb',
  '\t',
  '&& false',
  '; false',
  'ä 漢 😀',
  '[a]',
  '{a,b}',
  '<in',
  '>out',
  '|',
  '%s',
];

test('quoted words come back from sh as they were', () => {
  const { stdout, status } = spawnSync('sh', ['-c', `printf '%s\\0' ${NASTY.map(quoted).join(' ')}`]);
  assert.equal(status, 0);
  assert.deepEqual(stdout.toString().split('\0').slice(0, -1), NASTY);
});

test('quoted leaves a plain word as it is', () => {
  const plain = ['/usr/local/sbin/runc', '--a=b', 'x@1:2,3', '50%', 'a+b', 'A_Z'];
  assert.deepEqual(plain.map(quoted), plain);
});

test('a shown command does in sh what it says, folder and environment included', () => {
  const text = shown({
    argv: ['sh', '-c', 'printf %s "$PWD|$CC_A|$1"', 'x', "it's $A"],
    env: { CC_A: 'a b$c' },
    cwd: '/usr',
  });
  assert.equal(text, `cd /usr && CC_A='a b$c' sh -c 'printf %s "$PWD|$CC_A|$1"' x 'it'\\''s $A'`);
  assert.equal(spawnSync('sh', ['-c', text]).stdout.toString(), "/usr|a b$c|it's $A");
});

test('a shown command names its artifacts', () => {
  assert.equal(shown(cmd`tar -xf ${ball}`), 'tar -xf <ball>');
});

test('titled prefers the title', () => {
  assert.equal(titled({ argv: ['sh', '-c', 'long'], title: 'do it' }), 'do it');
  assert.equal(titled(cmd`do it`), 'do it');
});

test('artifactsOf finds artifacts among the words and in the input', () => {
  const other: Artifact = { ...ball, name: 'other' };
  assert.deepEqual(artifactsOf({ argv: ['x', ball], input: other }), [ball, other]);
  assert.deepEqual(artifactsOf({ argv: ['x'], input: 'text' }), []);
});

test('commandInput records everything that decides what a command does', () => {
  assert.deepEqual(
    commandInput({ argv: ['x', ball], input: ball, env: { A: '1' }, cwd: '/c', title: 'not this' }),
    {
      argv: ['x', '<https://example.org/ball.tgz>'],
      input: '<https://example.org/ball.tgz>',
      env: { A: '1' },
      cwd: '/c',
    },
  );
  assert.deepEqual(commandInput(cmd`x`), { argv: ['x'], input: undefined, env: undefined, cwd: undefined });
});
