/** A site as a user has one: the packed package installed in a folder of its own, with a configuration and folders of its own. */
import { execFile, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Event } from '../../core/model/event.ts';
import { inside } from './network.ts';

const execute = promisify(execFile);
const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));

/** A machine of a recipe's own, beside any other that may already be there. */
export interface Machine {
  readonly name: string;
  readonly address: string;
  readonly gateway: string;
  readonly bridge: string;
}

export const MACHINE: Machine = {
  name: 'cce2e',
  address: '198.18.78.11',
  gateway: '198.18.78.1',
  bridge: 'cce2e0',
};

type Mirrors = readonly { readonly from: string; readonly to: string }[];
const MIRROR = process.env['CC_UPSTREAM_MIRROR'];

/** What stands for https://github.com/, for recipes that build from sources; without it their tests are skipped. */
export const UPSTREAM: { readonly skip: string | false; readonly mirrors: Mirrors } =
  MIRROR === undefined
    ? { skip: 'CC_UPSTREAM_MIRROR names no mirror of the sources', mirrors: [] }
    : { skip: false, mirrors: [{ from: 'https://github.com/', to: MIRROR }] };

/** Machines beside the first one, by name. */
export type Machines = Readonly<
  Record<string, { readonly address: string; readonly roles: readonly string[] }>
>;

/** What the configuration of a site says. */
export interface Declared {
  /** The recipe to extend. */
  readonly base: string;
  /** A control plane, the first machine; `ssh` and `kubectl` of the site speak to it, unless they are told an address. */
  readonly machine: Machine;
  readonly others?: Machines;
  /** Of plugins, by name; those of `machine` are laid over what makes the machines above. */
  readonly options?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Other keys of a recipe. */
  readonly more?: Readonly<Record<string, unknown>>;
  readonly mirrors?: Mirrors;
  /** The name of a recipe that makes the machine, in `host.config.ts`; to the site it is then a host like any other. */
  readonly madeBy?: string;
}

export interface Extending extends Declared {
  /** The network namespace to do everything in, as a file; default: the one that the test is in. */
  readonly network?: string;
  /** True: a folder of its own with nothing built, whatever CC_E2E_SITE says. */
  readonly fresh?: true;
  /** True: nothing is fetched or built when it begins; what it builds is there for those that share its folder. */
  readonly cold?: true;
}

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** What `--json` printed, when it was asked for. */
  readonly events: readonly Event[];
}

export interface Site {
  readonly folder: string;
  readonly state: string;
  readonly cache: string;
  /** Writes the configuration anew: keys that are given replace those of before. */
  configure(changes: Partial<Declared>): void;
  /** Runs `cc` and waits for it. */
  cc(words: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ran>;
  /** Starts `cc run … --json`, and lets the test act when an event arrives. */
  watch(
    words: readonly string[],
    on: (event: Event, stop: (signal: NodeJS.Signals) => void) => void,
  ): Promise<Ran>;
  /** Runs a command on a machine, over an ssh of the test's own; fails unless it exits 0. */
  ssh(line: string, address?: string): string;
  /** The same on several machines at once. */
  sshOnAll(line: string, addresses: readonly string[]): Promise<void>;
  kubectl(line: string, address?: string): string;
  remove(): void;
}

/**
 * Installs the package of the working tree, writes a configuration that extends a shipped recipe. CC_E2E_SITE names a folder that
 * stays with all that was built: all tests of one `npm run e2e` share one, and so may whoever tries a test again and again.
 */
export function makeSite(extending: Extending): Site {
  const kept = extending.fresh ? undefined : process.env['CC_E2E_SITE'];
  const folder = kept ?? mkdtempSync(join(tmpdir(), 'cc-e2e-'));
  const [state, cache] = [join(folder, 'state'), join(folder, 'cache')];
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n');
  const archive = process.env['CC_E2E_PACKAGE'] ?? packedIn(folder);
  must('npm', ['install', '--silent', '--no-audit', '--no-fund', archive], folder);
  let declared: Declared = extending;
  const configure = (changes: Partial<Declared>) => {
    declared = { ...declared, ...changes };
    for (const [file, text] of Object.entries(configsOf(declared, state)))
      writeFileSync(join(folder, file), text);
  };
  configure({});
  if (extending.cold) rmSync(cache, { recursive: true, force: true });
  for (const own of [state, cache]) mkdirSync(own, { recursive: true });
  const env = { ...process.env, XDG_STATE_HOME: state, XDG_CACHE_HOME: cache };
  const { network } = extending;

  const start = (
    words: readonly string[],
    more: Readonly<Record<string, string>>,
    onLine: (line: string) => void,
  ) => {
    const main = 'node_modules/cc-kubernetes/bin/cc.js';
    const [program = '', ...argv] = inside(network, [process.execPath, main, ...words]);
    const child = spawn(program, argv, {
      cwd: folder,
      env: { ...env, ...more },
    });
    const done = Promise.withResolvers<Ran>();
    const text = { stdout: '', stderr: '' };
    let open = '';
    child.stdout.setEncoding('utf8').on('data', (piece: string) => {
      text.stdout += piece;
      const lines = (open + piece).split('\n');
      open = lines.pop() ?? '';
      for (const line of lines) onLine(line);
    });
    child.stderr.setEncoding('utf8').on('data', (piece: string) => {
      text.stderr += piece;
    });
    child.on('error', done.reject);
    child.on('close', (code) => done.resolve({ code, ...text, events: eventsOf(text.stdout) }));
    return { child, done: done.promise };
  };
  const login = (line: string, address: string) => {
    const keys = keysOf(declared, state);
    const options = [
      'BatchMode=yes',
      `IdentityFile=${keys}/id`,
      `UserKnownHostsFile=${keys}/known_hosts`,
      'LogLevel=ERROR',
    ];
    const flags = options.flatMap((option) => ['-o', option]);
    const [program = '', ...argv] = inside(network, ['ssh', ...flags, `root@${address}`, line]);
    return [program, argv] as const;
  };
  const ssh = (line: string, address = declared.machine.address) => must(...login(line, address), folder);
  return {
    folder,
    state,
    cache,
    configure,
    cc: (words, more = {}) => start(words, more, () => {}).done,
    watch: (words, on) => {
      const { child, done } = start([...words, '--json'], {}, (line) => {
        const [event] = eventsOf(line);
        if (event) on(event, (signal) => child.kill(signal));
      });
      return done;
    },
    ssh,
    sshOnAll: async (line, addresses) => {
      await Promise.all(addresses.map((address) => execute(...login(line, address))));
    },
    kubectl: (line, address) => ssh(`${KUBECTL} ${line}`, address),
    remove: () => {
      if (kept === undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Packs the working tree; answers the archive. All tests of one `npm run e2e` share one, which CC_E2E_PACKAGE names. */
export function packedIn(folder: string): string {
  const name = must('npm', ['pack', '--silent', '--pack-destination', folder], REPOSITORY);
  return join(folder, name.trim().split('\n').at(-1) ?? '');
}

function keysOf({ madeBy = NAME }: Declared, state: string): string {
  return join(state, 'cc', madeBy, 'ssh');
}

/** On a control plane, as the administrator of the cluster. */
export const KUBECTL = '/usr/local/bin/kubectl --kubeconfig /etc/kubernetes/admin.conf';

const NAME = 'e2e';

/** What any test wants in its machines: with the same packages all sites share one root. */
const ROOT_PACKAGES = ['keepalived', 'etcd-client'];

/** The site's configuration, and that of its host where another recipe makes it. */
function configsOf(declared: Declared, state: string): Readonly<Record<string, string>> {
  const { base, machine, others, more, mirrors = [], madeBy } = declared;
  const { name, address, bridge, gateway } = machine;
  // One compile for all sites, of which another version has only to be linked.
  const options = {
    ...declared.options,
    kubernetes: { keepCompiled: true, ...declared.options?.['kubernetes'] },
  };
  const roles = ['control-plane'];
  const site = { name: NAME, extends: base, mirrors, ...more };
  if (madeBy === undefined) {
    const machines = { [name]: { address, roles }, ...others };
    const own = { machines, bridge, gateway, packages: ROOT_PACKAGES };
    const made = { machine: { ...own, ...declared.options?.['machine'] } };
    return { 'cc.config.ts': configOf({ ...site, options: { ...options, ...made } }) };
  }
  const keys = keysOf(declared, state);
  const files = { identity: `${keys}/id`, knownHosts: `${keys}/known_hosts` };
  const hosts = [{ name: 'node-1', roles, connection: { kind: 'ssh', address, user: 'root', ...files } }];
  const made = JSON.stringify({ machines: { [name]: { address } }, bridge, gateway });
  return {
    'cc.config.ts': configOf({ without: ['machine'], hosts, options, ...site }),
    'host.config.ts': `import { recipe } from 'cc-kubernetes';
import { cleanup } from 'cc-kubernetes/plugins/cleanup';
import { debian } from 'cc-kubernetes/plugins/debian';
import { machine } from 'cc-kubernetes/plugins/machine';

export default recipe({ name: '${madeBy}', isolation: 'none', plugins: [debian(), machine(${made}), cleanup()] });
`,
  };
}

function configOf(site: Readonly<Record<string, unknown>>): string {
  return `import { recipe } from 'cc-kubernetes';\n\nexport default recipe(${JSON.stringify(site, null, 2)});\n`;
}

function eventsOf(text: string): Event[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('{"kind":'))
    .map((line) => JSON.parse(line) as Event); // printed by the json reporter
}

/** Asks from outside the nodes until somebody answers well, for so many seconds. */
export function awaitAnswer(url: string, seconds: number, network?: string): void {
  const again = ['--retry', `${seconds}`, '--retry-all-errors', '--retry-delay', '1'];
  const limits = ['--retry-max-time', `${seconds}`, '--connect-timeout', '1', '--max-time', '2'];
  const quiet = ['-skSf', '--noproxy', '*', '--output', '/dev/null'];
  const [program = '', ...words] = inside(network, ['curl', ...quiet, ...again, ...limits, url]);
  must(program, words, '/');
}

/** Runs a program of the system; fails with what it said unless it exits 0. */
export function must(program: string, words: readonly string[], cwd: string): string {
  const { status, stdout, stderr, error } = spawnSync(program, words, {
    cwd,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status !== 0)
    throw new Error(`${program} ${words.join(' ')} exited ${status}: ${error ?? ''}${stderr}${stdout}`);
  return stdout;
}
