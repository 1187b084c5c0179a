/**
 * Cheap hosts to be odd with: each has one Debian below a layer of its own, its own mounts, names and processes, and a real
 * sshd on 127.0.0.1. No systemd runs in them, so units are files only; the network is that of the machine, or a namespace that the
 * test has made. They end with the test, also with one that is killed.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Connection } from '../../core/model/plugin.ts';
import { debianRoot, type Root } from './debian-root.ts';
import { freePort } from './sshd.ts';
import { type Lasting, tempFolder } from './temp.ts';

const execute = promisify(execFile);

const INIT = fileURLToPath(new URL('host-init.sh', import.meta.url));
/** How long a host may take to start, setup included, in milliseconds. */
const PATIENCE = 60_000;

export type SshTarget = Required<Omit<Extract<Connection, { kind: 'ssh' }>, 'persist'>>;

/** How a host differs from others. */
export interface HostSpec {
  /**
   * Lines of bash that run inside before sshd starts, in the shell that starts it: its umask, limits and variables are those
   * of sshd. `/rig` holds what the rig gave, `/rig/id.pub` among it.
   */
  readonly setup?: string;
  /** `debian`: as Debian configures it, with PAM and StrictModes; `plain`, the default: without. */
  readonly sshd?: 'plain' | 'debian';
  /** Lines of sshd_config, which count before all others. */
  readonly config?: readonly string[];
  /** Who the target says that cc is there; default root. Others are made by `setup`. */
  readonly user?: string;
  /** A network namespace that it is in, and the address there at which sshd listens. Default: that of the machine. */
  readonly network?: { readonly namespace: string; readonly address: string };
}

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RigHost {
  readonly name: string;
  readonly target: SshTarget;
  /** The path of its file system, as the machine sees it. */
  readonly root: string;
  /** What sshd has logged. */
  log(): string;
  /** How often somebody was let in. */
  logins(): number;
  /** Runs a program inside, past sshd. */
  exec(argv: readonly string[], input?: string): Promise<Ended>;
  /** Ends all that runs on it, and forgets its files; when a test is over it is called anyway. */
  end(): Promise<void>;
}

export interface HostRig {
  /** Why there can be no hosts here; what tests are skipped with. */
  readonly skip: string | false;
  /** Starts a host that lasts as long as the test. */
  host(test: Lasting, name: string, spec?: HostSpec): Promise<RigHost>;
}

/** Hosts with these packages besides those that all have. */
export async function hostRig(test: Lasting, packages: readonly string[] = []): Promise<HostRig> {
  const root = await rootFor(packages);
  if (root.kind === 'missing') return { skip: root.why, host: () => Promise.reject(new Error(root.why)) };
  const folder = await tempFolder(test);
  for (const name of ['id', 'host_key'])
    await execute('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', join(folder, name)]);
  const base = { lower: root.folder, folder };
  return { skip: false, host: (lasting, name, spec = {}) => started(lasting, base, name, spec) };
}

async function rootFor(packages: readonly string[]): Promise<Root> {
  if (process.getuid?.() !== 0) return { kind: 'missing', why: 'no hosts here: only root may make them' };
  const root = await debianRoot(packages);
  return root.kind === 'here' ? root : { ...root, why: `no hosts here: ${root.why}` };
}

/** Lines of setup that make a user without a password who is let in like root; sudoers says how they become root. */
export function userSetup(name: string, ...sudoers: readonly string[]): string {
  return `useradd --create-home --shell /bin/bash --password '*' ${name}
install -d -m 700 -o ${name} -g ${name} /home/${name}/.ssh
install -m 600 -o ${name} -g ${name} /rig/id.pub /home/${name}/.ssh/authorized_keys
cat >/etc/sudoers <<'SUDOERS'
${sudoers.join('\n')}
SUDOERS
`;
}

interface HostBase {
  /** The Debian that is below all of them. */
  readonly lower: string;
  /** Where keys and hosts of this rig are. */
  readonly folder: string;
}

const LOCAL = '127.0.0.1';

/** Ports that were given away, since the system may name one again before it is listened on. */
const taken = new Set<number>();

async function portOfOwn(): Promise<number> {
  const port = await freePort();
  if (taken.has(port)) return portOfOwn();
  taken.add(port);
  return port;
}

async function started(test: Lasting, base: HostBase, name: string, spec: HostSpec): Promise<RigHost> {
  const folder = await mkdtemp(join(base.folder, `${name}-`));
  const port = await portOfOwn();
  await given(join(folder, 'given'), base, port, spec);
  const knownHosts = join(base.folder, 'known_hosts');
  const key = (await readFile(join(base.folder, 'host_key.pub'), 'utf8')).trim();
  const { namespace, address = LOCAL } = spec.network ?? {};
  await appendFile(knownHosts, `[${namespace === undefined ? '127.0.0.?' : address}]:${port} ${key}\n`);
  for (const part of ['upper', 'work', 'root']) await mkdir(join(folder, part));
  const own = ['--mount', '--uts', '--ipc', '--pid', '--fork', '--kill-child'];
  const within = namespace === undefined ? [] : ['ip', 'netns', 'exec', namespace];
  const [program = '', ...words] = [
    ...within,
    'unshare',
    ...own,
    '--',
    'bash',
    INIT,
    folder,
    base.lower,
    name,
  ];
  const host = spawn(program, words, {
    env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
    cwd: '/',
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const exited = once(host, 'exit');
  const end = async () => {
    host.stdin.destroy(); // process 1 reads it, and ends with it
    await exited;
    await rm(folder, { recursive: true, force: true });
  };
  test.after(end);
  const said: string[] = [];
  const pid = await listening(host, name, said);
  return {
    name,
    target: {
      ...{ kind: 'ssh', address, port, user: spec.user ?? 'root' },
      ...{ identity: join(base.folder, 'id'), knownHosts },
    },
    root: `/proc/${pid}/root`,
    log: () => said.join('\n'),
    logins: () => said.filter((line) => line.startsWith('Accepted ')).length,
    exec: (argv, input = '') => inside(pid, argv, input),
    end,
  };
}

/** What the host finds in `/rig`: keys, the configuration of sshd, and how it starts. */
async function given(folder: string, base: HostBase, port: number, spec: HostSpec): Promise<void> {
  await mkdir(folder);
  for (const name of ['id.pub', 'host_key']) await copyFile(join(base.folder, name), join(folder, name));
  await chmod(join(folder, 'host_key'), 0o600);
  const at = `ListenAddress ${spec.network?.address ?? LOCAL}`;
  const first = [`Port ${port}`, at, 'HostKey /rig/host_key', ...(spec.config ?? [])];
  const config = [...first, ...(spec.sshd === 'debian' ? ['Include /etc/ssh/sshd_config'] : PLAIN)];
  await writeFile(join(folder, 'sshd_config'), `${config.join('\n')}\n`);
  await writeFile(join(folder, 'start'), START);
  await writeFile(join(folder, 'setup'), spec.setup ?? '');
}

const PLAIN = [
  ...['UsePAM no', 'StrictModes no', 'PasswordAuthentication no', 'PermitRootLogin prohibit-password'],
  ...['AcceptEnv LANG LC_*', 'Subsystem sftp internal-sftp'],
];

/** Process 1 once the root is its own: it starts sshd, waits for the test to go, and reaps what is left to it. */
const START = `set -eu
umount --lazy /run/machine
install -d -m 700 /root/.ssh
install -m 600 /rig/id.pub /root/.ssh/authorized_keys
cd /
. /rig/setup </dev/null
set +eu
/usr/sbin/sshd -D -e -f /rig/sshd_config </dev/null &
while read -r _; do :; done
`;

/** Waits until sshd listens; answers process 1 of the host, as the machine counts. */
async function listening(host: ChildProcess, name: string, said: string[]): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const why = (what: string) => new Error(`host ${name} ${what}: ${said.join('\n')}`);
  let pid = 0;
  const timer = setTimeout(() => reject(why(`did not start within ${PATIENCE / 1000} s`)), PATIENCE);
  for (const input of [host.stdout, host.stderr]) {
    createInterface({ input: input! }).on('line', (line) => {
      if (line.startsWith('pid ')) pid = Number(line.slice('pid '.length));
      else said.push(line);
      if (pid > 0 && line.startsWith('Server listening')) resolve(pid);
    }); // piped, as it was spawned
  }
  host.on('exit', (code) => reject(why(`ended with ${code}`)));
  return promise.finally(() => clearTimeout(timer));
}

function inside(pid: number, argv: readonly string[], input: string): Promise<Ended> {
  const { promise, resolve, reject } = Promise.withResolvers<Ended>();
  const words = [`--target=${pid}`, '--mount', '--uts', '--ipc', '--pid', '--', ...argv];
  const env = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root' };
  const child = spawn('nsenter', words, { env, cwd: '/' });
  const heard = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      heard[stream] += text;
    });
  }
  child.on('error', reject);
  child.on('close', (code) => resolve({ code, ...heard }));
  child.stdin.on('error', () => undefined); // it may read nothing
  child.stdin.end(input);
  return promise;
}
