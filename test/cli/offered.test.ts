/** Commands that plugins of the recipe offer, as they are typed: what they get, how they end, and what is no command. */
import assert from 'node:assert/strict';
import { chown, lstat, readFile, stat, symlink, writeFile } from 'node:fs/promises';
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

/** What is made here of `printed`, of words, and of a file. */
const HERE = `
  { name: 'make', does: 'makes a file', takes: '[PATH]', on: 'controller', argv: () => ['sh', '-c', 'echo printed; [ -t 0 ] || cat'],
    here: (printed, { words: [path], host, env, read }) => path === undefined
      ? { print: printed + host.name + env.SHOWN + '\\n', says: ['said'] }
      : { file: { path, text: JSON.stringify([printed, read(path) ?? 'nothing']) } } },
  { name: 'fails', does: 'fails', on: 'controller', argv: () => ['sh', '-c', 'echo secret; echo why >&2; exit 3'], here: (print) => ({ print }) },
  { name: 'odd', does: 'is odd', on: 'controller', argv: () => ['true'], here: () => ({ print: 5 }) },
`;

test('a command of a plugin makes something here of what its program printed', {
  skip: NO_ROOT,
}, async (t) => {
  const { cwd, run } = await site(t, HERE);
  assert.deepEqual(await ccWith({ SHOWN: '!' }, cwd, 'make'), {
    code: 0,
    stdout: 'printed\ncontroller!\n',
    stderr: 'said\n',
  });
  const file = join(cwd, 'new/folder/file');
  const written = async () => [await readFile(file, 'utf8'), (await stat(file)).mode & 0o777];
  assert.deepEqual(await run('make', 'new/folder/file'), { code: 0, stdout: '', stderr: '' });
  assert.deepEqual(await written(), ['["printed\\n","nothing"]', 0o600]);
  await writeFile(file, 'a: [1]\n');
  await symlink(file, join(cwd, 'link'));
  await run('make', 'link');
  assert.deepEqual(await written(), ['["printed\\n",{"a":[1]}]', 0o600]);
  assert.ok((await lstat(join(cwd, 'link'))).isSymbolicLink());
});

test('a file that cannot be read, or is of somebody else, is not written', { skip: NO_ROOT }, async (t) => {
  const { cwd, run } = await site(t, HERE);
  const file = join(cwd, 'file');
  await writeFile(file, 'a: b: secret\n');
  const torn = await run('make', 'file');
  assert.deepEqual([torn.code, torn.stderr.split('\n')[0]], [65, `Cannot load ${file}`]);
  assert.ok(!torn.stderr.includes('secret'), torn.stderr);
  await writeFile(file, 'a: .nan\n');
  assert.match((await run('make', 'file')).stderr, /what it says\.a is NaN/);
  await writeFile(file, 'a: b\n');
  await chown(file, 4711, 4711);
  assert.deepEqual(
    await run('make', 'file'),
    refused(
      65,
      `Cannot write ${file}\n  it belongs to user 4711: run cc as that user\n  fix: name a place that can be written, or make this one so\n`,
    ),
  );
  assert.equal(await readFile(file, 'utf8'), 'a: b\n');
});

test('a program that fails is told without what it printed, and what is odd is judged', {
  skip: NO_ROOT,
}, async (t) => {
  const { run } = await site(t, HERE);
  const { code, stdout, stderr } = await run('fails');
  assert.deepEqual(
    [code, stdout, stderr.includes('why'), /secret$/m.test(stderr)],
    [1, '', true, false],
    stderr,
  );
  assert.match(
    (await run('odd')).stderr,
    /kit: what its command "odd" answered\.print: expected a text, found 5/,
  );
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
