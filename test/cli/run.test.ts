/** `cc run` as it is typed: makes things true once, repairs what drifted, takes it back. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { cc } from '../rig/cc.ts';
import { notes } from './notes.ts';

test('run changes what is not as declared, and a second run changes nothing', async (t) => {
  const { cwd, run } = await notes(t);
  assert.deepEqual(await run('run', 'all'), {
    code: 0,
    stderr: '',
    stdout: `run notes: 2 tasks from ~/cc.config.ts, logs in ~/state/cc/notes/runs/RUN
▶ controller/note/text (new: ~/note is not there)
✔ controller/note/text TIME
▶ controller/copy/file (new: ~/copy is not built)
✔ controller/copy/file TIME
2 changed in TIME: 2 applied
critical path …
`,
  });
  assert.equal(await readFile(join(cwd, 'copy'), 'utf8'), 'one');
  assert.deepEqual(await run('run', 'all'), {
    code: 0,
    stderr: '',
    stdout:
      'run notes: 2 tasks from ~/cc.config.ts, logs in ~/state/cc/notes/runs/RUN\n0 changed in TIME: 2 verified\n',
  });
});

test('run repairs what drifted, and leaves what only needs it alone', async (t) => {
  const { cwd, run } = await notes(t);
  await run('run', 'all');
  await writeFile(join(cwd, 'note'), 'drift');
  assert.deepEqual(await run('run', 'all'), {
    code: 0,
    stderr: '',
    stdout: `run notes: 2 tasks from ~/cc.config.ts, logs in ~/state/cc/notes/runs/RUN
▶ controller/note/text (drifted: ~/note has other bytes than declared)
✔ controller/note/text TIME
1 changed in TIME: 1 applied, 1 verified
critical path …
`,
  });
  assert.equal(await readFile(join(cwd, 'note'), 'utf8'), 'one');
});

test('run goes there and back again: one, two, one', async (t) => {
  const { cwd, run } = await notes(t);
  for (const text of ['one', 'two', 'one']) {
    const { code } = await run('run', 'all', '--set', `note.text=${text}`);
    assert.equal(code, 0);
    assert.equal(await readFile(join(cwd, 'copy'), 'utf8'), text);
  }
});

test('run of one plugin takes what it needs along, and nothing else', async (t) => {
  const { cwd, run } = await notes(t);
  assert.equal((await run('run', 'note')).code, 0);
  assert.deepEqual([existsSync(join(cwd, 'note')), existsSync(join(cwd, 'copy'))], [true, false]);
});

test('run cleanup takes back what can be taken back', async (t) => {
  const { cwd, run } = await notes(t);
  await run('run', 'all');
  assert.deepEqual(await run('run', 'cleanup'), {
    code: 0,
    stderr: '',
    stdout: `undo notes: 2 tasks from ~/cc.config.ts, logs in ~/state/cc/notes/runs/RUN
▶ controller/note/text (undo: ~/note was put there by cc)
✔ controller/note/text TIME
1 changed in TIME: 1 applied, 1 verified
critical path …
`,
  });
  assert.equal(existsSync(join(cwd, 'note')), false);
});

/** What an event says that does not differ from run to run. */
function stableFields(line: string): unknown {
  const { kind, id, state, what, counts, exit } = JSON.parse(line) as Readonly<Record<string, unknown>>;
  return JSON.parse(JSON.stringify({ kind, id, state, what, counts, exit }));
}

test('run --json tells every event on a line of its own', async (t) => {
  const { cwd } = await notes(t);
  const { code, stdout, stderr } = await cc(cwd, 'run', 'note', '--json');
  assert.deepEqual([code, stderr], [0, '']);
  const id = 'controller/note/text';
  assert.deepEqual(stdout.trimEnd().split('\n').map(stableFields), [
    { kind: 'run-started' },
    ...['ready', 'probing', 'performing'].map((state) => ({ kind: 'task', id, state })),
    { kind: 'change', id, what: `write ${cwd}/note` },
    ...['proving', 'applied'].map((state) => ({ kind: 'task', id, state })),
    { kind: 'run-ended', counts: { applied: 1 }, exit: 0 },
  ]);
});

test('a run that fails names the failure, and exits with its code', async (t) => {
  const { cwd, run } = await notes(t);
  const config = await readFile(join(cwd, 'cc.config.ts'), 'utf8');
  await writeFile(join(cwd, 'cc.config.ts'), config.replace('cp ', 'cp --no-such-option '));
  const { code, stdout, stderr } = await run('run', 'all');
  assert.deepEqual([code, stderr], [1, '']);
  // What cp says differs from system to system; what stands around it is ours.
  assert.deepEqual(stdout.split('\n').slice(3, 7), [
    '▶ controller/copy/file (new: ~/copy is not built)',
    '✘ controller/copy/file failed after TIME',
    '  Cannot finish a command on controller: it exited 1',
    '    $ cp --no-such-option ~/note ~/copy',
  ]);
  assert.deepEqual(stdout.split('\n').slice(-4), [
    '1 changed in TIME: 1 applied, 1 failed',
    'critical path …',
    'logs in ~/state/cc/notes/runs/RUN',
    '',
  ]);
});
