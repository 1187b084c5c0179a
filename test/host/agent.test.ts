/** The agent itself: how it speaks, what it starts, what it ends, and what ends with it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { bootWords, type Carrier, newNonce, openAgent } from '../../core/host/agent.ts';
import { ownerOf } from '../../core/host/hold.ts';
import { execute } from '../../core/host/process.ts';
import { agentTransport } from '../../core/host/remote.ts';
import type { Agent } from '../../core/host/wire.ts';
import { Failed } from '../../core/model/failure.ts';
import { agentBy } from '../rig/agent.ts';
import { type Lasting, tempFolder } from '../rig/temp.ts';
import { rootless } from '../rig/tools.ts';
import { isRunning, numberIn, until } from './second-process.ts';

const FILE = fileURLToPath(new URL('../../core/host/agent.pl', import.meta.url));
const sh = (text: string) => ['sh', '-c', text];

/** An agent of one's own on this machine, behind other words where given. */
async function agent(t: Lasting, before: readonly string[] = []): Promise<Agent> {
  const nonce = newNonce();
  return opened(t, { nonce, argv: [...before, ...bootWords(nonce)] });
}

async function opened(t: Lasting, how: Pick<Carrier, 'nonce' | 'argv'>): Promise<Agent> {
  const carrier: Carrier = {
    ...how,
    root: false,
    near: true,
    detached: true,
    failure: ({ stage, words, code, signal }) => ({
      kind: 'agent-lost',
      host: stage,
      why: `${words} ${code ?? signal}`,
    }),
  };
  const one = await openAgent(carrier);
  t.after(() => one[Symbol.asyncDispose]());
  return one;
}

/** The agent's own processes: the one that starts others, and its guard. */
async function pidsOf(one: Agent): Promise<{ agent: number; guard: number }> {
  const { stdout } = await execute(one, sh('echo $PPID; cut -d" " -f4 /proc/$PPID/stat'));
  const [pid = 0, guard = 0] = stdout.split('\n').map(Number);
  return { agent: pid, guard };
}

/** A command with a descendant that left its group and session, lost its parents, and has nothing of its environment. */
const HIDING = `echo $$ >command
setsid env -i sh -c '(trap "" HUP; (echo $$ >/dev/null; exec sh -c "echo \\$\\$ >hidden; exec sleep 1000") &) &'
exec sleep 1000`;

async function hiding(folder: string): Promise<readonly number[]> {
  return Promise.all(['command', 'hidden'].map((name) => numberIn(join(folder, name))));
}

const gone = (pids: readonly number[]) =>
  until(`${pids} are gone`, async () => !(await Promise.all(pids.map(isRunning))).includes(true));

test('agent is Perl without a warning', () => {
  const { status, stderr } = spawnSync('perl', ['-Mwarnings=FATAL,all', '-c', FILE], { encoding: 'utf8' });
  assert.deepEqual({ status, stderr: stderr.trim() }, { status: 0, stderr: `${FILE} syntax OK` });
});

test('agent needs no module that is not in perl-base', async (t) => {
  const nonce = newNonce();
  const words = bootWords(nonce);
  const alone = 'BEGIN { @INC = grep { m{/perl-base$} } @INC or die "this perl is not Debian\'s" }';
  const argv = words.flatMap((word) => (word === 'perl' ? [word, '-e', alone] : [word]));
  const { stdout } = await execute(await opened(t, { nonce, argv }), ['echo', 'there']);
  assert.equal(stdout, 'there\n');
});

test('agent is greeted by whatever a login says before it', async (t) => {
  const noisy = ['sh', '-c', 'echo "Welcome; cc-"; printf "\\0\\377"; echo warned >&2; exec "$@"', 'sh'];
  assert.equal((await execute(await agent(t, noisy), ['echo', 'there'])).stdout, 'there\n');
});

test('agent that never comes fails with the words that came instead', async (t) => {
  const refusing = ['sh', '-c', 'echo "Please login as the user ubuntu"; exit 142', 'sh'];
  await assert.rejects(agent(t, refusing), (error) => {
    assert.deepEqual(error instanceof Failed && error.failure, {
      kind: 'agent-lost',
      host: 'login',
      why: 'Please login as the user ubuntu 142',
    });
    return true;
  });
});

for (const victim of ['agent', 'guard'] as const) {
  test(`agent whose ${victim} is killed takes along what hides`, async (t) => {
    const folder = await tempFolder(t);
    const one = await agent(t);
    const pids = await pidsOf(one);
    const lost = assert.rejects(execute(one, sh(HIDING), { cwd: folder }), Failed);
    const hidden = await hiding(folder);
    process.kill(pids[victim], 'SIGKILL');
    await gone([...hidden, pids.agent, pids.guard]);
    await lost;
  });
}

test('agent whose carrier goes away takes along what hides', async (t) => {
  const folder = await tempFolder(t);
  const one = await agent(t);
  const lost = assert.rejects(execute(one, sh(HIDING), { cwd: folder }), Failed);
  const hidden = await hiding(folder);
  await one[Symbol.asyncDispose]();
  await gone(hidden);
  await lost;
});

test('agent ends all that descends from a command that is stopped', async (t) => {
  const folder = await tempFolder(t);
  const stop = new AbortController();
  const running = execute(await agent(t), sh(HIDING), { cwd: folder, signal: stop.signal });
  const hidden = await hiding(folder);
  stop.abort();
  assert.equal((await running).signal, 'SIGTERM');
  await gone(hidden);
});

test('agent leaves a daemon alone that a command left in order, also when it ends itself', async (t) => {
  const folder = await tempFolder(t);
  const one = await agent(t);
  const daemon = `setsid sh -c 'echo $$ >daemon; exec sleep 1000' </dev/null >/dev/null 2>&1 &`;
  await execute(one, sh(daemon), { cwd: folder });
  const pid = await numberIn(join(folder, 'daemon'));
  t.after(() => process.kill(pid, 'SIGKILL'));
  const { guard } = await pidsOf(one);
  process.kill((await pidsOf(one)).agent, 'SIGKILL');
  await gone([guard]);
  assert.equal(await isRunning(pid), true);
});

test('agent gives commands a clean environment', async (t) => {
  const dirty = [
    'env',
    'PERL5OPT=-CSDA',
    'LANG=xx_YY.UTF-8',
    'npm_config_x=1',
    'BASH_ENV=/nowhere',
    'HOME=/h',
  ];
  const path = 'PATH=/x/node_modules/.bin:relative:/usr/bin:/bin:/usr/bin';
  const one = await agent(t, [...dirty, path]);
  const { stdout } = await execute(one, ['env']);
  const kept = stdout.split('\n').filter((line) => /^(PERL|LANG|LC_|npm_|BASH_ENV|HOME|PATH)/.test(line));
  assert.deepEqual(kept.toSorted(), [
    'HOME=/h',
    'LC_ALL=C',
    'PATH=/usr/bin:/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/sbin',
  ]);
  assert.equal((await execute(one, sh('umask'))).stdout, '0022\n');
});

test('agent lets one at a time have a lock, tells who has it, and leaves no file of it', async (t) => {
  const folder = await tempFolder(t);
  const path = join(folder, 'run/lock');
  const [one, two] = [await agent(t), await agent(t)];
  assert.equal(await one.lock(path, 'one'), undefined);
  assert.equal(await two.lock(path, 'two'), 'one');
  one.unlock(path);
  await until('it is free', async () => (await two.lock(path, 'two')) === undefined);
  await two[Symbol.asyncDispose]();
  await until('it is gone', async () => (await readdir(folder)).length === 0);
});

test('agent that is killed keeps its lock until what it started is gone, and no longer', async (t) => {
  const folder = await tempFolder(t);
  const path = join(folder, 'run/lock');
  const [one, two] = [await agent(t), await agent(t)];
  await one.lock(path, 'one');
  const stubborn = `trap "" TERM; echo $$ >stubborn; while :; do sleep 0.05; done`;
  const lost = assert.rejects(execute(one, sh(stubborn), { cwd: folder }), Failed);
  const pid = await numberIn(join(folder, 'stubborn'));
  process.kill((await pidsOf(one)).agent, 'SIGKILL');
  await until('it is free', async () => (await two.lock(path, 'two')) === undefined);
  assert.equal(await isRunning(pid), false);
  await lost;
});

test('agent feeds a process that reads slowly without holding up another', async (t) => {
  const folder = await tempFolder(t);
  const one = await agent(t);
  await writeFile(join(folder, 'big'), Buffer.alloc(8_000_000, 'x'));
  const go = spawnSync('mkfifo', [join(folder, 'go')]);
  assert.equal(go.status, 0);
  const input = 'y'.repeat(3_000_000);
  const slow = execute(one, sh('cat go >/dev/null; wc -c'), { cwd: folder, input });
  assert.equal(
    (await execute(one, ['wc', '-c'], { input: { file: join(folder, 'big') } })).stdout,
    '8000000\n',
  );
  await execute(one, sh('echo >go'), { cwd: folder });
  assert.equal((await slow).stdout, '3000000\n');
});

test('agent behind a network is pinged before it is asked for anything, so that it misses whoever is cut off', async (t) => {
  const heard = join(await tempFolder(t), 'heard');
  const one = await agentBy(t, (words) => [...sh(`tee ${heard} | "$@"`), 'sh', ...words], false);
  await execute(one, ['true']);
  assert.match(await readFile(heard, 'latin1'), /ping\0.*start\0/s);
});

test('agent keeps no file open for a process that read little of a stream', async (t) => {
  const folder = await tempFolder(t);
  const file = join(folder, 'big');
  await writeFile(file, Buffer.alloc(3_000_000, 'x'));
  const one = await agentBy(t, (words) => words, false);
  const { agent: pid } = await pidsOf(one);
  const before = (await readdir(`/proc/${pid}/fd`)).length;
  for (const words of [['true'], ['head', '-c', '1000'], ['sh', '-c', 'exec <&-']])
    for (let n = 0; n < 10; n++) await execute(one, words, { input: { file } });
  assert.equal((await readdir(`/proc/${pid}/fd`)).length, before);
});

const skip = rootless('can take the lock of a host');

test('agent whose login does not come to an end is given up, and said to be late', async (t) => {
  const nonce = newNonce();
  const boot = bootWords(nonce);
  // Says something, and never comes to the agent.
  const argv = sh('echo welcome; exec sleep 1000');
  const carrier: Carrier = {
    ...{ nonce, argv, root: false, near: false, detached: true, within: 0.2 },
    failure: ({ stage, words, late }) => ({
      kind: 'agent-lost',
      host: stage,
      why: `${words}, late: ${late}`,
    }),
  };
  await assert.rejects(
    openAgent(carrier),
    new Failed({ kind: 'agent-lost', host: 'login', why: 'welcome, late: true' }),
  );
  const quick = await openAgent({ ...carrier, argv: boot, within: 60 });
  t.after(() => quick[Symbol.asyncDispose]());
  assert.equal((await execute(quick, sh('echo here'))).stdout, 'here\n');
});

test('host whose agent took the lock is changed by no other agent', { skip }, async (t) => {
  const agents = [await agent(t), await agent(t)];
  let used = 0;
  const host = agentTransport(
    'node-1',
    async () => agents[used]!,
    await tempFolder(t),
    async () => {},
  );
  await host.lock(ownerOf('a run of this test', 'test'));
  assert.equal((await host.exec(['true'])).code, 0);
  used = 1; // as after the loss of the first
  await assert.rejects(host.exec(['true']), (error) => {
    assert.equal(error instanceof Failed && error.failure.kind, 'agent-lost');
    return true;
  });
  assert.equal(host.gone?.aborted, false);
  await agents[0]![Symbol.asyncDispose]();
  assert.equal(host.gone?.reason.failure.kind, 'agent-lost');
});
