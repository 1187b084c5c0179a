/** A host reached by the OpenSSH client: the user's own configuration, but for what breaks a tool; one login for each right. */
import { spawnSync } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { quoted } from '../model/command.ts';
import { codeOf, Failed, type Failure } from '../model/failure.ts';
import type { Connection } from '../model/plugin.ts';
import { bootWords, type Ended, newNonce, openAgent } from './agent.ts';
import { agentTransport } from './remote.ts';
import { reopening } from './reopening.ts';
import { ALONE, keeping } from './ssh-kept.ts';
import { type Become, sudo } from './sudo.ts';
import { ROOT_BASE, type Transport } from './transport.ts';
import type { Agent } from './wire.ts';

export type SshTarget = Extract<Connection, { kind: 'ssh' }>;

/** How to log in. */
export interface Login {
  /** Who becomes root, and how; undefined: whoever logs in. */
  readonly become?: Become | undefined;
  /** Whether somebody is there to answer ssh: a passphrase, a one-time code, an unknown key. */
  readonly terminal?: boolean;
  /** Where logins are kept that are to stay. */
  readonly sockets?: string;
  /** Ends trying to log in. */
  readonly signal?: AbortSignal | undefined;
}

/** What in the user's configuration is for people alone, and would come between cc and its agent. */
const UNATTENDED = ['RequestTTY=no', 'EscapeChar=none'];
/** What in the user's configuration would lead elsewhere, or come between cc and a host. */
const PLAIN = [
  'RemoteCommand=none',
  'PermitLocalCommand=no',
  'ForwardAgent=no',
  'ForwardX11=no',
  'ClearAllForwardings=yes',
  'Tunnel=no',
  'ConnectTimeout=10',
  'ServerAliveInterval=15',
];
/** Words that came with OpenSSH 8.7; an older one would refuse them, and cannot have them in its configuration. */
const PLAIN_SINCE_8_7 = ['SessionType=default', 'StdinNull=no', 'ForkAfterAuthentication=no'];

/** The options of every ssh that cc starts, but for `shared` each with a connection of its own. */
export function plainOptions(more: readonly string[], shared = ALONE): string[] {
  const options = [...PLAIN, ...shared, ...(isOlder() ? [] : PLAIN_SINCE_8_7), ...more];
  return options.flatMap((option) => ['-o', option]);
}

/** Milliseconds before a login that was turned away at the door is tried again. */
const BACKOFF = [200, 400, 800, 1600, 3200, 6400];
/** Seconds in which a host must have let cc in where nobody is asked: a login may hang after the time that ssh has to connect. */
const WITHIN = 60;
/** What OpenSSH says (it is not translated) when the other side closes before it has asked who comes: MaxStartups does. */
const TURNED_AWAY = /^(kex|ssh)_exchange_identification:|^Connection (closed|reset) by /m;
/** What OpenSSH says where a person might do better. */
const ASKED = /^Host key verification failed|Permission denied \(/m;

/** The arguments that lead to a host, for ssh and for a message that can be pasted. */
export function sshArguments(target: SshTarget): string[] {
  const option = (name: string, value: string | undefined) => (value ? ['-o', `${name}=${value}`] : []);
  return [
    ...option('IdentityFile', pathOf(target.identity)),
    ...option('IdentitiesOnly', target.identity && 'yes'),
    ...option('UserKnownHostsFile', pathOf(target.knownHosts)),
    ...(target.port === undefined ? [] : ['-p', String(target.port)]),
    ...(target.user === undefined ? [] : ['-l', target.user]),
    '--',
    target.address,
  ];
}

/** ssh splits at spaces outside of quotes, and fills in what stands after a percent sign. */
function pathOf(path: string | undefined): string | undefined {
  return path && `"${path.replaceAll('%', '%%').replaceAll(/["\\]/g, '\\$&')}"`;
}

/** A host that is connected to; fails with `unreachable` and what ssh or the host said. */
export async function ssh(host: string, target: SshTarget, login: Login = {}): Promise<Transport> {
  const { connected, close } = reopening(() => opened(host, target, login));
  await connected();
  return agentTransport(host, connected, ROOT_BASE, close);
}

async function opened(host: string, target: SshTarget, login: Login): Promise<Agent> {
  for (const wait of [...BACKOFF, undefined]) {
    try {
      return await openAgent(carrier(host, target, login, false), login.signal);
    } catch (error) {
      const why = error instanceof Failed && error.failure.kind === 'unreachable' ? error.failure.why : '';
      if (login.terminal && ASKED.test(why))
        return await asking(() => openAgent(carrier(host, target, login, true), login.signal));
      if (wait === undefined || login.signal?.aborted || !TURNED_AWAY.test(why)) throw error;
      await pause(wait * (0.5 + Math.random()), undefined, { signal: login.signal }).catch(() => {}); // the next try ends
    }
  }
  throw new Error('the last try has answered');
}

/** One question at a time stands on the terminal. */
function asking<Value>(ask: () => Promise<Value>): Promise<Value> {
  const asked = question.then(ask, ask);
  question = asked;
  return asked;
}
let question: Promise<unknown> = Promise.resolve();

function carrier(host: string, target: SshTarget, { become, sockets }: Login, ask: boolean) {
  const nonce = newNonce();
  const { words, password } = become ? sudo(become, nonce) : { words: [], password: undefined };
  const address = sshArguments(target);
  const shared = isOlder() ? ALONE : keeping({ persist: target.persist, folder: sockets, way: address });
  const options = plainOptions([...UNATTENDED, ...(ask ? [] : ['BatchMode=yes'])], shared);
  const line = ['exec', ...bootWords(nonce, words).map(quoted)].join(' ');
  const argv = ['ssh', '-T', ...options, ...address, line];
  return {
    // Ctrl-C is for cc, but a question on the terminal can only be asked from its session.
    argv: ask ? ['sh', '-c', 'trap \'\' INT QUIT TSTP; exec "$@"', 'sh', ...argv] : argv,
    nonce,
    root: become !== undefined,
    near: false,
    detached: !ask,
    password,
    within: ask ? undefined : WITHIN,
    failure: (end: Ended) => failureOf(host, target, end),
  };
}

function failureOf(
  host: string,
  target: SshTarget,
  { stage, user, words, code, signal, late, cause }: Ended,
): Failure {
  const why = late
    ? `${words}\n${stage === 'root' ? 'sudo' : 'its login'} did not come to an end within ${WITHIN} s`.trim()
    : words || String(cause ?? `ssh ended: ${signal ?? `exit ${code}`}`);
  if (stage === 'work') return { kind: 'agent-lost', host, why };
  if (stage === 'root') return { kind: 'no-root', host, user, why };
  if (codeOf(cause) === 'ENOENT') return NO_SSH;
  if (code === 127) return { kind: 'missing-tool', host, tool: 'perl', package: 'perl-base' };
  return unreachable(host, target, why);
}

/** There is no ssh on this machine. */
export const NO_SSH: Failure = {
  ...{ kind: 'missing-tool', host: 'controller' },
  ...{ tool: 'ssh', package: 'openssh-client' },
};

export function unreachable(host: string, target: SshTarget, why: string): Failure {
  const command = ['ssh', ...sshArguments(target), 'true'].map(quoted).join(' ');
  return { kind: 'unreachable', host, address: target.address, command, why };
}

/** Whether this machine's OpenSSH is from before 8.7; asked once. */
function isOlder(): boolean {
  if (older === undefined) {
    const { stderr } = spawnSync('ssh', ['-V'], { encoding: 'utf8' });
    const [, major, minor] = /OpenSSH_(\d+)\.(\d+)/.exec(stderr ?? '') ?? [];
    older = Number(major) * 100 + Number(minor) < 807;
  }
  return older;
}
let older: boolean | undefined;
