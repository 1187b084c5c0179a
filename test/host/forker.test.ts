/** The process that starts all others: what it is asked at once, how it ends, and what ends with it. */
import assert from 'node:assert/strict';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { runProcess } from '../../core/host/process.ts';
import { Failed } from '../../core/model/failure.ts';
import { tempFolder } from '../rig/temp.ts';
import { isRunning, numberIn, program, until } from './second-process.ts';

const sh = (text: string) => ['sh', '-c', text];
const starter = (...words: readonly string[]) =>
  program(new URL('forker-user.ts', import.meta.url), ...words);

test('forker tells a hundred processes apart that run at once', async () => {
  const numbers = Array.from({ length: 100 }, (_, index) => index);
  const exits = await Promise.all(
    numbers.map((n) =>
      runProcess(sh('cat; echo "$1" >&2; exit "$1"').concat('sh', String(n)), { input: `${n}` }),
    ),
  );
  assert.deepEqual(
    exits,
    numbers.map((n) => ({ code: n, signal: null, stdout: String(n), stderr: `${n}\n` })),
  );
});

test('forker hears of a process that closed its output long before it ended', async () => {
  const { code, signal } = await runProcess(sh('exec >&- 2>&-; sleep 0.1; kill -s HUP $$'));
  assert.deepEqual({ code, signal }, { code: null, signal: 'SIGHUP' });
});

test('forker gives a process no pipe but those of its own output', async (t) => {
  const folder = await tempFolder(t);
  const other = runProcess(sh('mkfifo go; echo ready >ready; cat go'), { cwd: folder });
  await until('the other runs', () => readFile(join(folder, 'ready')).catch(() => undefined));
  const { stdout } = await runProcess(sh('for file in /proc/$$/fd/*; do readlink "$file"; done'));
  await runProcess(sh('echo >go'), { cwd: folder });
  await other;
  // What whoever runs the tests has left open is inherited by all.
  const inherited = await Promise.all(
    (await readdir('/proc/self/fd')).map((name) => readlink(`/proc/self/fd/${name}`).catch(() => '')),
  );
  const pipes = stdout.split('\n').filter((file) => file.startsWith('pipe:') && !inherited.includes(file));
  assert.equal(pipes.length, 2);
});

test('forker of a cc that was killed ends what it had started, stubborn ones after a while', async (t) => {
  const folder = await tempFolder(t);
  const text = `sh -c 'trap "" TERM; echo $$ >stubborn; while :; do sleep 0.05; done' & echo $$ >plain; wait`;
  const running = runProcess(starter('killed', text), { cwd: folder });
  const pids = await Promise.all(['stubborn', 'plain'].map((name) => numberIn(join(folder, name))));
  process.kill(await numberIn(join(folder, 'cc')), 'SIGKILL');
  await until('they are gone', async () => !(await Promise.all(pids.map(isRunning))).includes(true));
  assert.equal((await running).signal, 'SIGKILL');
});

test('forker keeps no cc from ending', async () => {
  assert.deepEqual(await runProcess(starter('ends')), {
    code: 0,
    signal: null,
    stdout: 'true exited 0\n',
    stderr: '',
  });
});

test('forker that is missing is a missing tool', async () => {
  const { stdout } = await runProcess(starter('ends'), { env: { PATH: '/nowhere' } });
  assert.deepEqual(JSON.parse(stdout), {
    kind: 'missing-tool',
    host: 'controller',
    tool: 'perl',
    package: 'perl-base',
  });
});

test('forker that dies fails what is under way, and the next process gets another', async (t) => {
  const folder = await tempFolder(t);
  const running = runProcess(sh('echo $PPID >forker; echo $$ >pid; exec sleep 1000'), { cwd: folder });
  const failed = running.then(
    () => assert.fail('it answered'),
    (error: unknown) => error,
  );
  const pid = await numberIn(join(folder, 'pid'));
  t.after(() => process.kill(pid, 'SIGKILL'));
  process.kill(await numberIn(join(folder, 'forker')), 'SIGKILL');
  const error = await failed;
  assert.ok(error instanceof Failed, String(error));
  assert.deepEqual(error.failure, {
    kind: 'cannot-tell',
    host: 'controller',
    what: 'start processes',
    why: 'perl ended: SIGKILL',
  });
  assert.equal((await runProcess(['true'])).code, 0);
});

test('forker is one process for all, and keeps no file of one that has ended', async (t) => {
  const folder = await tempFolder(t);
  await runProcess(sh('echo $PPID >forker'), { cwd: folder });
  const pid = await numberIn(join(folder, 'forker'));
  await runProcess(sh('echo $PPID >again'), { cwd: folder });
  assert.equal(await numberIn(join(folder, 'again')), pid);
  const files = await readdir(`/proc/${pid}/fd`);
  await runProcess(['true']);
  assert.deepEqual(await readdir(`/proc/${pid}/fd`), files);
});
