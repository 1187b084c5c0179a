/** Values taken out of texts, however they are written and wherever pieces of a text end. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { conceal, masked, maskedData, maskedOutput, masking } from '../../core/model/mask.ts';
import { dice } from '../graph/random.ts';

const DATA = { a: ['hunter2!'] };
const before = [maskedData(DATA), masked('hunter2!')];

test('nothing is masked before anything was revealed, and data stays the same object', () => {
  assert.equal(before[0], DATA);
  assert.equal(before[1], 'hunter2!');
});

const VALUE = `p"ss'w/rd+ä&\\x`;
conceal('db', VALUE);
conceal('long', 'aabaabaac');
conceal('short', 'aabaab');
conceal('pem', '-----BEGIN KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\n-----END KEY-----\n');

/** How programs write a value. */
const WRITTEN: Readonly<Record<string, string>> = {
  'as it is': VALUE,
  'in JSON': JSON.stringify({ a: VALUE }),
  'in JSON in JSON': JSON.stringify(JSON.stringify({ a: VALUE })),
  'in a shell': `'${VALUE.replaceAll("'", `'\\''`)}'`,
  'in an address': `https://x/?a=${encodeURIComponent(VALUE)}`,
  'in a form': new URLSearchParams({ a: VALUE }).toString().replaceAll('%27', "'"),
  'in hex': Buffer.from(VALUE).toString('hex'),
  'in base64': Buffer.from(VALUE).toString('base64'),
  'in base64 of a URL': Buffer.from(VALUE).toString('base64url'),
  'in a header of HTTP': `Basic ${Buffer.from(`me:${VALUE}`).toString('base64')}`,
  'in another header of HTTP': `Basic ${Buffer.from(`some:${VALUE}!`).toString('base64')}`,
  'in a third header of HTTP': `Basic ${Buffer.from(`someone:${VALUE}!!`).toString('base64')}`,
};

for (const [how, text] of Object.entries(WRITTEN))
  test(`a value is masked ${how}`, () => {
    assert.match(masked(`x ${text} y`), /^x [^<]*<db>[^<]{0,6} y$/);
  });

test('a line of a value is masked, and what frames a key is not', () => {
  assert.equal(masked('a\n  kqhkiG9w0BAQEF\nb\n-----BEGIN KEY-----'), 'a\n  <pem>\nb\n-----BEGIN KEY-----');
});

test('the longer of two values counts', () => {
  assert.equal(masked('aabaabaac aabaab'), '<long> <short>');
});

test('keys and values of data are masked, and all else stays', () => {
  assert.deepEqual(maskedData({ 'x aabaab': [1, null, true, { b: 'aabaab', c: undefined }] }), {
    'x <short>': [1, null, true, { b: '<short>', c: undefined }],
  });
});

test('two streams do not hide each other', () => {
  const told: string[] = [];
  const output = maskedOutput((text) => told.push(text));
  output.add('x aab', 'stdout');
  output.add('no\n', 'stderr');
  output.add('aab y\n', 'stdout');
  output.end();
  assert.equal(told.join(''), 'x no\n<short> y\n');
});

test('texts in random pieces are masked as they are in one', () => {
  const roll = dice(7);
  const pick = <Each>(all: readonly Each[]): Each => all[roll(all.length)]!;
  const parts = [
    'a',
    'b',
    'aab',
    'aabaa',
    'aabaab',
    'aabaabaac',
    'c',
    '\n',
    VALUE,
    VALUE.slice(0, 6),
    JSON.stringify(VALUE),
  ];
  for (let round = 0; round < 5000; round += 1) {
    const text = Array.from({ length: 1 + roll(12) }, () => pick(parts)).join('');
    const stream = masking();
    let heard = '';
    for (let rest = text; rest !== ''; ) {
      const end = 1 + roll(5);
      heard += stream.add(rest.slice(0, end));
      assert.ok(!heard.includes('aabaab') && !heard.includes(VALUE), heard);
      rest = rest.slice(end);
    }
    assert.equal(heard + stream.end(), masked(text), JSON.stringify(text));
  }
});

test('what cannot become a value is not held back', () => {
  const stream = masking();
  assert.equal(stream.add('done\n'), 'done\n');
  assert.equal(stream.add('x aab'), 'x ');
});
