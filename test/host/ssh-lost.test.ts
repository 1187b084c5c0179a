/** A host that cannot be reached, or no longer: always a failure that says so, never an exit code. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ssh, sshArguments } from '../../core/host/ssh.ts';
import { MARK } from '../../core/host/transport.ts';
import { viewOf } from '../../core/host/view.ts';
import { quoted } from '../../core/model/command.ts';
import { Failed, type Failure } from '../../core/model/failure.ts';
import { freePort, startSshd } from '../rig/sshd.ts';
import { NOTHING } from '../rig/view.ts';
import { isRunning, numberIn, until } from './second-process.ts';

/** One server for all of them. */
const server = await startSshd({ after });
const { skip } = server;
const sh = (text: string) => ['sh', '-c', text];
const PLATFORM = { os: 'linux', arch: 'amd64', distro: 'debian 12' } as const;

async function failure(action: Promise<unknown>): Promise<Failure> {
  const error = await action.then(
    (value) => assert.fail(`it answered ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof Failed, String(error));
  return error.failure;
}

const unreachable = (target: typeof server.target, why: string) => {
  const command = ['ssh', ...sshArguments(target), 'true'].map(quoted).join(' ');
  return { kind: 'unreachable', host: 'node-1', address: '127.0.0.1', command, why };
};

test('ssh to a closed port is unreachable', { skip }, async () => {
  const { target } = server;
  const port = await freePort();
  const closed = { ...target, port };
  assert.deepEqual(
    await failure(ssh('node-1', closed)),
    unreachable(closed, `ssh: connect to host 127.0.0.1 port ${port}: Connection refused`),
  );
});

test('ssh to a host with another key than known is unreachable, without a question', { skip }, async () => {
  const { target, folder } = server;
  const known = join(folder, 'known_hosts_of_another');
  const key = (await readFile(join(folder, 'stranger.pub'), 'utf8')).trim();
  await writeFile(known, `[127.0.0.1]:${target.port} ${key}\n`);
  const found = await failure(ssh('node-1', { ...target, knownHosts: known }));
  assert.ok(
    found.kind === 'unreachable' && found.why.endsWith('Host key verification failed.'),
    JSON.stringify(found),
  );
});

test('ssh to a host that is not known is unreachable, without a question', { skip }, async () => {
  const { target } = server;
  const found = await failure(ssh('node-1', { ...target, knownHosts: '/dev/null' }));
  assert.ok(
    found.kind === 'unreachable' && found.why.endsWith('Host key verification failed.'),
    JSON.stringify(found),
  );
});

test('ssh with an identity that the host does not know is unreachable', { skip }, async () => {
  const { target, folder } = server;
  const strange = { ...target, identity: join(folder, 'stranger') };
  assert.deepEqual(
    await failure(ssh('node-1', strange)),
    unreachable(
      strange,
      `${target.user}@127.0.0.1: Permission denied (publickey,password,keyboard-interactive).`,
    ),
  );
});

test('ssh whose connection dies under a command is lost, what it started ends, and the next gets another', {
  skip,
}, async (t) => {
  const host = await ssh('node-1', server.target);
  t.after(() => host[Symbol.asyncDispose]());
  const pidFile = join(server.folder, 'command-1');
  const running = failure(host.exec(sh(`echo $$ >${pidFile}; exec sleep 1000`)));
  const pid = await numberIn(pidFile);
  await server.dropConnections();
  assert.equal((await running).kind, 'agent-lost');
  await until('the command is gone', async () => !(await isRunning(pid)));
  assert.equal((await host.exec(['true'])).code, 0);
});

test('ssh stopped under a command ends soon, with all that it has started', { skip }, async (t) => {
  const host = await ssh('node-1', server.target);
  t.after(() => host[Symbol.asyncDispose]());
  const stop = new AbortController();
  const pidFile = join(server.folder, 'command-2');
  const running = host.exec(sh(`setsid sh -c 'echo $$ >${pidFile}; exec sleep 1000' & wait`), {
    signal: stop.signal,
    env: { [MARK]: 'ssh-stopped' },
  });
  const pid = await numberIn(pidFile);
  stop.abort('SIGINT');
  assert.equal((await running).signal, 'SIGTERM');
  assert.equal(await isRunning(pid), false);
  assert.equal(await host.reap('ssh-stopped'), 0);
});

test('ssh stopped under a question is no answer to it', { skip }, async (t) => {
  const host = await ssh('node-1', server.target);
  t.after(() => host[Symbol.asyncDispose]());
  const stop = new AbortController();
  const view = viewOf(host, PLATFORM, NOTHING, { stop: () => stop.signal });
  const pidFile = join(server.folder, 'command-3');
  const asking = view.ask({ argv: sh(`echo $$ >${pidFile}; exec sleep 1000`) }).then(
    (answer) => `answered ${answer}`,
    () => 'failed',
  );
  const pid = await numberIn(pidFile);
  t.after(() => isRunning(pid).then((runs) => runs && process.kill(pid, 'SIGKILL')));
  stop.abort('SIGINT');
  assert.equal(await asking, 'failed');
});
