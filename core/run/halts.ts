/** What a failure keeps from starting: everything, what is left on its host, or only what needs the task that failed. */
import type { Failure } from '../model/failure.ts';
import type { State, Task, TaskId } from '../model/task.ts';

/** `stop`: nothing more starts. `finish`: nothing more starts on that host. `continue`: all starts that does not need what failed. */
export type OnFailure = 'stop' | 'finish' | 'continue';

/** How a task ends that is not started. */
interface Instead {
  readonly state: State;
  readonly because?: TaskId;
}

export interface Halts {
  /** Records that a task has failed. */
  failed(task: Task, failure: Failure): void;
  /** How a task ends that may not start any more; undefined: it may. */
  instead(task: Task): Instead | undefined;
  /** Whether a host has turned out to be one that cannot be reached. */
  isGone(host: string): boolean;
}

const CANCELLED: Instead = { state: 'cancelled' };

/** A bug stops everything; a host that cannot be reached, or has gone away, is not asked again. */
export function halts(onFailure: OnFailure): Halts {
  let stopped = false;
  const hosts = new Map<string, Instead>();
  return {
    failed: ({ id, host: { name } }, failure) => {
      if (failure.kind === 'bug' || onFailure === 'stop') stopped = true;
      if (hosts.has(name) || failure.kind === 'left-out') return; // nothing was to be done there
      if (isGone(failure, name)) hosts.set(name, { state: 'skipped', because: id });
      else if (onFailure === 'finish') hosts.set(name, CANCELLED);
    },
    isGone: (host) => hosts.get(host)?.state === 'skipped',
    instead: ({ host }) => (stopped ? CANCELLED : hosts.get(host.name)),
  };
}

function isGone(failure: Failure, host: string): boolean {
  return (failure.kind === 'unreachable' || failure.kind === 'agent-lost') && failure.host === host;
}
