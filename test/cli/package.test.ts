/** The package as it is published: packed, put into a project as npm does it, and started on both runtimes. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test, { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { CLONE, ccOfClone, envIn, node } from '../rig/cc.ts';
import { tempFolder } from '../rig/temp.ts';
import { missing } from '../rig/tools.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MODULES = join(ROOT, 'node_modules');
const DENO = join(MODULES, '.bin/deno');
const run = promisify(execFile);

const packed = tempFolder({ after }).then(async (folder) => {
  const words = ['pack', '--silent', '--pack-destination', folder];
  const { stdout } = await run('npm', words, { cwd: ROOT, env: { ...envIn(folder), PATH: withNode() } });
  await run('tar', ['--extract', '--file', join(folder, stdout.trim()), '--directory', folder]);
  return join(folder, 'package');
});

/** The builder wants the Node of this repository. */
function withNode(): string {
  return `${dirname(node())}:${process.env['PATH']}`;
}

/** A folder with files and the package among its modules; what that needs are links to modules of this repository. */
async function project(t: Parameters<typeof tempFolder>[0], files: Readonly<Record<string, string>>) {
  const cwd = await tempFolder(t);
  const modules = join(cwd, 'node_modules');
  await mkdir(join(modules, '.bin'), { recursive: true });
  await run('cp', ['-r', await packed, join(modules, 'cc-kubernetes')]);
  await symlink('../cc-kubernetes/bin/cc.js', join(modules, '.bin/cc'));
  const { dependencies } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
    dependencies: Readonly<Record<string, string>>;
  };
  for (const name of Object.keys(dependencies)) {
    await mkdir(dirname(join(modules, name)), { recursive: true });
    await symlink(join(MODULES, name), join(modules, name));
  }
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(cwd, name)), { recursive: true });
    await writeFile(join(cwd, name), text);
  }
  return { cwd, bin: join(modules, '.bin/cc') };
}

async function answer(cwd: string, program: string, ...words: readonly string[]) {
  const env = { ...envIn(cwd), NO_COLOR: '1', DENO_DIR: join(cwd, 'deno'), DENO_NO_UPDATE_CHECK: '1' };
  try {
    return { code: 0, ...(await run(program, words, { cwd, env })) };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, stdout, stderr };
  }
}

/** What packs it; a machine may have Node without it. */
const skip = missing('npm');

const SITE = {
  'package.json': '{ "type": "module", "dependencies": { "cc-kubernetes": "*" } }',
  'cc.config.ts': `import { recipe } from 'cc-kubernetes';
import { motd } from './motd.ts';
export default recipe({ name: 'site', extends: 'lab', plugins: [motd({ text: 'hello' })] });`,
  'motd.ts': `import { plugin, v, written } from 'cc-kubernetes';
export const motd = plugin({ name: 'motd', help: '', options: v.strictObject({ text: v.string() }),
  build: ({ text }) => ({ steps: [written(text, { name: 'file', path: '/etc/motd', where: 'controller' })] }) });`,
};

test('the package starts on Node and on Deno, and both say the same', { skip }, async (t) => {
  const { cwd, bin } = await project(t, SITE);
  for (const words of [['list'], ['list', '--recipe', 'lab', '--json'], ['--version'], ['graph', 'motd']]) {
    const told = await answer(cwd, node(), bin, ...words);
    assert.deepEqual([told.code, told.stderr], [0, ''], words.join(' '));
    assert.ok(told.stdout.length > 0);
    assert.deepEqual(await answer(cwd, DENO, 'run', '-A', bin, ...words), told, words.join(' '));
    assert.deepEqual(await answer(cwd, DENO, 'run', '-A', 'npm:cc-kubernetes', ...words), told);
  }
  const wrong = await answer(cwd, node(), bin, 'lsit');
  assert.equal(wrong.code, 64);
  assert.deepEqual(await answer(cwd, DENO, 'run', '-A', bin, 'lsit'), wrong);
});

test('a clone starts its sources, and says what the package says', { skip }, async (t) => {
  const { cwd, bin } = await project(t, {});
  const words = ['list', '--recipe', 'lab'];
  const [clone, built] = [await ccOfClone(cwd, ...words), await answer(cwd, node(), bin, ...words)];
  assert.deepEqual([clone.code, clone.stderr], [0, '']);
  const heads = [clone, built].map(({ stdout }) => stdout.split('\n', 1)[0]);
  assert.deepEqual(heads, [
    `# lab from ${join(ROOT, 'recipes/lab.ts')}`,
    `# lab from ${join(cwd, 'node_modules/cc-kubernetes/dist/recipes/lab.js')}`,
  ]);
  const tasks = [clone, built].map(({ stdout }) => stdout.slice(stdout.indexOf('\n')));
  assert.equal(tasks[0], tasks[1]);
});

test('a configuration may import by npm: specifiers and by names of an import map, where Deno runs it', {
  skip,
}, async (t) => {
  const { cwd, bin } = await project(t, {
    ...SITE,
    'deno.json':
      '{ "imports": { "cc": "npm:cc-kubernetes", "cc/": "npm:/cc-kubernetes/", "own/": "./own/" } }',
    'cc.config.ts': `import { recipe } from 'cc';
import { golang } from 'cc/plugins/golang';
import { motd } from 'own/motd.ts';
export default recipe({ name: 'site', plugins: [golang({ version: '1.15' }), motd({ text: 'hello' })] });`,
    'own/motd.ts': SITE['motd.ts'].replace("'cc-kubernetes'", "'npm:cc-kubernetes'"),
  });
  const { code, stdout, stderr } = await answer(cwd, DENO, 'run', '-A', bin, 'list');
  assert.deepEqual([code, stderr], [0, '']);
  assert.match(stdout, /^motd\n {2}motd\/file on controller$/m);
  assert.match(stdout, /^golang$/m);
});

/** What is wrong in types, and only there. */
const MISTAKEN = `import { recipe } from 'cc-kubernetes';
import { golang } from 'cc-kubernetes/plugins/golang';
export const name: number = recipe({ name: 'site' });
export const given = golang({ version: 1 });
`;

test('types of the package hold for tsc and for Deno', { skip }, async (t) => {
  const { cwd } = await project(t, { ...SITE, 'mistaken.ts': MISTAKEN });
  assert.deepEqual(await answer(cwd, DENO, 'check', '--quiet', 'cc.config.ts'), {
    code: 0,
    stdout: '',
    stderr: '',
  });
  const deno = await answer(cwd, DENO, 'check', '--quiet', 'mistaken.ts');
  assert.deepEqual(deno.stderr.match(/TS\d+/g), ['TS2322', 'TS2322']);
  const flags = [
    '--noEmit',
    '--skipLibCheck',
    '--module',
    'nodenext',
    '--strict',
    '--allowImportingTsExtensions',
  ];
  const tsc = (file: string) =>
    answer(cwd, node(), join(MODULES, 'typescript/bin/tsc'), ...flags, '--ignoreConfig', file);
  assert.deepEqual(await tsc('cc.config.ts'), { code: 0, stdout: '', stderr: '' });
  assert.deepEqual((await tsc('mistaken.ts')).stdout.match(/TS\d+/g), ['TS2322', 'TS2322']);
});

/** Makes any Node say that it is an older one. */
const OLD = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.19.2' } });`;
const refusal = (fix: string) => ({
  code: 77,
  stdout: '',
  stderr: `Cannot run on Node 20.19.2: cc needs 22.18 or newer\n  it is ${realpathSync(node())}\n  fix: ${fix}\n`,
});

test('a Node that is too old is refused, with the way to a newer one that holds in this place', {
  skip,
}, async (t) => {
  const { cwd, bin } = await project(t, { ...SITE, 'old.cjs': OLD });
  const old = (script: string) => answer(cwd, node(), '--require', join(cwd, 'old.cjs'), script, 'list');
  assert.deepEqual(
    await old(bin),
    refusal(`npm install --save-dev node@24 in ${cwd}; then start cc there with npx cc`),
  );
  assert.deepEqual(await old(CLONE), refusal('npm ci, which brings a newer Node; then start cc with npx cc'));
  const global = await project(t, {}); // as below the prefix of npm, where no package.json stands
  assert.deepEqual(await old(global.bin), refusal('install a newer Node: https://nodejs.org/en/download'));
  const npx = await project(t, {});
  const cache = join(npx.cwd, '_npx/1');
  await mkdir(cache, { recursive: true });
  await writeFile(join(cache, 'package.json'), '{}');
  await run('mv', [join(npx.cwd, 'node_modules'), cache]);
  assert.deepEqual(
    await old(join(cache, 'node_modules/.bin/cc')),
    refusal('install a newer Node: https://nodejs.org/en/download'),
  );
});

test('a Deno that is too old is refused', { skip }, async (t) => {
  const older = `Object.defineProperty(Deno, 'version', { value: { ...Deno.version, deno: '2.7.14' } });
await import('./node_modules/cc-kubernetes/bin/cc.js');`;
  const { cwd } = await project(t, { ...SITE, 'older.js': older });
  const { code, stdout, stderr } = await answer(cwd, DENO, 'run', '-A', 'older.js', 'list');
  assert.deepEqual([code, stdout], [77, '']);
  assert.match(
    stderr,
    /^Cannot run on Deno 2\.7\.14: cc needs 2\.8 or newer\n {2}it is \/.*\/deno\n {2}fix: deno upgrade\n$/,
  );
});
