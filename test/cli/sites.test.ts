/** Which checkouts are one site, and which only have a name in common. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { ccWith, folder } from '../rig/cc.ts';
import { recipeOf } from './notes.ts';

/** A configuration beside which no identity can be written, by root either: the name of the file that is written first is too long. */
const LONG = `${'c'.repeat(230)}.ts`;

/** Checkouts of one user: they share the folders where cc keeps state and cache. */
async function checkouts(t: TestContext, ...names: readonly string[]) {
  const home = await folder(t);
  const shared = { XDG_STATE_HOME: join(home, 'state'), XDG_CACHE_HOME: join(home, 'cache') };
  const config = { 'cc.config.ts': recipeOf('site') };
  const places = await Promise.all(names.map(() => folder(t, config)));
  return {
    places,
    run: (place: string | undefined, ...words: readonly string[]) =>
      ccWith(shared, place!, ...words, ...(existsSync(join(place!, LONG)) ? ['--config', LONG] : [])),
    home,
    states: async () => (await readdir(join(shared.XDG_STATE_HOME, 'cc'))).toSorted(),
  };
}

test('two sites whose recipes have one name share nothing', async (t) => {
  const { places, run, states } = await checkouts(t, 'a', 'b');
  const [a, b] = places;
  assert.match((await run(a, 'run', 'all')).stdout, /^2 changed/m);
  assert.match((await run(b, 'run', 'all')).stdout, /^2 changed/m);
  const id = /^[0-9a-f-]{36}$/m.exec(await readFile(join(b!, 'cc.site'), 'utf8'))?.[0] ?? '';
  assert.deepEqual(await states(), ['site', `site-${id.slice(0, 8)}`]);
  assert.match((await run(a, 'run', 'all')).stdout, /^0 changed/m);
  assert.match((await run(b, 'run', 'all')).stdout, /^0 changed/m);
});

test('another checkout of a site is the same site', async (t) => {
  const { places, run, states } = await checkouts(t, 'a', 'b');
  const [a, b] = places;
  await run(a, 'run', 'all');
  await copyFile(join(a!, 'cc.site'), join(b!, 'cc.site'));
  await run(b, 'run', 'all');
  assert.deepEqual(await states(), ['site']);
});

test('a site is the same after its folder was moved', async (t) => {
  const { places, run, states } = await checkouts(t, 'a');
  const [a] = places;
  await run(a, 'run', 'all');
  const moved = `${a}-moved`;
  await rename(a!, moved);
  t.after(() => rename(moved, a!)); // so that the folder's own cleanup finds it
  await run(moved, 'run', 'all');
  assert.deepEqual(await states(), ['site']);
});

test('what only looks makes no identity', async (t) => {
  const { places, run } = await checkouts(t, 'a');
  const [a] = places;
  for (const words of [['plan'], ['status'], ['list'], ['graph'], ['why', 'note/text']])
    await run(a, ...words);
  assert.deepEqual(await readdir(a!), ['cc.config.ts']);
});

test('a file that names no site is refused before anything is done', async (t) => {
  const { places, run } = await checkouts(t, 'a');
  const [a] = places;
  await writeFile(join(a!, 'cc.site'), 'not an identity\n');
  const { code, stdout, stderr } = await run(a, 'run', 'all');
  assert.equal(code, 65);
  assert.equal(stdout, '');
  assert.match(
    stderr,
    /^Cannot tell from .*cc\.site which site this is\n {2}it has a line that is no identity: /,
  );
});

test('hosts that others may reach are not changed by a recipe that can keep no identity', async (t) => {
  const { places, run } = await checkouts(t, 'a');
  const [a] = places;
  const ssh = "hosts: [{ name: 'n1', roles: [], connection: { kind: 'ssh', address: 'n1.invalid' } }],";
  await writeFile(join(a!, 'cc.config.ts'), recipeOf('site', ssh));
  await keepsNone(a);
  const { code, stdout, stderr } = await run(a, 'run', 'all');
  assert.equal(code, 65);
  assert.equal(stdout, '');
  assert.match(stderr, /^Cannot change n1: this recipe has no identity to note there\n/);
});

/** A recipe in a folder that can keep no identity, as root sees one that is read-only, too. */
async function keepsNone(place: string | undefined): Promise<void> {
  await rename(join(place!, 'cc.config.ts'), join(place!, LONG));
}

test('two recipes of one name that can keep no identity share nothing, and each is seen by who looks', async (t) => {
  const { places, run, states } = await checkouts(t, 'a', 'b');
  for (const place of places) await keepsNone(place);
  for (const place of places) assert.match((await run(place, 'run', 'all')).stdout, /^2 changed/m);
  assert.equal((await states()).length, 2);
  for (const place of places) {
    assert.match((await run(place, 'run', 'all')).stdout, /^0 changed/m);
    assert.equal((await run(place, 'status')).code, 0);
  }
});

test('a recipe that can keep an identity from now on keeps its state', async (t) => {
  const { places, run, states } = await checkouts(t, 'a');
  await symlink('cc.config.ts', join(places[0]!, LONG));
  await run(places[0], 'run', 'all');
  await rm(join(places[0]!, LONG));
  assert.match((await run(places[0], 'run', 'all')).stdout, /^0 changed/m);
  assert.deepEqual(await states(), ['site']);
});

test('a copy of an identity beside a recipe of another name is refused, and a renamed recipe is not', async (t) => {
  const { places, run } = await checkouts(t, 'a', 'b');
  const [a, b] = places;
  await run(a, 'run', 'all');
  await copyFile(join(a!, 'cc.site'), join(b!, 'cc.site'));
  await writeFile(join(b!, 'cc.config.ts'), recipeOf('other'));
  for (const words of [['status'], ['run', 'all'], ['run', 'cleanup']]) {
    const { code, stdout, stderr } = await run(b, ...words);
    assert.deepEqual([code, stdout], [65, '']);
    assert.match(stderr, /^Cannot take the recipe "other" for the site of "site": .*cc\.site is a copy$/m);
  }
  await writeFile(join(a!, 'cc.config.ts'), recipeOf('renamed'));
  assert.match((await run(a, 'run', 'all')).stdout, /^0 changed/m);
  // As the refusal says: once under the old name in the new place, then under the new one.
  await writeFile(join(b!, 'cc.config.ts'), recipeOf('renamed'));
  assert.equal((await run(b, 'run', 'all')).code, 0);
  await writeFile(join(b!, 'cc.config.ts'), recipeOf('other'));
  assert.match((await run(b, 'run', 'all')).stdout, /^0 changed/m);
});

test('cc.ts beside cc.config.ts is refused, because both would be one site', async (t) => {
  const { places, run } = await checkouts(t, 'a');
  const [a] = places;
  assert.equal((await run(a, 'run', 'all')).code, 0);
  await writeFile(join(a!, 'cc.ts'), recipeOf('other'));
  for (const words of [['status'], ['run', 'cleanup']]) {
    const { code, stderr } = await run(a, ...words, '--config', 'cc.ts');
    assert.deepEqual(
      [code, stderr],
      [
        65,
        `Cannot use ${a}/cc.ts beside cc.config.ts: both would be the site of cc.site\n  fix: mv ${a}/cc.ts ${a}/site.ts\n`,
      ],
    );
  }
});

test('an identity that is a link to nothing is refused by name', async (t) => {
  const { places, run } = await checkouts(t, 'a');
  await symlink('/nonexistent/cc.site', join(places[0]!, 'cc.site'));
  const { code, stderr } = await run(places[0], 'run', 'all');
  assert.equal(code, 65);
  assert.match(
    stderr,
    /^Cannot tell from .*cc\.site which site this is\n {2}it is a link to what is not there\n/,
  );
});

test('a recipe that can keep no identity is the same after its folder was moved, and not beside a copy', async (t) => {
  const { places, run, states } = await checkouts(t, 'a', 'b');
  const [a, b] = places;
  await keepsNone(a);
  await run(a, 'run', 'all');
  await keepsNone(b);
  assert.doesNotMatch((await run(b, 'run', 'all')).stderr, /which is gone/);
  assert.equal((await states()).length, 2);
  const moved = `${a}-moved`;
  await rename(a!, moved);
  t.after(() => rename(moved, a!)); // so that the folder's own cleanup finds it
  const before = await states();
  const first = await run(moved, 'run', 'all');
  assert.ok(
    first.stderr.includes(
      `this is the recipe that was run from ${join(a!, LONG)}, which is gone: its records are used\n`,
    ),
    first.stderr,
  );
  const again = await run(moved, 'run', 'all');
  assert.match(again.stdout, /^0 changed/m);
  assert.doesNotMatch(again.stderr, /which is gone/);
  assert.deepEqual(await states(), before);
});

test('a site whose identity was lost is told how to be it again', async (t) => {
  const { places, run } = await checkouts(t, 'a');
  const site = join(places[0]!, 'cc.site');
  await run(places[0], 'run', 'all');
  const id = /^[0-9a-f-]{36}$/m.exec(await readFile(site, 'utf8'))?.[0];
  await rm(site);
  const { stderr } = await run(places[0], 'run', 'all');
  assert.ok(
    stderr.includes(
      `${site} was missing, so this is a new site; to be the one again that it was: echo ${id} >${site}\n`,
    ),
    stderr,
  );
});

test('a pipe in the place of a file of cc is refused, and nobody waits for it', async (t) => {
  const { places, run, home } = await checkouts(t, 'a');
  await run(places[0], 'run', 'all');
  const state = join(home, 'state/cc/site');
  for (const file of [join(places[0]!, 'cc.site'), join(state, 'site'), join(state, 'stamps.tsv')]) {
    await rename(file, `${file}.kept`);
    assert.equal(spawnSync('mkfifo', [file]).status, 0);
    const { code, stdout, stderr } = await run(places[0], 'plan');
    assert.ok(code === 1 || code === 65, stderr);
    assert.match(stdout + stderr, /is no regular file/);
    await rename(`${file}.kept`, file);
  }
  // What was learnt to be faster is no reason to refuse anything.
  for (const file of ['durations.json', 'digests.json'].map((name) => join(state, name))) {
    await rm(file, { force: true });
    assert.equal(spawnSync('mkfifo', [file]).status, 0);
    const { code, stderr } = await run(places[0], 'run', 'all');
    assert.equal(code, 0, stderr);
  }
});
