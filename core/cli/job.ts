/** What a command is about: which tasks, whether they are taken back, and where else to look for what cc left. */
import { meant } from '../graph/meant.ts';
import { order } from '../graph/order.ts';
import { CLEANUP, CONTROLLER } from '../graph/place.ts';
import { type Selection, selected } from '../graph/selection.ts';
import { addressOf } from '../model/address.ts';
import type { Host } from '../model/plugin.ts';
import type { TaskId } from '../model/task.ts';
import type { Entering } from '../run/sweep.ts';
import { type Options, usage } from './args.ts';
import { leftHosts } from './former.ts';
import { type CliContext, openProject, type Project } from './project.ts';

export interface Job extends Pick<Selection, 'wanted' | 'tasks' | 'graph' | 'turns' | 'outside'> {
  readonly project: Project;
  readonly undo: boolean;
  /** The hosts that are taken back, those included that go with what makes them. */
  readonly taken?: readonly Host[];
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
  const left = project.former?.hosts ?? leftHosts(project.hosts, project.paths.state);
  if (!names.some((name) => project.cleanups.includes(name))) {
    leftAlone(options.limit, project, left);
    const { whole, ...selection } = selected(project, { names, ...options });
    return { project, left, undo: false, swept: whole, ...selection };
  }
  if (options.skip !== undefined)
    usage(
      `Cannot use --skip with ${names[0]}: it takes back all that stands on a host; name hosts by --limit`,
      'run',
    );
  if (names.length > 1) usage('Cannot take everything back and run tasks at once', 'run');
  if (options.bundle !== undefined)
    usage(`Cannot use --bundle with ${names[0]}: it takes nothing from the network`, 'run');
  const limit = limited(project, left, options.limit);
  return { project, left, undo: true, taken: takenIn(project, limit.swept), ...limit };
}

/** All tasks and hosts, or those of the hosts that are meant. */
function limited(
  project: Project,
  left: readonly Host[],
  limit: string | undefined,
): Omit<Job, 'project' | 'undo' | 'left'> {
  const outside = new Set<TaskId>();
  const standing = project.hosts.filter(({ madeBy }) => !madeBy);
  if (limit === undefined) {
    const tasks = [...project.tasks, ...(project.former?.tasks ?? [])];
    return { wanted: tasks, tasks, graph: order(tasks), turns: [], outside, swept: [...standing, ...left] };
  }
  const hosts = meant(limit, project.hosts, left);
  const on = [...project.tasks, ...(project.former?.tasks ?? [])].filter(({ host }) => hosts.includes(host));
  const ids = new Set(on.map(({ id }) => id));
  const tasks = on.map((task) => ({ ...task, needs: task.needs.filter((need) => ids.has(need)) }));
  return { wanted: tasks, tasks, graph: order(tasks), turns: [], outside, swept: hosts };
}

/** A host that is made goes with the machine that makes it. */
function takenIn({ hosts }: Project, swept: readonly Host[]): readonly Host[] {
  const makers = swept.some(({ name }) => name === CONTROLLER);
  return [...swept, ...hosts.filter((host) => host.madeBy && makers && !swept.includes(host))];
}

/** A host that left the recipe can only be taken back. */
function leftAlone(limit: string | undefined, project: Project, left: readonly Host[]): void {
  for (const word of limit?.split(',') ?? []) {
    if (!left.some(({ name }) => name === word) || project.hosts.some(({ name }) => name === word)) continue;
    usage(
      `Cannot use --limit ${word}: it is no longer in the recipe; to take it back: cc run ${CLEANUP} --limit ${word}`,
      'run',
    );
  }
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
      host.name !== CONTROLLER &&
      (!project.hosts.includes(host) ||
        on(host).length === 0 ||
        on(host).some(({ step }) => step.root !== false)),
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
