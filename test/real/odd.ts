/** A recipe for hosts that are odd: a file, a folder and a command, and what is to be seen of them afterwards. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { quoted } from '../../core/model/command.ts';
import { until } from '../host/second-process.ts';
import { CC_LINE, envIn, folder, MOD, type Ran, type Running, startCc } from '../rig/cc.ts';
import type { RigHost, SshTarget } from '../rig/hosts.ts';
import type { Lasting } from '../rig/temp.ts';

/** What recipes are written with here; `command` is done once its file is there. */
const HEAD = `import { folder, packages, placed, plugin, recipe, step, v, written } from '${MOD}';

const seen = (path) => ({
  probe: async (view) => ({ there: (await view.stat(path)) !== undefined }),
});
const command = (name, argv, { done = '/srv/odd/never', more = {}, ...base } = {}) => step({
  name, ...base, ...seen(done),
  plan: ({ there }) => (there ? [] : [{ kind: 'run', command: { argv, ...more }, why: done + ' is not there' }]),
});
`;

export const TEXT = 'zwölf Boxkämpfer, € 12\n';

/** One step of each kind. */
export const STEPS = `
  written(${JSON.stringify(TEXT)}, { name: 'text', path: '/srv/odd/some/text', mode: 0o640 }),
  folder({ name: 'folder', path: '/srv/odd/folder' }),
  command('command', ['sh', '-c', 'printf "%s" "$0" >/srv/odd/said', "it's done"], { done: '/srv/odd/said' }),
`;

export interface OddSite {
  /** Holds the configuration, `bin` with the ssh that it finds first, and `state`, `cache` and `home`. */
  readonly cwd: string;
  run(...words: readonly string[]): Promise<Ran>;
  start(...words: readonly string[]): Running;
}

export interface OddSpec {
  /** The steps of its one plugin, as text; default: one of each kind. */
  readonly steps?: string;
  /** Lines of the ssh client's configuration. */
  readonly client?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

type Places = Readonly<Record<string, Pick<RigHost, 'target'>>>;

/** What a test of a host may take, in milliseconds; none of them should take a tenth of it. */
export const PATIENCE = 40_000;

/** A folder with a recipe for these hosts, each of which has its name for its role. */
export async function oddSite(test: Lasting, places: Places, spec: OddSpec = {}): Promise<OddSite> {
  const { steps = STEPS, client = [], env = {} } = spec;
  const hosts = Object.entries(places).map(([name, { target: connection }]) => {
    return { name, roles: [name], connection };
  });
  const config = `${HEAD}
const odd = plugin({ name: 'odd', help: 'is odd', options: v.strictObject({}), build: () => ({ steps: [${steps}] }) });

export default recipe({ name: 'odd', concurrency: 20, plugins: [odd()], hosts: ${JSON.stringify(hosts)} });
`;
  const cwd = await folder(test, {
    'package.json': '{ "type": "module" }\n',
    'cc.config.ts': config,
    ssh_config: `Host *\n${client.map((line) => `  ${line}\n`).join('')}`,
  });
  // ssh finds the user's file by the password database, so a test can only stand in for it on the command line.
  await mkdir(join(cwd, 'bin'));
  await writeFile(join(cwd, 'bin', 'ssh'), `#!/bin/sh\nexec /usr/bin/ssh -F '${cwd}/ssh_config' "$@"\n`);
  await chmod(join(cwd, 'bin', 'ssh'), 0o755);
  const all = { PATH: `${join(cwd, 'bin')}:${process.env['PATH']}`, ...env };
  const start = (...words: readonly string[]) => {
    const running = startCc(all, cwd, ...words);
    test.after(() => running.child.kill('SIGKILL')); // one that hangs has failed
    return running;
  };
  return { cwd, start, run: (...words) => start(...words).ended };
}

/** What one run came to: its exit code, what it said of the whole, and what it said beside that. */
export function summary({ code, stdout, stderr }: Ran) {
  const whole = stdout.split('\n').find((line) => /^\d+ changed in /.test(line));
  return { code, whole: whole?.replace(/ in [^:]*:/, ':') ?? stdout, stderr };
}

/** Each with its kind, and what the two files hold. */
const FILES = `cd /srv/odd; find . -printf '%y %P\\n' | sort; cat some/text said`;

/** The host is made as declared, with nothing else said; a second run finds it so, and nothing of them stays at work. */
export async function works(site: OddSite, host: RigHost): Promise<void> {
  assert.deepEqual(summary(await site.run('run', 'all')), {
    code: 0,
    whole: '3 changed: 3 applied',
    stderr: '',
  });
  const { stdout } = await host.exec(['sh', '-c', FILES]);
  assert.equal(stdout, `d \nd folder\nd some\nf said\nf some/text\n${TEXT}it's done`);
  assert.deepEqual(summary(await site.run('run', 'all')), {
    code: 0,
    whole: '0 changed: 3 verified',
    stderr: '',
  });
  await idle(host, 2_000);
}

/** It ends with one of these codes, and not in the words of a bug; answers all that it said. */
export async function refused(site: OddSite, ...codes: readonly number[]): Promise<string> {
  const { code, stdout, stderr } = await site.run('run', 'all');
  const said = stdout + stderr;
  noBug(said);
  assert.ok(code !== null && codes.includes(code), `exit ${code}: ${said}`);
  return said;
}

/** A stack trace is for bugs. */
export function noBug(said: string): void {
  assert.doesNotMatch(said, /^\s+at .*(:\d+:\d+|<anonymous>)/m);
}

export interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly state: string;
  readonly name: string;
  readonly args: string;
}

/** The processes of a host but for its own two, and those that have ended and wait for their parent. */
export async function processes(host: RigHost): Promise<readonly Process[]> {
  const { stdout } = await host.exec(['ps', '-ww', '-eo', 'pid=,ppid=,stat=,comm:32=,args=']);
  return stdout
    .split('\n')
    .flatMap((line) => {
      const [, pid, parent, state = '', name = '', args = ''] =
        /^ *(\d+) +(\d+) +(\S+) +(.{32}) (.*)$/.exec(line) ?? [];
      return pid ? [{ pid: Number(pid), parent: Number(parent), state, name: name.trim(), args }] : [];
    })
    .filter(({ pid, state, args }) => pid !== 1 && !state.startsWith('Z') && !OWN.test(args));
}

/** What listens, and what asks here. */
const OWN = /^(sshd: \/usr\/sbin\/sshd .*\[listener\]|ps -ww -eo )/;

/** Waits until a host has nothing to do any more. */
export async function idle(host: RigHost, within: number): Promise<void> {
  let left: readonly Process[] = [];
  const look = async () => {
    left = await processes(host);
    return left.length === 0;
  };
  await until('nothing is left', look, within).catch(() => {
    assert.fail(`after ${within} ms there is left: ${left.map(({ args }) => args).join('; ')}`);
  });
}

/** Waits until a process with exactly these arguments runs on a host. */
export function runs(host: RigHost, args: string): Promise<Process> {
  return until(`"${args}" runs on ${host.name}`, async () =>
    (await processes(host)).find((process) => process.args === args),
  );
}

/** What a promise comes to, which it must do within so many milliseconds. */
export async function soon<Value>(what: string, promise: Promise<Value>, within: number): Promise<Value> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(new assert.AssertionError({ message: `${what} not within ${within} ms` }));
  }, within);
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** What the one run of a site has told its journal. */
export async function events(site: OddSite): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const runs = join(site.cwd, 'state/cc/odd/runs');
  const [run = ''] = await readdir(runs);
  const text = await readFile(join(runs, run, 'events.ndjson'), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
}

/** A host whose target differs from what it is. */
export function reachedBy(host: RigHost, target: Partial<SshTarget>): Pick<RigHost, 'target'> {
  return { target: { ...host.target, ...target } };
}

/** The command lines on this machine, which sees those of its hosts too, that have a text in them. */
export async function inArguments(text: string): Promise<readonly string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  return lines.filter((line) => line.includes(text)).map((line) => line.replaceAll('\0', ' '));
}

interface Typing {
  readonly words: readonly string[];
  /** Each time that this is seen, one more of the lines is typed. */
  readonly at?: string;
  readonly lines?: readonly string[];
}

/** Runs `cc` on a terminal of its own, at which somebody types; answers its exit code, and all that was seen there. */
export async function typed(test: Lasting, site: OddSite, { words, at = '', lines = [] }: Typing) {
  const env = envIn(site.cwd, { PATH: `${join(site.cwd, 'bin')}:${process.env['PATH']}`, TERM: 'dumb' });
  const line = ['exec', CC_LINE, ...words.map(quoted)].join(' ');
  const terminal = spawn('script', ['-qec', line, '/dev/null'], { cwd: site.cwd, env });
  test.after(() => terminal.kill('SIGKILL'));
  let [seen, done] = ['', 0];
  terminal.stdout.setEncoding('utf8').on('data', (text: string) => {
    seen += text;
    while (done < lines.length && done < seen.split(at).length - 1) terminal.stdin.write(lines[done++]);
  });
  const [code] = await once(terminal, 'close');
  return { code: code as number | null, seen }; // what `close` tells
}
