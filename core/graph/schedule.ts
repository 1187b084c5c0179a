/** Which task may start when: a pure record of what waits for what, driven by the engine. */
import { isGood, type State, type TaskId } from '../model/task.ts';
import type { Order } from './order.ts';

export interface Schedule {
  /** The tasks that nothing holds back at the start. */
  readonly first: readonly TaskId[];
  /** Records how a task ended; answers what may start now, and what never will. `gone`: whether the host of a task cannot be reached. */
  ended(id: TaskId, state: State, gone?: (id: TaskId) => boolean): Ended;
}

interface Ended {
  readonly ready: readonly TaskId[];
  readonly lost: readonly Lost[];
}

export interface Lost {
  readonly id: TaskId;
  /** The task whose end keeps this one from ever starting. */
  readonly because: TaskId;
}

/**
 * `spares`: what a task does without where its host cannot be reached.
 * ensures: each task is answered once, as ready after all its needs ended well, or badly where they may, or as lost.
 */
export function schedule(graph: Order, spares: (id: TaskId) => readonly TaskId[] = () => []): Schedule {
  const waiting = new Map(graph.ids.map((id) => [id, new Set(graph.needs(id)).size]));
  const lost = new Set<TaskId>();

  const hasAll = (id: TaskId): boolean => {
    const left = waiting.get(id)! - 1; // requires: it is of the graph
    waiting.set(id, left);
    return left === 0;
  };

  const lose = (because: TaskId, gone: (id: TaskId) => boolean): Ended => {
    const found: Lost[] = [];
    const ready: TaskId[] = [];
    const open = [because];
    for (let id = open.pop(); id !== undefined; id = open.pop()) {
      for (const next of graph.dependents(id)) {
        if (lost.has(next)) continue;
        if (graph.mayFail(next).includes(id) || (gone(id) && spares(next).includes(id))) {
          if (hasAll(next)) ready.push(next);
          continue;
        }
        lost.add(next);
        found.push({ id: next, because });
        open.push(next);
      }
    }
    return { ready: ready.filter((id) => !lost.has(id)), lost: found };
  };

  return {
    first: graph.ids.filter((id) => graph.needs(id).length === 0),
    ended: (id, state, gone = () => false) =>
      isGood(state) ? { ready: graph.dependents(id).filter(hasAll), lost: [] } : lose(id, gone),
  };
}
