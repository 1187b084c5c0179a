/** How many tasks may be at work: in the whole run, on one host, on a named resource of a host, and of one step on hosts of a role. */
import PQueue from 'p-queue';
import { machineOf } from '../model/address.ts';
import type { Task } from '../model/task.ts';

/** Tasks at once on one host: more would only wait for its disk and processors. */
const PER_HOST = 8;

/** Hosts that are being logged in to at once: a server on the way to all of them turns away whoever comes with many others. */
const LOGINS = 16;

/** Lets so many at once do what is to be done before anything else on a host. */
export function doors(places = LOGINS): <Value>(work: () => Promise<Value>) => Promise<Value> {
  const queue = new PQueue({ concurrency: places });
  return (work) => queue.add(work);
}

export interface Gates {
  /** Runs the work when all its gates are open; higher priority goes first at each. */
  enter<Value>(task: Task, priority: number, work: () => Promise<Value>): Promise<Value>;
}

/**
 * A task whose step hosts do one by one waits for the others. It takes its locks, then a place on its host, where the run has more
 * than one host may have, then one in the run: always in this order, so no two tasks can wait for each other, and whoever has a
 * place in the run is at work.
 */
export function gates(concurrency: number): Gates {
  const queues = new Map<string, PQueue>();
  const queue = (name: string, places: number): PQueue => {
    const known = queues.get(name) ?? new PQueue({ concurrency: places });
    queues.set(name, known);
    return known;
  };
  return {
    enter: (task, priority, work) => {
      const where = machineOf(task.host);
      const { plugin, step, host } = task;
      const isOneByOne = step.oneByOne !== undefined && host.roles.includes(step.oneByOne);
      const row = isOneByOne ? [queue(`one by one ${plugin}/${step.name}`, 1)] : [];
      const locks = (step.locks ?? []).toSorted().map((lock) => queue(`${where}/${lock}`, 1));
      const place = concurrency > PER_HOST ? [queue(where, PER_HOST)] : [];
      const all = [...row, ...locks, ...place, queue('', concurrency)];
      const entered = all.reduceRight<() => Promise<unknown>>(
        (inner, gate) => () => gate.add(inner, { priority }),
        work,
      );
      return entered() as ReturnType<typeof work>; // each gate answers what the work answers
    },
  };
}
