/** Taking back on this machine: every recipe can be, and what left a recipe goes with the next run. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { cc, ccWith, folder, MOD } from '../rig/cc.ts';

const recipeOf = (
  steps: readonly string[],
) => `import { cmd, folder, plugin, recipe, step, v, written } from '${MOD}';
const at = { where: 'controller', root: false };
const file = (name) => written(name, { name, path: import.meta.dirname + '/' + name, ...at });
const paths = plugin({ name: 'paths', help: '', options: v.strictObject({}), build: () => ({ steps: [${steps}] }) });
export default recipe({ name: 'site', plugins: [paths()] });
`;

const command = (undo: string) => `step({
  name: 'made', ...at,
  probe: async (view) => ({ there: (await view.stat(import.meta.dirname + '/made')) !== undefined }),
  plan: ({ there }) => (there ? [] : [{ kind: 'run', command: cmd\`touch \${import.meta.dirname}/made\`, why: 'it is not there' }]),
  undo: ({ there }) => (there ? [${undo}] : []),
})`;
const RUN = "{ kind: 'run', command: cmd`rm ${import.meta.dirname}/made`, why: 'it was made' }";
const SCRIPT = "{ kind: 'script', title: 'unmakes it', script: async () => null, why: 'it was made' }";

async function site(t: TestContext, steps: readonly string[]) {
  const cwd = await folder(t, { 'cc.config.ts': recipeOf(steps) });
  const file = (name: string) => join(cwd, name);
  return {
    file,
    is: (name: string) => existsSync(file(name)),
    steps: (others: readonly string[]) => writeFile(file('cc.config.ts'), recipeOf(others)),
    run: (...words: readonly string[]) => cc(cwd, ...words),
  };
}

test('a recipe without the plugin cleanup can be taken back, too', async (t) => {
  const { run, is } = await site(t, ["file('a')"]);
  await run('run', 'all');
  assert.equal(is('a'), true);
  assert.match((await run('list')).stdout, /^cleanup\n {2}takes everything back$/m);
  const plan = await run('plan', 'cleanup');
  assert.equal(plan.code, 2);
  assert.match(
    plan.stdout,
    /^▶ controller\/paths\/a \(undo: .*\)\n {4}remove .*\/a\n1 task would be taken back\n$/,
  );
  assert.equal(is('a'), true);
  assert.equal((await run('run', 'cleanup')).code, 0);
  assert.equal(is('a'), false);
  assert.equal((await run('plan', 'cleanup')).code, 0);
});

test('a step that left goes with the next run of all, and with no other', async (t) => {
  const { run, is, steps } = await site(t, ["file('a')", "file('b')"]);
  await run('run', 'all');
  await steps(["file('a')"]);
  await run('run', 'paths/a');
  assert.equal(is('b'), true);
  assert.equal((await run('status')).code, 2);
  assert.match((await run('run', 'all')).stdout, /^▶ controller\/paths\/b \(no longer declared: /m);
  assert.deepEqual([is('a'), is('b')], [true, false]);
  assert.equal((await run('status')).code, 0);
});

test('a step that comes back before a run of all is as it was', async (t) => {
  const { run, steps } = await site(t, ["file('a')", "file('b')"]);
  await run('run', 'all');
  await steps(["file('a')"]);
  await steps(["file('a')", "file('b')"]);
  assert.match((await run('run', 'all')).stdout, /^0 changed in .*: 2 verified$/m);
});

test('what is taken back by a command goes by that command, once', async (t) => {
  const { run, is, steps } = await site(t, ["file('a')", command(RUN)]);
  await run('run', 'all');
  assert.equal(is('made'), true);
  await steps(["file('a')"]);
  assert.match((await run('run', 'all')).stdout, /^1 changed in .*: 1 applied, 1 verified$/m);
  assert.equal(is('made'), false);
  assert.match((await run('run', 'all')).stdout, /^0 changed in .*: 1 verified$/m);
});

test('what only code of its plugin can take back is told, with the way, until that is done', async (t) => {
  const { run, steps, file } = await site(t, ["file('a')", command(SCRIPT)]);
  await run('run', 'all');
  await steps(["file('a')"]);
  const told = /only the plugin "paths" can do this: unmakes it\n +fix: put it back into the recipe/;
  const ran = await run('run', 'all');
  assert.equal(ran.code, 1);
  assert.match(ran.stdout, told);
  assert.match((await run('status')).stdout, told);
  await steps(["file('a')", command(SCRIPT)]);
  await rm(file('made'));
  assert.equal((await run('run', 'cleanup')).code, 0);
  await steps(["file('a')"]);
  assert.equal((await run('run', 'all')).code, 0);
});

test('forget gives up a command that cannot take a task back any more, and says what stays', async (t) => {
  const { run, is, steps, file } = await site(t, ["file('a')", "file('b')", command(RUN)]);
  await run('run', 'all');
  await steps(["file('a')"]);
  await rm(file('made'));
  for (const _ of ['once', 'again']) {
    const failed = await run('run', 'all');
    assert.equal(failed.code, 1);
    assert.match(failed.stdout, /fix: .*; or leave what it made: cc forget controller\/paths\/made$/m);
  }
  assert.equal((await run('forget', 'paths/made')).code, 64);
  assert.equal((await run('forget', 'controller/paths/none')).code, 64);
  const plain = await run('forget', 'controller/paths/a');
  assert.deepEqual([plain.code, is('a')], [0, true]);
  const forgot = await run('forget', 'controller/paths/made');
  assert.equal(forgot.code, 0);
  assert.match(forgot.stdout, /^Not done, .* of controller\/paths\/made:\nrun rm .*\/made\n$/);
  assert.equal((await run('run', 'all')).code, 0);
  assert.equal((await run('status')).code, 0);
  assert.equal((await run('run', 'cleanup')).code, 0);
  assert.deepEqual([is('a'), is('b')], [false, false]);
});

test('cleanup goes by records where the configuration is gone, and says whose they are', async (t) => {
  const { run, is, file } = await site(t, ["file('a')", command(RUN)]);
  await run('run', 'all');
  await rm(file('cc.config.ts'));
  const plan = await run('plan', 'cleanup');
  assert.match(plan.stdout, /^2 tasks would be taken back$/m);
  const { code, stderr } = await run('run', 'cleanup');
  assert.deepEqual([code, stderr], [0, 'the configuration cannot be used: going by the records of "site"\n']);
  assert.deepEqual([is('a'), is('made')], [false, false]);
});

const LOST: readonly (readonly [what: string, files: Readonly<Record<string, string>>])[] = [
  ['extends a file that is gone', { 'cc.config.ts': "export default { extends: './gone.ts' };" }],
  ['extends a recipe that nobody knows', { 'cc.config.ts': "export default { extends: 'labb' };" }],
  ['has a broken lock', { 'cc.lock': '{' }],
  [
    'imports from another folder what cannot be parsed',
    { 'cc.config.ts': "import './lib/a.ts';", 'lib/a.ts': 'export const a = ;' },
  ],
  [
    'extends what cannot be parsed, in another folder',
    { 'cc.config.ts': "export default { extends: './lib/a.json' };", 'lib/a.json': '{' },
  ],
  [
    'has a proxy that cannot be used',
    { 'cc.config.ts': "export default { proxy: { http: 'gopher://x' } };" },
  ],
];

for (const [what, files] of LOST)
  test(`cleanup goes by records where the configuration ${what}`, async (t) => {
    const { run, is, file } = await site(t, ["file('a')"]);
    await run('run', 'all');
    await mkdir(file('lib'));
    for (const [name, text] of Object.entries(files)) await writeFile(file(name), text);
    const { code, stderr } = await run('run', 'cleanup');
    assert.deepEqual(
      [code, stderr],
      [0, 'the configuration cannot be used: going by the records of "site"\n'],
    );
    assert.equal(is('a'), false);
  });

test('cleanup of a configuration that cannot be used takes nothing back of the site above it', async (t) => {
  const { run, is, file } = await site(t, ["file('a')"]);
  await run('run', 'all');
  await mkdir(file('below'));
  await writeFile(file('below/cc.config.ts'), 'export default {');
  const state = { XDG_STATE_HOME: file('state'), XDG_CACHE_HOME: file('cache') };
  const { code, stderr } = await ccWith(state, file('below'), 'run', 'cleanup');
  assert.equal(code, 65);
  assert.doesNotMatch(stderr, /going by the records/);
  assert.match(stderr, /^Cannot load /m);
  assert.equal(is('a'), true);
});

test('cleanup with a --set that is wrong is refused, and does not go by records', async (t) => {
  const { run, is } = await site(t, ["file('a')"]);
  await run('run', 'all');
  const { code, stderr } = await run('run', 'cleanup', '--set', 'paths.no=1');
  assert.notEqual(code, 0);
  assert.doesNotMatch(stderr, /going by the records/);
  assert.equal(is('a'), true);
});

test('cleanup says of notes of hosts that cannot be read what they are', async (t) => {
  const { run, file } = await site(t, ["file('a')"]);
  await run('run', 'all');
  await writeFile(file('state/cc/site/hosts.json'), '[{"name":');
  const { code, stderr } = await run('run', 'cleanup');
  assert.equal(code, 65);
  assert.match(
    stderr,
    /^Cannot read .*hosts.json\n.*\n {2}cc notes there which hosts it has changed for this recipe\n {2}fix: /,
  );
});

test('cleanup without configuration and identity names the sites that there are records of', async (t) => {
  const { run, file } = await site(t, ["file('a')"]);
  await run('run', 'all');
  const id = /^[0-9a-f-]{36}$/m.exec(await readFile(file('cc.site'), 'utf8'))?.[0];
  await rm(file('cc.config.ts'));
  await rm(file('cc.site'));
  const { code, stderr } = await run('run', 'cleanup');
  assert.equal(code, 65);
  assert.ok(stderr.includes(`${id}  site, last run from ${file('cc.config.ts')}\n`), stderr);
});

test('--limit names hosts of the recipe or hosts that left it', async (t) => {
  const { run } = await site(t, ["file('a')"]);
  const unknown = await run('run', 'cleanup', '--limit', 'contoller');
  assert.deepEqual(
    [unknown.code, unknown.stderr.split('\n').slice(0, 2)],
    [64, ['Cannot find a host, a role or a label "contoller"', '  did you mean "controller"?']],
  );
});

const FOLDER = "folder({ name: 'x', path: import.meta.dirname + '/x', ...at })";
const IN_IT = "written('in', { name: 'in', path: import.meta.dirname + '/x/in', ...at })";

test('a folder that left stays while something that is declared stands in it', async (t) => {
  const { run, is, steps } = await site(t, [FOLDER, IN_IT]);
  await run('run', 'all');
  await steps([IN_IT]);
  assert.match((await run('run', 'all')).stdout, /^0 changed/m);
  assert.equal(is('x/in'), true);
});

test('a folder that left stays with what others put there, until everything is taken back', async (t) => {
  const { run, is, steps, file } = await site(t, ["file('a')", FOLDER]);
  await run('run', 'all');
  await writeFile(file('x/data'), 'of a user');
  await steps(["file('a')"]);
  const { code, stdout } = await run('run', 'all');
  assert.equal(code, 0);
  assert.match(stdout, /no longer declared, and left, because something stands in it: .*\/x$/m);
  assert.equal(is('x/data'), true);
});

test('an empty folder that left goes', async (t) => {
  const { run, is, steps } = await site(t, ["file('a')", FOLDER]);
  await run('run', 'all');
  await steps(["file('a')"]);
  await run('run', 'all');
  assert.equal(is('x'), false);
});

test('a step that is another one now, which takes nothing back, loses what it had made', async (t) => {
  const { run, is, steps } = await site(t, ["file('a')"]);
  await run('run', 'all');
  await steps(["step({ name: 'a', ...at, inputs: 1, probe: async () => null, plan: () => [] })"]);
  assert.equal((await run('run', 'all')).code, 0);
  assert.equal(is('a'), false);
});

test('what an older cc recorded without a way back is told, left alone, and goes with cleanup', async (t) => {
  const { run, is, steps, file } = await site(t, ["file('a')", "file('b')"]);
  await run('run', 'all');
  const stamps = file('state/cc/site/stamps.tsv');
  await writeFile(stamps, (await readFile(stamps, 'utf8')).replaceAll(/,"undo":\[[^\]]*\]/g, ''));
  await steps(["file('a')"]);
  const ran = await run('run', 'all');
  assert.equal(ran.code, 0);
  assert.match(
    ran.stdout,
    /paths\/b: no longer declared; an older cc did not write down how to take it back/,
  );
  assert.equal(is('b'), true);
  assert.equal((await run('status')).code, 1);
  assert.equal((await run('run', 'cleanup')).code, 0);
  assert.equal((await run('status')).code, 2);
});

test('a look at what cleanup would do makes no identity', async (t) => {
  const { run, is } = await site(t, ["file('a')"]);
  assert.equal((await run('plan', 'cleanup')).code, 0);
  assert.equal(is('cc.site'), false);
});
