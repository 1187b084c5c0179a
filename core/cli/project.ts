/** What every command starts from: the recipe's tasks, the folders, the lock. */
import { join } from 'node:path';
import { type Expanded, expand } from '../graph/expand.ts';
import { flattened } from '../graph/flatten.ts';
import { withSettings } from '../graph/settings.ts';
import type { HostTurn } from '../graph/turns.ts';
import { revealing } from '../host/reveal.ts';
import type { Login } from '../host/ssh.ts';
import type { Arch } from '../model/artifact.ts';
import { fail, type Problem } from '../model/failure.ts';
import { NO_IDENTITY } from '../model/owner.ts';
import type { Host } from '../model/plugin.ts';
import type { Task, TaskId } from '../model/task.ts';
import { textOf } from '../report/visible.ts';
import { lookingAhead } from '../run/ahead.ts';
import { declaredBy } from '../run/declared.ts';
import type { RunContext } from '../run/look.ts';
import { type PoolOptions, sessionPool } from '../run/session-pool.ts';
import { openStore } from '../store/bytes.ts';
import { ARCHES, readLocks } from '../store/lock.ts';
import { type Network, networkOf } from '../store/network.ts';
import { type Paths, statesOf } from '../store/paths.ts';
import { type Site, siteFile } from '../store/site.ts';
import { type Options, usage } from './args.ts';
import { COMMANDS } from './commands.ts';
import { trustOf } from './config/trust.ts';
import { loadConfig, placing } from './config.ts';
import { type Former, formerOf } from './former.ts';
import { identityOf } from './identity.ts';
import { pinsIn } from './pins.ts';

/** The process as commands see it, handed down from `main.ts` so that nothing else touches it. */
export interface CliContext {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly out: (text: string) => void;
  /** Tells how things go, to people, beside what `out` is for. */
  readonly say: (text: string) => void;
  /** Asks a question that is answered by yes or no; no when nobody is there. */
  readonly ask: (question: string) => Promise<boolean>;
  /** Asks for a secret, which is not shown; undefined when nobody is there. */
  readonly askSecret: (question: string) => Promise<string | undefined>;
  readonly terminal: boolean;
  readonly arch: string;
  readonly command: string;
  /** Calls back on each signal that asks to stop, with its name. */
  readonly onStop: (stop: (signal: NodeJS.Signals) => void) => void;
  /** Spares memory from here on, at some cost in time. */
  readonly saveMemory: () => void;
}

/** From so many tasks on, what is soon garbage would be most of the memory. */
const MANY = 1000;

export interface Project extends Expanded {
  readonly file: string;
  /** The lock files that count, that of the base recipe first. */
  readonly locks: readonly string[];
  readonly arch: Arch;
  /** Addresses of the manifests of images that the recipe names without a digest, by name. */
  readonly manifests: ReadonlyMap<string, string>;
  readonly network: Network;
  /** Lists of apt's sources on hosts whose archives are trusted without a signature. */
  readonly trustedSources: readonly string[];
  readonly paths: Paths;
  /** Undefined: nobody has made an identity for it yet; a run does. */
  readonly site?: Site | undefined;
  /** Hosts that left, and their tasks, for taking back. */
  readonly former?: Former;
}

interface Opening {
  /** A site that has no identity yet gets one. */
  readonly identify?: boolean;
  /** Beside those of the recipe. */
  readonly hosts?: readonly Host[];
  /** Whether hosts that left are wanted, with their tasks. */
  readonly former?: boolean;
}

export async function openProject(
  options: Options,
  cli: CliContext,
  { identify = false, hosts = [], former = false }: Opening = {},
): Promise<Project> {
  const arch = archOf(cli.arch);
  const trust = trustOf(cli.env);
  const loaded = await loadConfig(options, cli.cwd, trust);
  const { file, locks } = loaded;
  trust(siteFile(file));
  const problems: Problem[] = [];
  const flat = withSettings(flattened([...loaded.layers, { hosts }], problems), loaded.settings, problems);
  trust(statesOf(cli.env), 'state');
  const { paths, site, owner, notices } = identityOf(file, flat.name, cli.env, identify);
  trust(paths.state, 'records');
  if (notices.length > 0) cli.say(textOf(notices));
  const { image, manifests } = pinsIn(locks);
  const context = {
    arch,
    file,
    cache: join(paths.cache, 'recipes', paths.key),
    state: paths.state,
    image,
    key: paths.key,
    owner,
    commands: Object.keys(COMMANDS),
  };
  const expanded = await placing(loaded, () => expand(flat, context, problems));
  if (expanded.tasks.length > MANY) cli.saveMemory();
  const network = networkOf(flat.mirrors, flat.proxy, cli.env, expanded.hosts.slice(1)); // the first is the controller
  return {
    ...expanded,
    ...(former ? { former: formerOf(flat, expanded, paths.state, context) } : {}),
    manifests,
    file,
    locks,
    arch,
    network,
    trustedSources: flat.trustedSources,
    paths,
    site,
  };
}

/** Node's names of processors to those of Debian and Kubernetes. */
export function archOf(arch: string): Arch {
  if (arch === 'x64') return 'amd64';
  if (arch === 'arm64') return 'arm64';
  return fail({ kind: 'wrong-platform', host: 'controller', expected: 'amd64 or arm64', found: arch });
}

export interface ContextOptions
  extends Pick<PoolOptions, 'become' | 'terminal' | 'lock' | 'note' | 'looked'> {
  readonly signal: AbortSignal;
  readonly tasks: readonly Task[];
  readonly env: CliContext['env'];
  readonly asked?: ReadonlySet<TaskId>;
  /** The turns of hosts among the tasks; none where nothing is to be known of them. */
  readonly turns?: readonly HostTurn[];
  /** The hosts that are taken back, where any are. */
  readonly taken?: readonly Host[] | undefined;
}

/** How hosts are entered: with whose password, and whether somebody is there to answer ssh. */
export async function loginOf({ askBecomePass }: Options, cli: CliContext): Promise<Login> {
  const { terminal } = cli;
  if (!askBecomePass) return { terminal };
  const password = await cli.askSecret('Password for sudo: ');
  return password === undefined
    ? usage('Cannot ask for a password: there is no terminal')
    : { terminal, become: { password } };
}

/** What looking at hosts takes; whoever opens it closes its pool. */
export async function openContext(
  project: Project,
  { signal, tasks, env, asked = new Set(), turns = [], taken, ...entering }: ContextOptions,
): Promise<RunContext> {
  const pool = sessionPool(project.paths.state, {
    ...entering,
    signal,
    undo: taken !== undefined,
    hosts: project.hosts,
    site: project.site ?? { id: NO_IDENTITY, name: project.name },
  });
  // An entry is about an address, so those for other processors are in nobody's way.
  const others = ARCHES.filter((arch) => arch !== project.arch);
  const locks = readLocks(project.locks, ...others, project.arch);
  const store = openStore(project.paths, locks, pool.memo);
  return {
    reveal: revealing({ env, trust: trustOf(env), signal }),
    pool,
    store,
    signal,
    asked,
    turns,
    ahead: lookingAhead(tasks),
    declared: declaredBy(project.hosts, [...project.tasks, ...(project.former?.tasks ?? [])], taken),
    found: new Map(),
    touched: new Set(),
  };
}
