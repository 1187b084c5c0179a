/** The agent that all of cc shares on its own machine: what it is asked at once, how it ends, and what ends with it. */
import assert from 'node:assert/strict';
import { chmod, readdir, readFile, readlink, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { runProcess } from '../../core/host/own-agent.ts';
import { Failed } from '../../core/model/failure.ts';
import { tempFolder } from '../rig/temp.ts';
import { isRunning, numberIn, program, until } from './second-process.ts';

const sh = (text: string) => ['sh', '-c', text];
const starter = (...words: readonly string[]) =>
  program(new URL('local-agent-user.ts', import.meta.url), ...words);

test('agent of this machine tells a hundred processes apart that run at once', async () => {
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

test('agent of this machine hears of a process that closed its output long before it ended', async () => {
  const { code, signal } = await runProcess(sh('exec >&- 2>&-; sleep 0.1; kill -s HUP $$'));
  assert.deepEqual({ code, signal }, { code: null, signal: 'SIGHUP' });
});

test('agent of this machine gives a process no pipe but those of its own output', async (t) => {
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

test('agent of this machine of a cc that was killed ends what it had started, stubborn ones after a while', async (t) => {
  const folder = await tempFolder(t);
  const text = `sh -c 'trap "" TERM; echo $$ >stubborn; while :; do sleep 0.05; done' & echo $$ >plain; wait`;
  const running = runProcess(starter('killed', text), { cwd: folder });
  const pids = await Promise.all(['stubborn', 'plain'].map((name) => numberIn(join(folder, name))));
  process.kill(await numberIn(join(folder, 'cc')), 'SIGKILL');
  await until('they are gone', async () => !(await Promise.all(pids.map(isRunning))).includes(true));
  assert.equal((await running).signal, 'SIGKILL');
});

test('agent of this machine keeps no cc from ending, whether it has done something or not', async () => {
  for (const [how, exit] of [
    ['ends', '0'],
    ['stopped', 'SIGTERM'],
  ] as const)
    assert.deepEqual(await runProcess(starter(how)), {
      code: 0,
      signal: null,
      stdout: `true exited ${exit}\n`,
      stderr: '',
    });
});

test('program that is in no folder of PATH is not there, also where PATH has a folder that nobody may enter', async (t) => {
  const locked = await tempFolder(t);
  await chmod(locked, 0);
  const PATH = `${locked}:${process.env['PATH']}`;
  const rights = '-dac_override,-dac_read_search';
  // With these rights root may enter any folder.
  const as = process.getuid?.() === 0 ? ['setpriv', '--bounding-set', rights, '--'] : [];
  assert.deepEqual(await runProcess([...as, ...starter('lacks')], { env: { PATH } }), {
    code: 0,
    signal: null,
    stdout: 'cc-no-such-program exited 127\n',
    stderr: '',
  });
});

test('agent of this machine that is missing is a missing tool', async (t) => {
  const bin = await tempFolder(t);
  const { stdout: env } = await runProcess(sh('command -v env'));
  await symlink(env.trim(), join(bin, 'env'));
  for (const PATH of ['/nowhere', bin]) {
    const { stdout } = await runProcess(starter('ends'), { env: { PATH } });
    assert.deepEqual(JSON.parse(stdout), {
      kind: 'missing-tool',
      host: 'controller',
      tool: 'perl',
      package: 'perl-base',
    });
  }
});

test('agent of this machine that dies fails what is under way, and the next process gets another', async (t) => {
  const folder = await tempFolder(t);
  const running = runProcess(sh('echo $PPID >agent; echo $$ >pid; exec sleep 1000'), { cwd: folder });
  const failed = running.then(
    () => assert.fail('it answered'),
    (error: unknown) => error,
  );
  const pid = await numberIn(join(folder, 'pid'));
  process.kill(await numberIn(join(folder, 'agent')), 'SIGKILL');
  const error = await failed;
  assert.ok(error instanceof Failed, String(error));
  assert.deepEqual(error.failure, {
    kind: 'agent-lost',
    host: 'controller',
    why: 'the agent was ended by signal 9',
  });
  assert.equal(await isRunning(pid), false);
  assert.equal((await runProcess(['true'])).code, 0);
});

test('agent of this machine is one process for all, and keeps no file of one that has ended', async (t) => {
  const folder = await tempFolder(t);
  await runProcess(sh('echo $PPID >agent'), { cwd: folder });
  const pid = await numberIn(join(folder, 'agent'));
  await runProcess(sh('echo $PPID >again'), { cwd: folder });
  assert.equal(await numberIn(join(folder, 'again')), pid);
  const files = await readdir(`/proc/${pid}/fd`);
  await runProcess(['true']);
  assert.deepEqual(await readdir(`/proc/${pid}/fd`), files);
});
