/** What the changes of a task are performed with, on its own host and on others that its scripts enter. */
import { CONTROLLER } from '../graph/place.ts';
import { run, type TaskContext } from '../host/run.ts';
import { type Clock, shellOf } from '../host/shell.ts';
import { MARK } from '../host/transport.ts';
import type { Emit } from '../model/event.ts';
import type { Host } from '../model/plugin.ts';
import type { Shell } from '../model/shell.ts';
import type { Task } from '../model/task.ts';
import { fetchArtifact } from '../store/fetch.ts';
import { type Network, proxyEnv } from '../store/network.ts';
import { hostAt } from './host-at.ts';
import { digestFor, sessionFor, viewFor } from './look.ts';
import { reporterOf } from './progress.ts';
import type { Recording } from './record.ts';
import type { Session } from './session-pool.ts';

export interface ApplyContext extends Recording {
  readonly cache: string;
  readonly network: Network;
  readonly trustedSources: readonly string[];
  readonly clock: Clock;
  readonly emit: Emit;
  /** Names of hosts that `--limit` leaves out. */
  readonly leftOut: ReadonlySet<string>;
  /** Milliseconds since the run started. */
  readonly at: () => number;
  /** The session on the controller, for scripts that compare. */
  readonly controller: () => Promise<Session>;
}

/** How long it goes, and where it leads. */
interface Stretch {
  readonly signal: AbortSignal;
  /** Hears of each other host that is entered. */
  readonly entered: (session: Session) => void;
  /** Whether this is another host than the task's own. */
  readonly elsewhere?: boolean;
}

/** What performing a task's changes has: on its own host, or on another one that a script of it has entered. */
export async function taskContextOf(
  task: Task,
  session: Session,
  context: ApplyContext,
  { signal, entered, elsewhere = false }: Stretch,
): Promise<TaskContext> {
  const { name } = task.host;
  const told = (text: string) => context.emit({ kind: 'output', id: task.id, text });
  const log = elsewhere ? prefixed(`${name}: `, told) : told;
  const controller = await context.controller();
  const taskContext: TaskContext = {
    transport: session.transport,
    reveal: context.reveal,
    bytes: (artifact) => context.store.bytes(artifact, digestFor(artifact, task, context)),
    fetch: (artifact) =>
      fetchArtifact(context.store, artifact, {
        network: context.network,
        reporter: reporterOf(task.id, context),
        signal,
      }),
    log,
    running: (command) => {
      const shown = elsewhere ? `on ${name}: ${command}` : command;
      context.emit({ kind: 'command', at: context.at(), id: task.id, command: shown });
    },
    signal,
    cache: context.cache,
    trustedSources: context.trustedSources,
    clock: context.clock,
    notice: (text) => context.emit({ kind: 'notice', id: task.id, text }),
    env: { [MARK]: markOf(context.run, task) },
    proxies: proxiesOn(task.host, context),
    shell: () => shellFor(task, session, context, { taskContext, controller, entered }),
  };
  return taskContext;
}

/** What a host's own apt is told to go through wins over these. */
function proxiesOn({ name, proxy }: Host, { network }: ApplyContext): Readonly<Record<string, string>> {
  if (name === CONTROLLER) return proxyEnv(network);
  return proxy === false ? {} : network.onHosts;
}

interface Shelled extends Pick<Stretch, 'entered'> {
  readonly taskContext: TaskContext;
  readonly controller: Session;
}

function shellFor(
  task: Task,
  session: Session,
  context: ApplyContext,
  { taskContext, controller, entered }: Shelled,
): Shell {
  const { signal, log, clock, env } = taskContext;
  return shellOf({
    view: viewFor(task, session, context, { stop: () => signal }),
    controller: viewFor(task, controller, context, { stop: () => signal }),
    run: (command) => run(command, taskContext),
    log,
    clock,
    signal,
    leftOut: [...context.leftOut],
    exec: (argv, options) => session.transport.exec(argv, { ...options, env, signal }),
    on: async (place) => {
      const there = { ...task, host: hostAt(place, context.declared.hosts) };
      const other = await sessionFor(there, context);
      entered(other);
      return (await taskContextOf(there, other, context, { signal, entered, elsewhere: true })).shell();
    },
  });
}

/** A text that comes in pieces, with a prefix to each line of it. */
function prefixed(prefix: string, log: (text: string) => void): (text: string) => void {
  let begins = true;
  return (text) => {
    if (text === '') return;
    const lines = text.replaceAll(/\n(?=.)/gs, `\n${prefix}`);
    log(begins ? `${prefix}${lines}` : lines);
    begins = text.endsWith('\n');
  };
}

export function markOf(run: string, task: Task): string {
  return `${run}/${task.id}`;
}
