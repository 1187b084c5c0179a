/** What a command is about: which tasks, whether they are taken back, and where else to look for what cc left. */
import { nearest } from '../graph/near.ts';
import { order } from '../graph/order.ts';
import { CLEANUP, CONTROLLER } from '../graph/place.ts';
import { addressOf, machineOf } from '../model/address.ts';
import { fail } from '../model/failure.ts';
import type { Host } from '../model/plugin.ts';
import type { Entering } from '../run/sweep.ts';
import { knownHosts } from '../store/hosts.ts';
import { type Options, usage } from './args.ts';
import { type Chosen, type CliContext, chosen, openProject, type Project } from './project.ts';

export interface Job extends Chosen {
  readonly project: Project;
  readonly undo: boolean;
  /** Hosts from which what is no longer declared is taken back; none where single tasks are named. */
  readonly swept: readonly Host[];
  /** Hosts that the recipe does not have any more, and where things of cc stand. */
  readonly left: readonly Host[];
}

export async function jobOf(
  names: readonly string[],
  options: Options,
  cli: CliContext,
  { identify = false } = {},
): Promise<Job> {
  const project = names.includes(CLEANUP)
    ? await (await import('./recorded.ts')).projectForCleanup(options, cli, identify)
    : await openProject(options, cli, { identify });
  const left = leftHosts(project);
  if (!names.some((name) => project.cleanups.includes(name))) {
    if (options.limit !== undefined) usage(`Cannot use --limit: only ${CLEANUP} takes it`, 'run');
    const all = names.length === 0 || names.includes('all');
    return { project, left, undo: false, swept: all ? project.hosts : [], ...chosen(project, names) };
  }
  if (names.length > 1) usage('Cannot take everything back and run tasks at once', 'run');
  if (options.bundle !== undefined)
    usage(`Cannot use --bundle with ${names[0]}: it takes nothing from the network`, 'run');
  return { project, left, undo: true, ...limited(project, left, options.limit) };
}

/** Hosts that runs have changed, and that are neither declared by their name nor as a machine. */
function leftHosts({ hosts, paths }: Project): readonly Host[] {
  const machines = new Set(hosts.filter(({ name }) => name !== CONTROLLER).map(machineOf));
  return knownHosts(paths.state).filter((host) => !machines.has(machineOf(host)));
}

/** All tasks and hosts, or those of one host. */
function limited(
  project: Project,
  left: readonly Host[],
  limit: string | undefined,
): Chosen & Pick<Job, 'swept'> {
  const standing = project.hosts.filter(({ madeBy }) => !madeBy);
  if (limit === undefined) return { ...chosen(project, []), swept: [...standing, ...left] };
  const hosts = [...project.hosts, ...left].filter((host) => isCalled(host, limit));
  if (hosts.length === 0) {
    const near = nearest(
      limit,
      [...project.hosts, ...left].map(({ name }) => name),
    );
    fail({ kind: 'unknown-name', what: 'host', name: limit, ...(near ? { near } : {}) });
  }
  if (new Set(hosts.map(machineOf)).size > 1) {
    const each = hosts.map((host) => `${host.name} at ${addressOf(host)}`).join(', ');
    usage(`Cannot tell which host is meant by ${limit}: ${each}; name an address`, 'run');
  }
  const on = project.tasks.filter(({ host }) => hosts.includes(host));
  const ids = new Set(on.map(({ id }) => id));
  const tasks = on.map((task) => ({ ...task, needs: task.needs.filter((need) => ids.has(need)) }));
  return { wanted: tasks, tasks, graph: order(tasks), swept: hosts };
}

function isCalled(host: Host, text: string): boolean {
  const { name, connection } = host;
  return [name, addressOf(host), connection.kind === 'ssh' ? connection.address : ''].includes(text);
}

/** Hosts that go with what makes them, unless they are meant themselves. */
export function leavingIn({ project, swept }: Job): ReadonlySet<string> {
  const meant = new Set(swept.map(({ name }) => name));
  return new Set(project.hosts.flatMap(({ madeBy, name }) => (madeBy && !meant.has(name) ? [name] : [])));
}

/**
 * How hosts are entered beside their tasks: as root or not, whether nobody else tells of one that cannot be reached, and whether the
 * recipe has it no more.
 */
export function entering({ tasks, undo, project }: Job): Entering {
  const on = (host: Host) => tasks.filter((task) => task.host.name === host.name);
  return {
    // The stamps of the controller are its user's.
    rights: (host) =>
      host.name !== CONTROLLER && (on(host).length === 0 || on(host).some(({ step }) => step.root !== false)),
    alone: (host) => undo || on(host).length === 0,
    left: (host) => !project.hosts.includes(host),
  };
}

/** A line about each host that left the recipe. */
export function leftLines({ left, project }: Pick<Job, 'left' | 'project'>): readonly string[] {
  const names = [...project.hosts, ...left].map(({ name }) => name);
  return left.map((host) => {
    const { name } = host;
    const one = names.filter((each) => each === name).length === 1;
    const way = `cc run ${CLEANUP} --limit ${one ? name : addressOf(host)}`;
    return `${name} (${addressOf(host)}) is no longer in the recipe, and things of cc stand there: ${way}`;
  });
}
