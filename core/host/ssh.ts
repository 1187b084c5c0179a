/** A host reached by the OpenSSH client: the user's own configuration, one shared connection. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { quoted } from '../model/command.ts';
import { fail } from '../model/failure.ts';
import type { Connection } from '../model/plugin.ts';
import { scriptedFiles } from './files.ts';
import { runProcess } from './process.ts';
import { ROOT_BASE } from './root.ts';
import type { ExecOptions, Exit, Transport } from './transport.ts';

type SshTarget = Extract<Connection, { kind: 'ssh' }>;

/** What ssh itself exits with when it cannot reach or enter the host; a remote command may exit so too. */
const SSH_FAILED = 255;

/** What ssh says once it is connected: it runs its local command when others can already come in by its socket. */
const READY = 'cc is connected';

/** One that stays in the foreground, so that it ends with cc, also with one that is killed. */
const MASTER = [
  ...['-N', '-o', 'ControlMaster=yes', '-o', 'ControlPersist=no'],
  ...['-o', 'PermitLocalCommand=yes', '-o', `LocalCommand=echo ${READY}`],
];

/** The arguments that lead to a host, for ssh and for a message that can be pasted. */
export function sshArguments(target: SshTarget): string[] {
  const option = (name: string, value: string | undefined) => (value ? ['-o', `${name}=${value}`] : []);
  return [
    ...option('IdentityFile', target.identity),
    ...option('IdentitiesOnly', target.identity && 'yes'),
    ...option('UserKnownHostsFile', target.knownHosts),
    ...option('Port', target.port === undefined ? undefined : String(target.port)),
    ...option('User', target.user),
    target.address,
  ];
}

/** Opens the shared connection; fails with `unreachable` and ssh's own words. */
export async function ssh(host: string, target: SshTarget): Promise<Transport> {
  const folder = await mkdtemp(join(tmpdir(), 'cc-ssh-'));
  const socket = ['-o', `ControlPath=${folder}/master`];
  const address = sshArguments(target);
  const options = ['-o', 'BatchMode=yes', '-o', 'ConnectTimeout=10', '-o', 'ServerAliveInterval=15'];
  const master = connected(['ssh', ...socket, ...options, ...MASTER, ...address]);
  const close = async () => {
    await master.close();
    await rm(folder, { recursive: true, force: true });
  };
  const refused = await master.refused;
  if (refused) {
    await close();
    return fail({ kind: 'unreachable', host, address: target.address, why: refused.stderr.trim() });
  }

  const exec = async (argv: readonly string[], { env, cwd, ...rest }: ExecOptions = {}): Promise<Exit> => {
    const exit = await runProcess(['ssh', ...socket, ...options, ...address, remote(argv, env, cwd)], rest);
    if (exit.code !== SSH_FAILED || rest.signal?.aborted) return exit;
    const alive = await runProcess(['ssh', ...socket, '-O', 'check', ...address]);
    if (alive.code === 0) return exit;
    return fail({ kind: 'unreachable', host, address: target.address, why: exit.stderr.trim() });
  };
  const through = (line: string) => ['ssh', ...socket, ...options, ...address, remote(['bash', '-c', line])];
  return { host, exec, through, files: scriptedFiles(host, exec, ROOT_BASE), [Symbol.asyncDispose]: close };
}

/** A connection held open by a process; `refused` is how that ended, or undefined once it is ready. */
function connected(argv: readonly string[]) {
  const stop = new AbortController();
  const { promise: ready, resolve } = Promise.withResolvers<undefined>();
  let heard = '';
  const running = runProcess(argv, {
    signal: stop.signal,
    env: { SHELL: '/bin/sh' }, // the user's own may be one that runs nothing
    onOutput: (text) => {
      heard += text;
      if (heard.includes(READY)) resolve(undefined);
    },
  });
  const close = async () => {
    stop.abort();
    await running.catch(() => undefined); // it is gone either way
  };
  return { refused: Promise.race([ready, running]), close };
}

/** One line for the remote user's shell; every word is quoted, so it only has to find the program. */
function remote(argv: readonly string[], env: Readonly<Record<string, string>> = {}, cwd?: string): string {
  const set = Object.entries(env).map(([key, value]) => `${key}=${value}`);
  const words = set.length > 0 ? ['env', ...set, ...argv] : argv;
  const line = words.map(quoted).join(' ');
  return cwd ? `cd ${quoted(cwd)} && ${line}` : line;
}
