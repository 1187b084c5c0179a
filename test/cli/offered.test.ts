/** Commands that plugins of the recipe offer, as they are typed: what they get, how they end, and what is no command. */
import assert from 'node:assert/strict';
import { chmod, chown, lstat, readFile, stat, symlink, writeFile } from 'node:fs/promises';
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

test('help and list name all hosts where a command of a plugin may run', async (t) => {
  const offer = OFFERS.split('\n')[1]!.replace("on: 'here'", "on: { firstOf: 'plane' }");
  const host = (name: string, address: string) =>
    `{ name: '${name}', roles: ['plane'], connection: { kind: 'ssh', address: '${address}' } }`;
  const hosts = `hosts: [${host('p-1', '192.0.2.1')}, ${host('p-2', '192.0.2.2')}]`;
  const cwd = await folder(t, { 'cc.config.ts': config(offer).replace(/hosts: .*\]/, hosts) });
  const way = 'the first of p-1, p-2 that can be reached';
  const told = (await cc(cwd, 'help', 'tool')).stdout.replaceAll('\n', ' ');
  assert.match(told, new RegExp(`runs as root, with your terminal, on ${way}\\. All words`));
  assert.match((await cc(cwd, 'list')).stdout, new RegExp(`a command of kit, on ${way}: cc help tool\n$`));
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

const HOLDING = `
  { name: 'make', does: 'makes a file', on: 'controller', argv: () => ['true'],
    here: (_, { words: [path], hold }) => {
      const held = () => { try { hold(path + '.lock'); return 'free'; } catch { return 'held'; } };
      hold(path + '.lock');
      return { file: { path, text: held() } };
    } },
`;

test('a file that others write, too, is held as they hold it, and not written while they do', {
  skip: NO_ROOT,
}, async (t) => {
  const { cwd, run } = await site(t, HOLDING);
  const lock = join(cwd, 'folder/file.lock');
  assert.deepEqual(await run('make', 'folder/file'), { code: 0, stdout: '', stderr: '' });
  assert.equal(await readFile(join(cwd, 'folder/file'), 'utf8'), 'held');
  await writeFile(lock, '', { flag: 'wx' }); // it is gone
  assert.deepEqual(
    await run('make', 'folder/file'),
    refused(
      1,
      `Cannot confirm on controller: no other program is at work on the file\n  ${lock} is there: wait for the program that made it, or where none runs: rm ${lock}\n`,
    ),
  );
  assert.equal(await readFile(lock, 'utf8'), '');
});

/** A first host that cannot be reached, and one that can. */
const TWO = `import { plugin, recipe, step, v } from '${MOD}';
const kit = plugin({ name: 'kit', help: '', options: v.strictObject({}), build: () => ({
  steps: [step({ name: 's', probe: async () => null, plan: () => [] })],
  offers: [
    { name: 'tool', does: 'runs', on: { firstOf: 'plane' }, argv: (words) => ['sh', '-c', 'echo it ran; exit 3'] },
    { name: 'make', does: 'makes', on: { firstOf: 'plane' }, argv: () => ['true'], here: (_, { host }) => ({ print: host.name }) },
  ] }) });
const off = { kind: 'ssh', address: 'off.example' };
export default recipe({ name: 'site', plugins: [kit()], hosts: [
  { name: 'cp-1', roles: ['plane'], connection: off }, { name: 'cp-2', roles: ['plane'], connection: { kind: 'local' } }] });
`;
const NO_ROUTE = `#!/bin/sh
log=/dev/stderr; for word; do [ "$before" = -E ] && log=$word; before=$word; done
echo 'ssh: connect to host off.example port 22: No route to host' >>"$log"; exit 255
`;

test('a command for the first of several hosts runs on the next one while the first cannot be reached', {
  skip: NO_ROOT,
}, async (t) => {
  const cwd = await folder(t, { 'cc.config.ts': TWO, 'bin/ssh': NO_ROUTE });
  await chmod(join(cwd, 'bin/ssh'), 0o755);
  const env = { PATH: `${join(cwd, 'bin')}:${process.env['PATH']}` };
  const stderr = 'cp-1 cannot be reached: cp-2 is asked\n';
  assert.deepEqual(await ccWith(env, cwd, 'tool'), { code: 3, stdout: 'it ran\n', stderr });
  assert.ok((await ccWith(env, cwd, 'make')).stderr.startsWith(stderr)); // this machine may be of another site
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
