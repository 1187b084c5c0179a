/** A real OpenSSH server on an unprivileged port, with keys and configuration of its own. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { username } from '../../core/host/local.ts';
import type { Connection } from '../../core/model/plugin.ts';
import { childrenOf } from '../host/second-process.ts';
import { type Lasting, tempFolder } from './temp.ts';
import { missing, nameless } from './tools.ts';

const execute = promisify(execFile);

type SshTarget = Omit<Extract<Connection, { kind: 'ssh' }>, 'persist'>;

export interface Sshd {
  /** Why there is none here; then nothing else of this leads anywhere. */
  readonly skip: string | false;
  /** How to reach it. */
  readonly target: Required<SshTarget>;
  /** Holds keys and configuration: `host`, `user`, `stranger`, `known_hosts`. */
  readonly folder: string;
  /** Ends the connections that are open, as a network that goes away would; the server goes on. */
  dropConnections(): Promise<void>;
  /** How many connections are open. */
  connections(): Promise<number>;
}

export async function startSshd(test: Lasting): Promise<Sshd> {
  const folder = await tempFolder(test);
  const port = await freePort();
  const target: Required<SshTarget> = {
    ...{ kind: 'ssh', address: '127.0.0.1', user: username(), port },
    ...{ identity: join(folder, 'user'), knownHosts: join(folder, 'known_hosts') },
  };
  const skip = missing('sshd', 'ssh', 'ssh-keygen') || nameless();
  if (skip !== false)
    return { skip, folder, target, connections: async () => 0, dropConnections: async () => {} };
  for (const name of ['host', 'user', 'stranger']) await makeKey(join(folder, name));
  const hostKey = (await readFile(join(folder, 'host.pub'), 'utf8')).trim();
  await writeFile(join(folder, 'known_hosts'), `[127.0.0.1]:${port} ${hostKey}\n`);
  await writeFile(join(folder, 'sshd_config'), configuration(folder, port));
  const server = await listening(folder);
  test.after(() => stop(server));
  return {
    skip,
    folder,
    target,
    connections: async () => (await childrenOf(server.pid!)).length, // set: the server is listening
    dropConnections: () => drop(server.pid!),
  };
}

/** What must differ for a server of a test; all else is as sshd has it, also how many may knock at once. */
function configuration(folder: string, port: number): string {
  return [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${folder}/host`,
    `AuthorizedKeysFile ${folder}/user.pub`,
    `PidFile ${folder}/pid`,
    'StrictModes no', // anybody may write to /tmp
    '',
  ].join('\n');
}

async function makeKey(path: string): Promise<void> {
  await execute('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', path]);
}

/** sshd wants the absolute path of itself, and as root a folder that Debian makes at boot. */
async function listening(folder: string): Promise<ChildProcess> {
  if (process.getuid?.() === 0) await mkdir('/run/sshd', { recursive: true, mode: 0o755 });
  const server = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', join(folder, 'sshd_config')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const said: string[] = [];
  for await (const line of createInterface({ input: server.stderr })) {
    said.push(line);
    if (line.startsWith('Server listening')) {
      server.stderr.resume();
      return server;
    }
  }
  throw new Error(`sshd does not start (package openssh-server): ${said.join('\n')}`);
}

async function stop(server: ChildProcess): Promise<void> {
  const ended = once(server, 'exit');
  await drop(server.pid!); // set: the server is listening
  server.kill('SIGKILL');
  await ended;
}

async function drop(pid: number): Promise<void> {
  for (const child of await childrenOf(pid)) {
    for (const grandchild of await childrenOf(child)) killed(grandchild);
    killed(child);
  }
}

function killed(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself.
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (typeof address !== 'object' || !address) throw new Error('a TCP server has a port');
  return address.port;
}
