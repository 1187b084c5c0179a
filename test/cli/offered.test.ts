/** Commands that plugins of the recipe offer, as they are typed: what they get, how they end, and what is no command. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { cc, ccWith, folder, MOD } from '../rig/cc.ts';

/** What stands for the program of each command. */
const OFFERS = `
  { name: 'tool', does: 'shows its words', takes: '[WORDS...]', on: 'here', argv: (words) => ['sh', '-c', 'id -u; printf "%s|" "$@"; exit 7', 'sh', ...words] },
  { name: 'empty', does: 'has no program', on: 'here', argv: () => [] },
  { name: 'odd', does: 'has a word that is none', on: 'here', argv: () => ['echo', 5] },
  { name: 'bad', does: 'fails', on: 'here', argv: () => { throw new RangeError('no'); } },
  { name: 'picky', does: 'refuses its words', on: 'here', argv: () => fail({ kind: 'usage', message: 'Cannot take words', command: 'picky' }) },
`;

const config = (offers: string) => `import { fail, plugin, recipe, step, v } from '${MOD}';
const kit = plugin({ name: 'kit', help: '', options: v.strictObject({}), build: () => ({
  steps: [step({ name: 's', probe: async () => null, plan: () => [] })], offers: [${offers}] }) });
export default recipe({ name: 'site', plugins: [kit()], hosts: [{ name: 'here', roles: [], connection: { kind: 'local' } }] });
`;

async function site(test: TestContext, offers = OFFERS) {
  const cwd = await folder(test, { 'cc.config.ts': config(offers) });
  return { cwd, run: (...words: readonly string[]) => cc(cwd, ...words) };
}

const refused = (code: number, stderr: string) => ({ code, stdout: '', stderr });
const NO_ROOT = process.getuid?.() === 0 ? false : 'root runs commands that are offered';

test('a command of a plugin gets all words behind it as they are, and its exit code is that of cc', {
  skip: NO_ROOT,
}, async (t) => {
  const { run } = await site(t);
  const words = ['get', '--recipe', '-h', '--version', '--', "a 'b'", ''];
  const stdout = `0\n${words.map((word) => `${word}|`).join('')}`;
  assert.deepEqual(await run('tool', ...words), { code: 7, stdout, stderr: '' });
  assert.deepEqual(await run('--set', 'kit.x=1', 'tool').then(({ code }) => code), 65); // cc has read its own option
});

test('what a plugin makes of words is judged', async (t) => {
  const { cwd, run } = await site(t);
  const told = (message: string) =>
    refused(65, `Cannot use ${cwd}/cc.config.ts: 1 mistake\n  kit: ${message}\n`);
  assert.deepEqual(await run('empty'), told('its command "empty" answered no program'));
  assert.deepEqual(await run('odd'), told('its command "odd" answered[1]: expected a text, found 5'));
  const bad = await run('bad');
  assert.match(bad.stderr, /kit: its command "bad" failed: RangeError: no\n/);
  assert.equal(bad.code, 65);
  assert.deepEqual(await run('picky'), refused(64, 'Cannot take words\n  fix: see: cc help picky\n'));
});

test('a command of a plugin has a help, and is listed', async (t) => {
  const { run } = await site(t, OFFERS.split('\n')[1]);
  const { code, stdout } = await run('help', 'tool');
  assert.equal(code, 0);
  assert.match(stdout, /^Usage: cc \[OPTIONS\] tool \[WORDS\.\.\.\]\n\ncc tool shows its words\.\n/);
  assert.equal((await run('--help', 'tool')).stdout, stdout);
  assert.match((await run('list')).stdout, /\ncc tool\n {2}a command of kit, on here: cc help tool\n$/);
  assert.deepEqual(JSON.parse((await run('list', '--json')).stdout).commands, [
    { name: 'tool', plugin: 'kit', host: 'here', does: 'shows its words' },
  ]);
});

const NO_COMMAND: readonly (readonly [words: readonly string[], offers: string, why: string])[] = [
  [['rnu', 'all'], OFFERS, '"rnu"\n  did you mean "run"?'],
  [['tol'], OFFERS, '"tol"\n  did you mean "tool"?'],
  [['help', 'lsit'], OFFERS, '"lsit"\n  did you mean "list"?'],
  [['kubectl'], '', '"kubectl": no plugin of the recipe "site" offers it'],
  [
    ['kubectl', 'get'],
    OFFERS,
    '"kubectl": no plugin of the recipe "site" offers it; they offer tool, empty, odd, bad, picky',
  ],
];

for (const [words, offers, why] of NO_COMMAND) {
  test(`cc ${words.join(' ')} is no command where plugins offer ${offers === '' ? 'none' : 'some'}`, async (t) => {
    const { run } = await site(t, offers);
    assert.deepEqual(await run(...words), refused(64, `Cannot find command ${why}\n  fix: see: cc --help\n`));
  });
}

test('a slip is told where the configuration cannot be had, and else what is wrong with that', async (t) => {
  const { cwd, run } = await site(t);
  await writeFile(join(cwd, 'cc.config.ts'), 'export default 5;\n');
  assert.match((await run('rnu', 'all')).stderr, /^Cannot find command "rnu"\n {2}did you mean "run"\?\n/);
  assert.match((await run('kubectl')).stderr, /^Cannot load .*cc\.config\.ts/);
  const none = await folder(t, { 'package.json': '{}' });
  const why = 'it is none of cc, and there is no configuration here whose plugins could offer it';
  assert.deepEqual(
    await cc(none, 'kubectl', 'get'),
    refused(64, `Cannot find command "kubectl": ${why}\n  fix: see: cc --help\n`),
  );
});

test('a password for sudo is asked for on a terminal alone', async (t) => {
  const { cwd } = await site(t);
  assert.deepEqual(
    await ccWith({}, cwd, '--ask-become-pass', 'tool'),
    refused(64, 'Cannot ask for a password: there is no terminal\n  fix: see: cc --help\n'),
  );
});
