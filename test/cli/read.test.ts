/** `cc list`, `cc graph` and `cc logs` as they are typed. */
import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { cc, folder, MOD } from '../rig/cc.ts';
import { notes } from './notes.ts';

const printed = (stdout: string) => ({ code: 0, stdout, stderr: '' });

test('list prints which configuration is used, tasks by plugin, and what takes everything back', async (t) => {
  const { run } = await notes(t);
  assert.deepEqual(
    await run('list'),
    printed(`# notes from ~/cc.config.ts
note
  note/text on controller
copy
  copy/file on controller
cleanup
  takes everything back
`),
  );
  const { stdout } = await run('list', '--json');
  assert.deepEqual(JSON.parse(stdout), {
    recipe: 'notes',
    config: '~/cc.config.ts',
    tasks: [
      { id: 'controller/note/text', host: 'controller', plugin: 'note', needs: [] },
      { id: 'controller/copy/file', host: 'controller', plugin: 'copy', needs: ['controller/note/text'] },
    ],
    undo: ['cleanup'],
    commands: [],
  });
});

const GRAPHS: readonly (readonly [format: string, text: string])[] = [
  ['text', 'controller/note/text\ncontroller/copy/file ← controller/note/text\n'],
  [
    'dot',
    `digraph cc {
  rankdir=LR;
  "controller/note/text";
  "controller/note/text" -> "controller/copy/file";
}
`,
  ],
  [
    'mermaid',
    `graph LR
  t0["controller/note/text"]
  t0["controller/note/text"] --> t1["controller/copy/file"]
`,
  ],
  [
    'json',
    '[{"id":"controller/note/text","needs":[]},{"id":"controller/copy/file","needs":["controller/note/text"]}]\n',
  ],
];

test('graph prints the same graph in four formats, and text when none is named', async (t) => {
  const { run } = await notes(t);
  for (const [format, text] of GRAPHS)
    assert.deepEqual(await run('graph', '--format', format), printed(text));
  assert.deepEqual(await run('graph'), printed(GRAPHS[0]![1])); // text stands first
  assert.deepEqual(await run('graph', 'note'), printed('controller/note/text\n'));
  assert.deepEqual(await run('graph', '--json'), await run('graph', '--format', 'json'));
});

test('graph prints what is needed before what needs it, whatever the recipe says first', async (t) => {
  const cwd = await folder(t, {
    'cc.config.ts': `import { plugin, recipe, step, v } from '${MOD}';
const p = (name: string, needs: string[]) => plugin({ name, help: '', options: v.strictObject({}), build: () => ({
  needs, steps: [step({ name: 's', where: 'controller', probe: async () => null, plan: () => [] })] }) })();
export default recipe({ name: 'order', plugins: [p('c', ['b']), p('b', ['a']), p('a', [])] });`,
  });
  assert.deepEqual(
    await cc(cwd, 'graph'),
    printed('controller/a/s\ncontroller/b/s ← controller/a/s\ncontroller/c/s ← controller/b/s\n'),
  );
});

test('logs prints the log of the last time a task did something', async (t) => {
  const { run } = await notes(t);
  await run('run', 'all');
  await run('run', 'all');
  const text = '# run cp ~/note ~/copy\n# because ~/copy is not built\n$ cp ~/note ~/copy\n';
  assert.deepEqual(await run('logs', 'copy'), printed(text));
  assert.deepEqual(
    await run('logs', 'all'),
    printed(
      `== controller/note/text\n# write ~/note\n# because ~/note is not there\n== controller/copy/file\n${text}`,
    ),
  );
  assert.deepEqual(JSON.parse((await run('logs', 'copy', '--json')).stdout), [
    { id: 'controller/copy/file', text },
  ]);
});

test('logs prints the log of a task that is not declared any more, by its whole name', async (t) => {
  const { cwd, run } = await notes(t);
  await run('run', 'all');
  const file = join(cwd, 'cc.config.ts');
  await writeFile(file, (await readFile(file, 'utf8')).replace('[note(), copy(), cleanup()]', '[note()]'));
  assert.match((await run('logs', 'controller/copy/file')).stdout, /^\$ cp ~\/note ~\/copy$/m);
  assert.equal((await run('logs', 'copy')).code, 64);
});

test('logs of a task that never did anything is refused, and writes nothing', async (t) => {
  const { cwd, run } = await notes(t);
  assert.deepEqual(await run('logs', 'copy'), {
    code: 64,
    stdout: '',
    stderr:
      'Cannot find a log of copy: nothing has run there yet, as far as cc remembers\n  fix: see: cc help logs\n',
  });
  await run('list');
  await run('graph');
  assert.deepEqual(await readdir(cwd), ['cc.config.ts']);
});
