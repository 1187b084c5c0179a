/** Whose hosts and folders are: an identity that goes where the recipe goes. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { type Local, pathsOf } from '../../core/store/paths.ts';
import { claim, LOCAL, makeSite, readSite, siteFile } from '../../core/store/site.ts';
import { node } from '../rig/cc.ts';
import { tempFolder } from '../rig/temp.ts';

const A = '11111111-aaaa-4aaa-8aaa-aaaaaaaaaaaa';
/** Makes the file and takes it away, again and again, until it is stopped. */
const MAKER = `const { linkSync, rmSync, writeFileSync } = require('node:fs');
const file = process.argv.at(-1);
writeFileSync(file + '.new', '${A}');
console.log('begun');
for (;;) {
  linkSync(file + '.new', file);
  rmSync(file);
}`;
const B = '22222222-bbbb-4bbb-8bbb-bbbbbbbbbbbb';

for (const [config, file] of [
  ['/s/cc.config.ts', '/s/cc.site'],
  ['/s/cc.config.json', '/s/cc.site'],
  ['/s/package.json', '/s/cc.site'],
  ['/s/prod.ts', '/s/prod.site'],
])
  test(`the identity of ${config} stands in ${file}`, () => {
    assert.equal(siteFile(config!), file);
  });

test('an identity is made once, and read from then on', async (t) => {
  const file = join(await tempFolder(t), 'cc.site');
  assert.equal(readSite(file), undefined);
  const id = makeSite(file);
  assert.match(id ?? '', /^[0-9a-f-]{36}$/);
  assert.equal(readSite(file), id);
  assert.equal(makeSite(file), id);
  assert.deepEqual(await readdir(dirname(file)), ['cc.site']);
  assert.match(await readFile(file, 'utf8'), /Keep it under version control/);
});

test('no identity is made where nothing can be written', async (t) => {
  assert.equal(makeSite(join(await tempFolder(t), 'missing', 'cc.site')), undefined);
});

for (const [what, lines, why] of [
  ['no line', ['# only words'], 'it names no site'],
  ['two identities', ['A', 'B'], 'it names 2 sites'],
  [
    'marks of a merge',
    ['<<<<<<< HEAD', 'A', '=======', 'B', '>>>>>>> other'],
    'it has a line that is no identity: "<<<<<<< HEAD"',
  ],
  [
    'something after it',
    ['A x'],
    `it has a line that is no identity: "11111111-aaaa-4aaa-8aaa-aaaaaaaaaaaa x"`,
  ],
] as const)
  test(`an identity with ${what} is refused`, async (t) => {
    const file = join(await tempFolder(t), 'cc.site');
    await writeFile(file, lines.map((line) => `${line.replace(/^A\b/, A).replace(/^B$/, B)}\r\n`).join(''));
    assert.throws(() => readSite(file), { failure: { kind: 'site-unreadable', file, why } });
  });

test('a file that names no site is refused, and no other is put in its place', async (t) => {
  const file = join(await tempFolder(t), 'cc.site');
  await writeFile(file, '# nothing here\n');
  assert.throws(() => readSite(file), { name: 'Failed' });
  assert.throws(() => makeSite(file), { name: 'Failed' });
});

test('a link to nothing is refused as an identity', async (t) => {
  const file = join(await tempFolder(t), 'cc.site');
  await symlink('missing', file);
  const why = 'it is a link to what is not there';
  assert.throws(() => readSite(file), { failure: { kind: 'site-unreadable', file, why } });
});

test('an identity that appears while it is read is read or not yet there', async (t) => {
  const file = join(await tempFolder(t), 'cc.site');
  const other = spawn(node(), ['-e', MAKER, file], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(other.stdout, 'data');
  try {
    for (let at = 0; at < 20_000; at++) assert.ok([A, undefined].includes(readSite(file)));
  } finally {
    other.kill();
    await once(other, 'exit'); // a folder that somebody writes to cannot be removed
  }
});

async function states(t: Parameters<typeof tempFolder>[0]) {
  const home = await tempFolder(t);
  const keyOf = (recipe: string, site?: string, local?: Local) =>
    pathsOf({ HOME: home }, recipe, site, local).key;
  const claims = (recipe: string, id: string, local?: Local) =>
    claim(pathsOf({ HOME: home }, recipe, id, local).state, { id, name: recipe, config: '/c' });
  return { keyOf, claims, folder: join(home, '.local/state/cc') };
}

test('the first site of a name has the folder of that name, another of that name one of its own', async (t) => {
  const { keyOf, claims } = await states(t);
  await claims('site', A);
  assert.equal(keyOf('site', A), 'site');
  assert.equal(keyOf('site', B), 'site-22222222');
  await claims('site', B);
  assert.equal(keyOf('site', A), 'site');
  assert.equal(keyOf('site', B), 'site-22222222');
});

test('a site whose recipe has another name now keeps its folder', async (t) => {
  const { keyOf, claims } = await states(t);
  await claims('site', A);
  assert.equal(keyOf('prod', A), 'site');
});

test('a folder that an older cc left is taken over by the first site of that name', async (t) => {
  const { keyOf, claims, folder } = await states(t);
  await mkdir(join(folder, 'site'), { recursive: true });
  await writeFile(join(folder, 'site', 'stamps.tsv'), '');
  await claims('site', A);
  assert.equal(keyOf('site', A), 'site');
  assert.ok(await stat(join(folder, 'site', 'stamps.tsv')));
});

const local = (id: string, config: string) => ({
  id: `local-${id}`,
  isMine: (other: string) => other === config,
});

test('two recipes of one name that keep no identity share nothing', async (t) => {
  const { keyOf, claims } = await states(t);
  const [a, b] = [local('aaaaaaaaaa', '/a'), local('bbbbbbbbbb', '/b')];
  await claims('lab', a.id, a);
  assert.equal(keyOf('lab', a.id, a), 'lab');
  assert.equal(keyOf('lab', b.id, b), 'lab-local-bbbbbbbb');
});

test('a recipe that keeps no identity has the state that an older cc left of it, and of no other one', async (t) => {
  const { keyOf, claims } = await states(t);
  await claims('lab', LOCAL);
  const [mine, other] = [local('aaaaaaaaaa', '/c'), local('bbbbbbbbbb', '/d')];
  assert.equal(keyOf('lab', mine.id, mine), 'lab');
  assert.equal(keyOf('lab', other.id, other), 'lab-local-bbbbbbbb');
});

test('a site has the state of its recipe from when that could keep no identity', async (t) => {
  const { keyOf, claims } = await states(t);
  const mine = local('aaaaaaaaaa', '/c');
  await claims('lab', mine.id, mine);
  assert.equal(keyOf('lab', A, mine), 'lab');
});

test('a site that has no identity yet is shown no state of another', async (t) => {
  const { keyOf, claims } = await states(t);
  assert.equal(keyOf('site'), 'site');
  await claims('site', A);
  assert.equal(keyOf('site'), 'site-new');
});

for (const text of ['', '{', 'null', '5'])
  test(`a torn note (${JSON.stringify(text)}) says of nobody that the folder is theirs`, async (t) => {
    const { keyOf, claims, folder } = await states(t);
    await mkdir(join(folder, 'other'), { recursive: true });
    await writeFile(join(folder, 'other', 'site'), text);
    await claims('site', A);
    assert.equal(keyOf('site', A), 'site');
    assert.equal(keyOf('other', B), 'other');
  });
