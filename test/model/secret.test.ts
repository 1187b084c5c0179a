/** A secret shows its label, whoever prints it and how. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { inspect } from 'node:util';
import { kept, secretFault } from '../../core/model/change.ts';
import { cmd, commandInput, shown, type Word } from '../../core/model/command.ts';
import { differenceLine } from '../../core/model/difference.ts';
import { checked } from '../../core/model/schema.ts';
import { labelled, secret, secretsIn, secretVariables, withSecrets } from '../../core/model/secret.ts';
import * as v from '../../core/model/vocabulary.ts';

const token = secret('token', { env: 'CC_TEST_TOKEN' });
const why = 'a test';

/** Ways to make a text of a value. */
const SHOWN: Readonly<Record<string, () => string>> = {
  String: () => String(token),
  'a template': () => `${token}`,
  'a sum': () => ['', token].join(''),
  JSON: () => JSON.parse(JSON.stringify(token)) as string,
  'JSON of what holds it': () => (JSON.parse(JSON.stringify({ a: [token] })) as { a: [string] }).a[0],
  inspect: () => inspect(token),
  'the message of an error': () => new Error(String(token)).message,
};

for (const [how, show] of Object.entries(SHOWN))
  test(`a secret shows its label by ${how}`, () => assert.equal(show(), '<token>'));

test('a secret holds no value that could be copied', () => {
  assert.deepEqual(structuredClone({ ...token }), { label: 'token', from: { env: 'CC_TEST_TOKEN' } });
  assert.throws(() => Object.assign(token, { value: 'x' }), TypeError);
});

/** What is no secret, and what is said of it. */
const ODD: readonly (readonly [label: unknown, from: unknown, said: RegExp])[] = [
  ['', { env: 'A' }, /label of a secret is a name/],
  ['a\nb', { env: 'A' }, /label of a secret is a name/],
  ['a', { env: 'A-B' }, /<a> names no variable/],
  ['a', { file: 'b' }, /<a> names a file by a path that is not absolute/],
  ['a', { file: '/b', readable: false }, /<a> comes from nowhere/],
  ['a', { env: 'A', readable: true }, /<a> comes from nowhere/],
  ['a', { command: [] }, /<a> has a command that is no list of words/],
  ['a', { env: 'A', file: '/b' }, /<a> comes from nowhere: expected \{ env: 'NAME' \}/],
  ['a', 'the value itself', /<a> comes from nowhere/],
  ['a', undefined, /<a> comes from nowhere/],
];

for (const [label, from, said] of ODD)
  test(`secret(${JSON.stringify(label)}, ${JSON.stringify(from)}) is refused`, () => {
    assert.throws(() => secret(label as string, from as { env: string }), said);
  });

test('a mistake in a secret does not repeat what may be its value', () => {
  assert.throws(
    () => secret('a', 'hunter2!' as unknown as { env: string }),
    (error: Error) => !error.message.includes('hunter2'),
  );
});

test('variables that hold secrets are known', () => {
  assert.ok(secretVariables().includes('CC_TEST_TOKEN'));
});

test('secrets are found however deep, each once', () => {
  assert.deepEqual(secretsIn({ a: [token, { b: token }], c: 'd' }), [token]);
  assert.deepEqual(withSecrets({ a: [token], b: 1, c: undefined }, String), {
    a: ['<token>'],
    b: 1,
    c: undefined,
  });
  assert.equal(labelled(['x = ', token, '\n']), 'x = <token>\n');
});

test('a command shows the label in its environment, and nothing of its input', () => {
  const command = { ...cmd`run it`, env: { A: ['Bearer it ', token], B: token }, input: token };
  assert.equal(shown(command), `A='Bearer it '<token> B=<token> run it`);
  assert.deepEqual(secretsIn(commandInput(command)), [token]);
});

test('cmd takes no secret, alone or in a list', () => {
  const word = token as unknown as Word;
  assert.throws(
    () => cmd`login --token ${word}`,
    /<token> cannot be a word of a command.*hand it over by env or input/,
  );
  assert.throws(() => cmd`login ${['a', word]}`, /<token> cannot be a word/);
  // @ts-expect-error: types say it first
  assert.throws(() => cmd`login --token=${token}`, /<token> cannot be a word/);
});

test('a stamp keeps no change that takes a secret', () => {
  const command = { argv: ['logout'], env: { TOKEN: token } };
  assert.deepEqual(kept({ kind: 'run', command, why }), {
    kind: 'by-plugin',
    title: 'run TOKEN=<token> logout',
    why,
  });
  const write = { kind: 'write', path: '/x', text: [token], mode: 0o600, why } as const;
  assert.deepEqual(kept(write), { kind: 'by-plugin', title: 'write /x', why });
  assert.deepEqual(kept({ ...write, text: 'plain' }), { ...write, text: 'plain' });
});

test('a secret is refused in a file that others may read, and in nothing that others cannot', () => {
  const write = (mode: number) => secretFault({ kind: 'write', path: '/x', text: [token], mode, why });
  assert.deepEqual([0o600, 0o640, 0o400].map(write), [undefined, undefined, undefined]);
  for (const mode of [0o644, 0o604, 0o601]) assert.match(write(mode) ?? '', /\/x holds the secret <token>/);
  assert.equal(secretFault({ kind: 'write', path: '/x', text: 'plain', mode: 0o644, why }), undefined);
});

test('a secret that changed is told by its label', () => {
  const [before, after] = ['a', 'b'].map((each) => `<token> ${each.repeat(64)}`);
  const line = (...sides: (string | undefined)[]) => {
    const [before, after] = sides;
    return differenceLine({
      path: ['inputs', 'token'],
      ...(before === undefined ? {} : { before }),
      ...(after === undefined ? {} : { after }),
    });
  };
  assert.equal(line(before, after), 'inputs.token: <token> changed');
  assert.equal(line(undefined, after), 'inputs.token: nothing → <token>');
  assert.equal(line('plain', after), 'inputs.token: plain → <token>');
  assert.equal(line(before, `<other> ${'b'.repeat(64)}`), 'inputs.token: <token> → <other>');
});

test('an option of a plugin may want a secret, and does not repeat what it gets instead', () => {
  const schema = v.strictObject({ token: v.secret() });
  assert.deepEqual(checked(schema, { token }, 'p'), { ok: true, value: { token } });
  const message = `expected secret('label', { env: 'NAME' }), and no value itself`;
  for (const given of [{ token: 'hunter2!' }, { token: {} }])
    assert.deepEqual(checked(schema, given, 'p'), { ok: false, problems: [{ path: 'p.token', message }] });
});
