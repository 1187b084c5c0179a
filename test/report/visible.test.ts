/** What a terminal would obey is shown: any text, any JSON, and lines with line ends in them. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { textOf, visible } from '../../core/report/visible.ts';

const SHOWN: readonly (readonly [what: string, text: string, shown: string])[] = [
  ['a terminal is not cleared', '\x1b[2J\x1b[H', '\\u001b[2J\\u001b[H'],
  ['a title is not set', '\x1b]0;root\x07', '\\u001b]0;root\\u0007'],
  ['a sequence of eight bits is none', '\x9b2J', '\\u009b2J'],
  ['nothing is overwritten', 'failed\rok    \b\b', 'failed\\u000dok    \\u0008\\u0008'],
  ['nothing is deleted', 'a\x7f', 'a\\u007f'],
  ['text is not turned around', 'exe\u202Egpj.\u2066x\u2069\u200F', 'exe\\u202egpj.\\u2066x\\u2069\\u200f'],
  ['no other line ends than ours', 'a\u2028b\u2029c\u0085d\x0be', 'a\\u2028b\\u2029c\\u0085d\\u000be'],
  ['lines and columns stay', 'a\n\tb\r\nc\n', 'a\n\tb\nc\n'],
  ['what people write stays', 'grüße, 你好, שלום, 👩‍💻 … ✔ →', 'grüße, 你好, שלום, 👩‍💻 … ✔ →'],
];

for (const [what, text, shown] of SHOWN) test(what, () => assert.equal(visible(text), shown));

test('of all signs, these are shown: control characters, changes of direction, line ends of Unicode', () => {
  for (let code = 0; code < 0x10000; code++) {
    const sign = String.fromCharCode(code);
    const obeyed = /(?![\n\t])[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/u.test(sign);
    assert.equal(visible(sign) !== sign, obeyed, code.toString(16));
  }
});

/** Signs by chance, but the same each time (mulberry32). */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

test('of any bytes, no control character gets through, and JSON of them stays what it was', () => {
  const next = chance(1);
  for (let round = 0; round < 2000; round++) {
    const bytes = Buffer.from(
      Array.from({ length: Math.floor(next() * 64) }, () => Math.floor(next() * 256)),
    );
    const signs = Array.from({ length: 16 }, () => String.fromCharCode(Math.floor(next() * 0x2100)));
    const text = bytes.toString('utf8') + bytes.toString('latin1') + signs.join('');
    assert.doesNotMatch(
      visible(text),
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
      /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/,
    );
    assert.equal(visible(visible(text)), visible(text));
    const value = { [text]: [text] };
    assert.deepEqual(JSON.parse(visible(JSON.stringify(value))), value);
  }
});

test('a line that has line ends in it does not pass for several', () => {
  assert.equal(
    textOf(['one', '  two\n✔ all is well\n', 'three\nfour\nfive']),
    'one\n  two\n      ✔ all is well\nthree\n    four\n    five\n',
  );
  assert.equal(textOf([]), '');
});
