/** Processes on this machine: how they end, what they are given, what is heard of them. */
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { runProcess } from '../../core/host/own-agent.ts';
import { tempFolder } from '../rig/temp.ts';

const sh = (text: string) => ['sh', '-c', text];
const ended = (code: number, stdout = '', stderr = '') => ({ code, signal: null, stdout, stderr });

for (const code of [0, 1, 44, 127, 255]) {
  test(`process answers exit code ${code} with both streams`, async () => {
    assert.deepEqual(
      await runProcess(sh(`echo out; echo err >&2; exit ${code}`)),
      ended(code, 'out\n', 'err\n'),
    );
  });
}

for (const signal of ['TERM', 'KILL', 'SEGV', 'HUP', 'INT'] as const) {
  test(`process ended by ${signal} answers the signal and no code`, async () => {
    assert.deepEqual(await runProcess(sh(`kill -s ${signal} $$`)), {
      code: null,
      signal: `SIG${signal}`,
      stdout: '',
      stderr: '',
    });
  });
}

test('process that does not exist answers 127', async () => {
  assert.deepEqual(await runProcess(['cc-no-such-program']), ended(127, '', 'cc-no-such-program: not found'));
});

test('process without input reads the end of file at once', async () => {
  assert.deepEqual(await runProcess(['cat']), ended(0));
});

test('process reads text as UTF-8', async () => {
  assert.deepEqual(await runProcess(['cat'], { input: 'zwölf\0\n' }), ended(0, 'zwölf\0\n'));
});

test('process reads a file', async (t) => {
  const file = join(await tempFolder(t), 'input');
  await writeFile(file, 'from a file\n');
  assert.deepEqual(await runProcess(['cat'], { input: { file } }), ended(0, 'from a file\n'));
});

test('process that reads nothing of a long input answers its own exit', async (t) => {
  const file = join(await tempFolder(t), 'input');
  const long = 'x'.repeat(4_000_000);
  await writeFile(file, long);
  assert.deepEqual(await runProcess(sh('exit 3'), { input: long }), ended(3));
  assert.deepEqual(await runProcess(sh('exit 3'), { input: { file } }), ended(3));
});

test('process gets arguments as they are', async () => {
  const nasty = ['', ' ', '$HOME', "a'b", '"', '\n', '*', '-n', '\\'];
  const { stdout } = await runProcess(['sh', '-c', 'printf "%s\\0" "$@"', 'sh', ...nasty]);
  assert.deepEqual(stdout.split('\0').slice(0, -1), nasty);
});

test('process gets no word cut off at a null character', async () => {
  const refused = ended(126, '', 'echo: a word with a null character cannot be given');
  assert.deepEqual(await runProcess(['echo', 'a\0b']), refused);
  assert.deepEqual(await runProcess(['echo'], { env: { A: 'a\0b' } }), refused);
});

test('process gets its folder, and its variables beside those of cc', async (t) => {
  const folder = await tempFolder(t);
  const { stdout } = await runProcess(sh('pwd -P; echo "$CC_TEST"; [ -n "$PATH" ] && echo path'), {
    cwd: folder,
    env: { CC_TEST: 'a b' },
  });
  assert.equal(stdout, `${folder}\na b\npath\n`);
});

test('process output is heard while it runs', async () => {
  let heard = '';
  const go = Promise.withResolvers<void>();
  const stop = new AbortController();
  const running = runProcess(sh('trap "echo bye; exit 0" TERM; echo ready; while :; do :; done'), {
    signal: stop.signal,
    onOutput: (text) => {
      heard += text;
      if (heard === 'ready\n') go.resolve();
    },
  });
  await go.promise;
  stop.abort();
  assert.deepEqual(await running, ended(0, 'ready\nbye\n'));
  assert.equal(heard, 'ready\nbye\n');
});

test('process output that splits a character is heard whole', async () => {
  const { stdout } = await runProcess(sh('printf "\\303"; sleep 0.05; printf "\\266"'));
  assert.equal(stdout, 'ö');
});

test('process with 50 MB of output is heard to the end, and only the end is kept', async () => {
  let heard = 0;
  const { code, stdout } = await runProcess(sh('head -c 50000000 /dev/zero | tr "\\0" x; echo the end'), {
    onOutput: (text) => {
      heard += text.length;
    },
  });
  assert.equal(code, 0);
  assert.equal(heard, 50_000_008);
  assert.equal(stdout.slice(-10), 'xxthe end\n'.slice(-10));
  assert.ok(stdout.length <= 2 * 16 * 1024 * 1024, `kept ${stdout.length}`);
});

test('what is kept of much output begins where a line does', async () => {
  const { stdout } = await runProcess(sh('yes "a line of some length" | head -n 100000; echo the end'), {
    onOutput: () => {},
  });
  assert.ok(stdout.length > 500_000 && stdout.length < 2_200_000, `kept ${stdout.length}`);
  assert.match(stdout, /^(a line of some length\n)+the end\n$/);
});

test('process whose folder is missing says so of the folder, and nothing of the program', async (t) => {
  const cwd = join(await tempFolder(t), 'gone');
  const told = { code: 126, signal: null, stdout: '', stderr: `${cwd}: No such file or directory` };
  for (const argv of [sh('exit 0'), ['cc-no-such-program']])
    assert.deepEqual(await runProcess(argv, { cwd }), told);
});

test('process that cannot be started answers 126', async (t) => {
  const folder = await tempFolder(t);
  await writeFile(join(folder, 'plain'), 'no program\n', { mode: 0o644 });
  const { code } = await runProcess([join(folder, 'plain')]);
  assert.equal(code, 126);
  await mkdir(join(folder, 'folder'));
  assert.equal((await runProcess([join(folder, 'folder')])).code, 126);
});

test('process named below a file answers 126 instead of throwing', async (t) => {
  const file = join(await tempFolder(t), 'plain');
  await writeFile(file, '');
  assert.equal((await runProcess([join(file, 'program')])).code, 126);
});
