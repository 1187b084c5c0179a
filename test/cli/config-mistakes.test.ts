/** Configurations that cannot be used: the file is named, and why; never "no configuration found". */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { symlink, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import test from 'node:test';
import { loadConfig } from '../../core/cli/config.ts';
import { Failed } from '../../core/model/failure.ts';
import { explained } from '../../core/report/explain.ts';
import { folder } from '../rig/cc.ts';

type Files = Readonly<Record<string, string>>;
type Options = Parameters<typeof loadConfig>[0] & { readonly from?: string };

/** Where it stands in the file: test/cli/config/places.test.ts. */
const FRAME = /^ +(at ~.*:\d+:\d+$|\d* *\| )/;

/** The text of the failure, with the folder called `~`. */
async function refused(t: { after(done: () => Promise<void>): void }, files: Files, options: Options) {
  const cwd = await folder(t, { 'package.json': '{}', ...files });
  const { from = '.', ...rest } = options;
  const error: unknown = await loadConfig(rest, join(cwd, from)).then(
    () => new Error('it was loaded'),
    (error: unknown) => error,
  );
  if (!(error instanceof Failed)) throw error;
  const lines = explained(error.failure).map((line) => line.replaceAll(cwd, '~'));
  return lines.filter((line) => !FRAME.test(line)).join('\n');
}

const none = (from: string) => `Cannot find a configuration from ${from} upwards
  looked for cc.config.{ts,mjs,js,json,yaml} and the "cc" key of package.json
  fix: write cc.config.ts, or name a recipe: --recipe lab`;

type Mistake = readonly [what: string, files: Files, options: Options, text: string];

const HOST = { name: 'a', roles: [], connection: { kind: 'local' } };

const MISTAKES: readonly Mistake[] = [
  ['there is none', {}, {}, none('~')],
  ['there is none below a project', { 'a/b': '' }, { from: 'a' }, none('~/a')],
  [
    'it throws',
    { 'cc.config.ts': 'throw new Error("no luck");' },
    {},
    'Cannot load ~/cc.config.ts\n  no luck',
  ],
  [
    'one above throws',
    { 'cc.config.ts': 'throw new Error("no luck");', 'a/b': '' },
    { from: 'a' },
    'Cannot load ~/cc.config.ts\n  no luck',
  ],
  ...['10.0.0.256', '10.0.0', '10.0.0.0/33', 'eth 1', '', 'fd00::1'].map(
    (address): Mistake => [
      `a host has the address "${address}"`,
      { 'cc.config.json': JSON.stringify({ hosts: [{ ...HOST, address }] }) },
      {},
      'Cannot use ~/cc.config.json: 1 mistake\n  hosts.0.address: expected an IPv4 address, a network as 10.0.0.0/24, or an interface',
    ],
  ),
  ['it throws no error', { 'cc.config.mjs': 'throw 7;' }, {}, 'Cannot load ~/cc.config.mjs\n  threw 7'],
  [
    'it has no default export',
    { 'cc.config.ts': 'export const a = 1;' },
    {},
    'Cannot load ~/cc.config.ts\n  its default export is missing',
  ],
  [
    'it is a list',
    { 'cc.config.json': '[]' },
    {},
    'Cannot load ~/cc.config.json\n  what it holds is a list, not a recipe',
  ],
  [
    'it is text',
    { 'cc.config.yaml': 'just text' },
    {},
    'Cannot load ~/cc.config.yaml\n  what it holds is text, not a recipe',
  ],
  ['it is an empty module', { 'cc.config.ts': '' }, {}, 'Cannot load ~/cc.config.ts\n  it is empty'],
  ['it is empty JSON', { 'cc.config.json': '' }, {}, 'Cannot load ~/cc.config.json\n  it is empty'],
  ['it is empty YAML', { 'cc.config.yaml': '' }, {}, 'Cannot load ~/cc.config.yaml\n  it is empty'],
  [
    'it is a folder',
    { 'cc.config.ts/x': '' },
    {},
    'Cannot load ~/cc.config.ts\n  it is a folder, not a file',
  ],
  [
    '--set has a path without an end',
    { 'cc.config.json': '{}' },
    { set: [`a.${'b.'.repeat(20_000)}c=1`] },
    `Cannot read "--set a.${'b.'.repeat(20_000)}c=...": expected plugin.option=value\n  fix: see: cc --help`,
  ],
  ['--config names nothing', {}, { config: 'a/b.ts' }, 'Cannot load ~/a/b.ts\n  there is no such file'],
  ['--config names a folder', {}, { config: '.' }, 'Cannot load ~\n  it is a folder, not a file'],
  ['--recipe names a folder', {}, { recipe: '.' }, 'Cannot load ~\n  it is a folder, not a file'],
  [
    '--config names a device',
    {},
    { config: '/dev/null' },
    'Cannot load /dev/null\n  it is a device, not a file',
  ],
  ['--config names what is empty', { 'a.ts': '' }, { config: 'a.ts' }, 'Cannot load ~/a.ts\n  it is empty'],
  ['package.json is empty', { 'package.json': '' }, {}, none('~')],
  ['package.json has null for cc', { 'package.json': '{"cc":null}' }, {}, none('~')],
  ['--recipe names no file', {}, { recipe: './b.ts' }, 'Cannot load ~/b.ts\n  there is no such file'],
  [
    'extends names no file',
    { 'cc.config.json': '{"extends":"./b.ts"}' },
    {},
    'Cannot use ~/cc.config.json: 1 mistake\n  extends: cannot be ~/b.ts: there is no such file',
  ],
  [
    'extends names a folder',
    { 'cc.config.json': '{"extends":"./b"}', 'b/c': '' },
    {},
    'Cannot use ~/cc.config.json: 1 mistake\n  extends: cannot be ~/b: it is a folder, not a file',
  ],
  [
    'extends names no recipe',
    { 'cc.config.json': '{"extends":"labb"}' },
    {},
    'Cannot use ~/cc.config.json: 1 mistake\n  extends: there is no recipe "labb"; did you mean "lab"?',
  ],
  [
    'it has mistakes in several keys',
    { 'cc.config.ts': 'export default { nmae: 1, hosts: 5, name: "a b", concurrency: 0 };' },
    {},
    `Cannot use ~/cc.config.ts: 4 mistakes
  nmae: is not known; did you mean "name"?
  name: expected at most 64 letters, digits, ".", "_" and "-", with a letter or a digit first and last, found "a b"
  hosts: expected a list of hosts, the path of a file, or { command: [...] }, found 5
  concurrency: expected >=1, found 0`,
  ],
  [
    'what it extends has a mistake',
    { 'cc.config.ts': 'export default { extends: "./b.yaml" };', 'b.yaml': 'hots: []' },
    {},
    'Cannot use ~/b.yaml: 1 mistake\n  hots: is not known; did you mean "hosts"?',
  ],
  [
    'what it extends is a promise',
    { 'cc.config.ts': 'export default { extends: Promise.resolve({}) };' },
    {},
    'Cannot load ~/cc.config.ts\n  extends is a promise, not a recipe: write await before it',
  ],
  [
    'its name leads out of the folder',
    { 'cc.config.json': '{"name":"../x"}' },
    {},
    'Cannot use ~/cc.config.json: 1 mistake\n  name: expected at most 64 letters, digits, ".", "_" and "-", with a letter or a digit first and last, found "../x"',
  ],
  [
    'it extends itself',
    { 'cc.config.ts': 'export default { extends: "./cc.config.ts" };' },
    {},
    'Cannot use ~/cc.config.ts: 1 mistake\n  extends: leads back to where it began: ~/cc.config.ts → ~/cc.config.ts',
  ],
  [
    'two extend each other',
    {
      'cc.config.json': '{"extends":"./b.json"}',
      'b.json': '{"extends":"./c.json"}',
      'c.json': '{"extends":"./b.json"}',
    },
    {},
    'Cannot use ~/c.json: 1 mistake\n  extends: leads back to where it began: ~/b.json → ~/c.json → ~/b.json',
  ],
];

for (const [what, files, options, text] of MISTAKES) {
  test(`a configuration is refused where ${what}`, async (t) => {
    assert.equal(await refused(t, files, options), text);
  });
}

test('a recipe that is not shipped is refused with the nearest name', async (t) => {
  const text = 'Cannot find recipe "lba"\n  did you mean "lab"?\n  fix: see: cc --help';
  assert.equal(await refused(t, {}, { recipe: 'lba' }), text);
});

/** The words of the parsers are not ours; the file they are about is. */
const UNREADABLE: readonly (readonly [string, string])[] = [
  ['cc.config.ts', 'export default {'],
  ['cc.config.ts', 'import "./nowhere.ts"; export default {};'],
  ['cc.config.json', '{'],
  ['cc.config.yaml', 'a: [}'],
  ['package.json', '{'],
];

for (const [name, text] of UNREADABLE) {
  test(`${name} that reads ${text} is refused by name`, async (t) => {
    const [first] = (await refused(t, { [name]: text }, {})).split('\n');
    assert.equal(first, `Cannot load ~/${name}`);
  });
}

for (const set of ['a=1', 'a=1\n1=1', 'a.b', '.b=1', 'a.=1', 'a..b=1', 'a.b.=1', '']) {
  test(`--set ${set || 'of nothing'} is refused, and what it would set is not repeated`, async (t) => {
    assert.equal(
      await refused(t, { 'cc.config.json': '{}' }, { set: [set] }),
      `Cannot read "--set ${set.replace(/=1.*/s, '=...')}": expected plugin.option=value\n  fix: see: cc --help`,
    );
  });
}

const ABOVE: readonly (readonly [files: Files, options: Options, text: string])[] = [
  [{ 'cc.config.yaml': '', 'a/b': '' }, { from: 'a' }, 'Cannot load ~/cc.config.yaml\n  it is empty'],
  [{ 'cc.config.json': '{', 'a/b': '' }, { from: 'a' }, 'Cannot load ~/cc.config.json'],
  [
    { 'a/cc.config.ts': '', 'a/cc.config.yaml': 'name: a', 'cc.config.json': '{}' },
    { from: 'a' },
    'Cannot load ~/a/cc.config.ts\n  it is empty',
  ],
];

for (const [files, options, text] of ABOVE) {
  test(`a configuration that counts but says nothing is named: ${Object.keys(files)[0]}`, async (t) => {
    const found = await refused(t, files, options);
    assert.equal(found.split('\n').slice(0, text.split('\n').length).join('\n'), text);
  });
}

const SHAPES: readonly (readonly [text: string, ...problems: string[]])[] = [
  ['{"extends":5}', 'extends: expected (string | Object), found 5'],
  ['{"concurrency":"many"}', 'concurrency: expected number, found "many"'],
  ['{"isolation":"xx"}', 'isolation: expected ("vm" | "none"), found "xx"'],
  ['{"name":5}', 'name: expected string, found 5'],
  ['{"without":"a"}', 'without: expected Array, found "a"'],
  [
    '{"hosts":[{"name":"a"}]}',
    'hosts.0.roles: expected "roles", it is missing',
    'hosts.0.connection: expected "connection", it is missing',
  ],
  [
    '{"hosts":[{"name":"a","roles":[],"connection":{"kind":"sh"}}]}',
    'hosts.0.connection.kind: expected ("local" | "ssh"), found "sh"',
  ],
  [
    '{"hosts":[{"name":"a","roles":[],"connection":{"kind":"ssh","address":"","port":70000}}]}',
    'hosts.0.connection.address: expected a host name or an address, as 192.0.2.10, found ""',
    'hosts.0.connection.port: expected a port from 1 to 65535, as 22, found 70000',
  ],
  ['{"zzzzzzzz":1,"yyyyyyyy":1}', 'zzzzzzzz: is not known', 'yyyyyyyy: is not known'],
  ['{"plugins":["runc"]}', 'plugins.0: is no plugin: expected what a function made by plugin() answers'],
  ['{"extends":{"nmae":"a"}}', 'extends.nmae: is not known; did you mean "name"?'],
  [
    '{"extends":{"name":"a","extends":{"hosts":5}}}',
    'extends.extends.hosts: expected a list of hosts, the path of a file, or { command: [...] }, found 5',
  ],
];

async function misshapen(
  t: { after(done: () => Promise<void>): void },
  [text, ...problems]: (typeof SHAPES)[number],
): Promise<void> {
  const count = problems.length === 1 ? '1 mistake' : `${problems.length} mistakes`;
  const lines = problems.map((problem) => `\n  ${problem}`).join('');
  assert.equal(
    await refused(t, { 'cc.config.json': text }, {}),
    `Cannot use ~/cc.config.json: ${count}${lines}`,
  );
}

for (const shape of SHAPES)
  test(`a configuration is refused that reads ${shape[0]}`, (t) => misshapen(t, shape));

const IMPORTS: readonly (readonly [file: string, text: string])[] = [
  ['cc.config.json', '{"$import":"./other.json"}'],
  ['cc.config.yaml', '$import: ./other.json'],
  ['package.json', '{"cc":{"$import":"./other.json"}}'],
];

for (const [file, text] of IMPORTS)
  for (const options of file === 'package.json' ? [{}] : [{}, { config: file }])
    test(`$import is no key of ${file}, found or named: ${JSON.stringify(options)}`, async (t) => {
      const files = { [file]: text, 'other.json': '{"name":"other"}' };
      assert.match(await refused(t, files, options), /^Cannot use .*: 1 mistake\n {2}\$import: is not known/);
    });

for (const name of ['x.json', 'x.yaml', 'x.ts'])
  test(`a pipe called ${name} is refused, and nobody waits for it`, async (t) => {
    const cwd = await folder(t);
    execFileSync('mkfifo', [join(cwd, name)]);
    await assert.rejects(loadConfig({ config: name }, cwd), {
      failure: { kind: 'config-unreadable', file: join(cwd, name), why: 'it is a pipe, not a file' },
    });
  });

test('a pipe called package.json ends the search, and nobody waits for it', async (t) => {
  const cwd = await folder(t);
  execFileSync('mkfifo', [join(cwd, 'package.json')]);
  await assert.rejects(loadConfig({}, cwd), { failure: { kind: 'config-missing', from: cwd } });
});

test('a recipe that extends itself through a link is one that extends itself', async (t) => {
  const cwd = await folder(t, { 'cc.config.json': '{"extends":"./deeper/cc.config.json"}' });
  await symlink('.', join(cwd, 'deeper'));
  await assert.rejects(loadConfig({}, cwd), ({ failure }: Failed) => failure.kind === 'config-invalid');
});

const UTF8 = 'fix: save it as UTF-8';

/** Bytes that are no text, in each form that a configuration may have. */
const BYTES: readonly (readonly [what: string, bytes: Buffer, text: string])[] = [
  [
    'UTF-16',
    Buffer.from('\uFEFF{}\n', 'utf16le'),
    `Cannot load ~/FILE\n  it is in UTF-16, and cc reads UTF-8\n  ${UTF8}`,
  ],
  [
    'a NUL byte',
    Buffer.from('{ "name": \n "a\0" }'),
    'Cannot load ~/FILE\n  it has a NUL byte\n  at ~/FILE:2:4\n    2 | "a\0" }\n      |   ^',
  ],
  [
    'Latin-1',
    Buffer.concat([Buffer.from('\uFEFF{ "\uFFFD": 1,\n "name": "K'), Buffer.from('\xf6ln" }', 'latin1')]),
    `Cannot load ~/FILE\n  it is not UTF-8\n  at ~/FILE:2:12\n    2 | "name": "K\uFFFDln" }\n      |           ^\n  ${UTF8}`,
  ],
];

for (const [what, bytes, text] of BYTES)
  for (const file of ['cc.config.json', 'cc.config.yaml', 'cc.config.ts', 'package.json'])
    test(`${file} that holds ${what} is refused, with the place`, async (t) => {
      const cwd = await folder(t);
      await writeFile(join(cwd, file), bytes);
      const error: unknown = await loadConfig({}, cwd).catch((error: unknown) => error);
      assert.ok(error instanceof Failed, String(error));
      assert.equal(explained(error.failure).join('\n').replaceAll(cwd, '~'), text.replaceAll('FILE', file));
    });

test('a file that no person has written is refused, before it is read', async (t) => {
  const cwd = await folder(t);
  for (const file of ['a.json', 'a.yaml', 'a.ts']) {
    await writeFile(join(cwd, file), '{}');
    await truncate(join(cwd, file), 100 * 1024 * 1024);
    const why = 'it has 100 MiB, and may have 16';
    await assert.rejects(loadConfig({ config: file }, cwd), {
      failure: { kind: 'config-unreadable', file: join(cwd, file), why },
    });
  }
});

test('a socket is refused', async (t) => {
  const cwd = await folder(t);
  const server = createServer().listen(join(cwd, 'a.ts'));
  await once(server, 'listening');
  const why = 'it is a socket, not a file';
  await assert.rejects(loadConfig({ config: 'a.ts' }, cwd), {
    failure: { kind: 'config-unreadable', file: join(cwd, 'a.ts'), why },
  });
  server.close();
});

const BOM = '\uFEFF';

test('JSON and YAML may begin with the mark of their encoding', async (t) => {
  const cwd = await folder(t, { 'a.json': `${BOM}{"name":"a"}`, 'a.yaml': `${BOM}name: a` });
  for (const config of ['a.json', 'a.yaml'])
    assert.deepEqual((await loadConfig({ config }, cwd)).layers, [{ name: 'a' }]);
});
