/** `cc plan`, `cc status` and `cc why` as they are typed: they tell, and write nothing. */
import assert from 'node:assert/strict';
import { chmod, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { cc, folder, MOD } from '../rig/cc.ts';
import { notes } from './notes.ts';

const result = (code: number, stdout: string) => ({ code, stdout, stderr: '' });

test('on a bare host plan and status exit 2, why explains, and nothing is written', async (t) => {
  const { cwd, run } = await notes(t);
  assert.deepEqual(
    await run('plan'),
    result(
      2,
      `▶ controller/note/text (new: ~/note is not there)
    write ~/note
▶ controller/copy/file (new: ~/copy is not built)
    run cp ~/note ~/copy
2 of 2 tasks would do something
`,
    ),
  );
  assert.deepEqual(
    await run('status'),
    result(
      2,
      `≠ controller/note/text
    ~/note is not there
≠ controller/copy/file
    ~/copy is not built
0 of 2 tasks are as declared
`,
    ),
  );
  assert.deepEqual(
    await run('why', 'copy'),
    result(0, 'controller/copy/file would run (new)\n  ~/copy is not built\n'),
  );
  assert.deepEqual(await readdir(cwd), ['cc.config.ts']);
});

test('after a run plan and status exit 0, and why says so', async (t) => {
  const { run } = await notes(t);
  await run('run', 'all');
  assert.deepEqual(await run('plan'), result(0, '0 of 2 tasks would do something\n'));
  assert.deepEqual(
    await run('status'),
    result(0, '= controller/note/text\n= controller/copy/file\n2 of 2 tasks are as declared\n'),
  );
  assert.deepEqual(
    await run('why', 'controller/note/text'),
    result(0, 'controller/note/text would not run: it is as declared (applied by cc, and the same since)\n'),
  );
});

test('status exits 2 on drift and names it', async (t) => {
  const { cwd, run } = await notes(t);
  await run('run', 'all');
  await writeFile(join(cwd, 'note'), 'drift');
  assert.deepEqual(
    await run('status', 'note'),
    result(
      2,
      '≠ controller/note/text\n    ~/note has other bytes than declared\n0 of 1 tasks are as declared\n',
    ),
  );
  assert.deepEqual(
    await run('plan', 'note'),
    result(
      2,
      `▶ controller/note/text (drifted: ~/note has other bytes than declared)
    write ~/note
1 of 1 tasks would do something
`,
    ),
  );
});

test('why names the option that has changed', async (t) => {
  const { run } = await notes(t);
  await run('run', 'note');
  assert.deepEqual(
    await run('why', 'note', '--set', 'note.text=two'),
    result(
      0,
      `controller/note/text would run (changed)
  inputs.digest: DIGEST → DIGEST
  ~/note has other bytes than declared
`,
    ),
  );
});

test('what would be found as declared by hand is not news', async (t) => {
  const { cwd, run } = await notes(t);
  await writeFile(join(cwd, 'note'), 'one');
  await chmod(join(cwd, 'note'), 0o644);
  assert.deepEqual(
    await run('why', 'note'),
    result(
      0,
      'controller/note/text would not run: it is as declared (found so; cc never had to change it)\n',
    ),
  );
});

test('plan does not announce what the run will leave alone', async (t) => {
  const { cwd, run } = await notes(t);
  await run('run', 'all');
  await writeFile(join(cwd, 'note'), 'drift');
  // The run says: 1 applied, 1 verified (see run.test.ts).
  assert.equal(
    (await run('plan')).stdout.split('\n').at(-2),
    '1 of 2 tasks would do something; 1 more can be told once others are done',
  );
  assert.deepEqual(
    await run('why', 'copy'),
    result(
      0,
      `controller/copy/file would be looked at after controller/note/text
  controller/note/text would run (drifted: ~/note has other bytes than declared)
`,
    ),
  );
});

test('plan, status and why of what cannot be told end with the code of why not', async (t) => {
  const cwd = await folder(t, {
    'cc.config.ts': `import { plugin, recipe, step, v } from '${MOD}';
const p = plugin({ name: 'p', help: '', options: v.strictObject({}), build: () => ({ steps: [
  step({ name: 's', where: 'controller', root: false, plan: () => [], probe: async () => { throw new Error('no'); } })] }) });
export default recipe({ name: 'unknown', plugins: [p()] });`,
  });
  for (const verb of ['plan', 'status', 'why']) assert.equal((await cc(cwd, verb, 'p')).code, 1, verb);
});

test('plan, status and why --json print one document each', async (t) => {
  const { cwd } = await notes(t);
  const id = 'controller/note/text';
  const why = `${cwd}/note is not there`;
  const finding = {
    kind: 'would',
    id,
    stamped: false,
    reason: { kind: 'new', details: [why] },
    changes: [{ kind: 'write', what: `write ${cwd}/note`, why }],
  };
  for (const [verb, expected] of [
    ['plan', { recipe: 'notes', tasks: [finding] }],
    ['status', { recipe: 'notes', tasks: [finding] }],
    ['why', [finding]],
  ] as const)
    assert.deepEqual(JSON.parse((await cc(cwd, verb, 'note', '--json')).stdout), expected);
});
