/** Which task may start when: a pure record of what waits for what, driven by the engine. */
import { isGood, type State, type TaskId } from '../model/task.ts';
import type { Order } from './order.ts';

export interface Schedule {
  /** The tasks that nothing holds back at the start. */
  readonly first: readonly TaskId[];
  /** Records how a task ended; answers what may start now, and what never will. */
  ended(id: TaskId, state: State): { readonly ready: readonly TaskId[]; readonly lost: readonly Lost[] };
}

export interface Lost {
  readonly id: TaskId;
  /** The task whose end keeps this one from ever starting. */
  readonly because: TaskId;
}

/** ensures: each task is answered once, as ready after all its needs ended well, or as lost. */
export function schedule(graph: Order): Schedule {
  const waiting = new Map(graph.ids.map((id) => [id, new Set(graph.needs(id)).size]));
  const lost = new Set<TaskId>();

  const release = (id: TaskId): TaskId[] =>
    graph.dependents(id).filter((next) => {
      const left = waiting.get(next)! - 1; // requires: dependents are of the graph
      waiting.set(next, left);
      return left === 0;
    });

  const lose = (because: TaskId): Lost[] => {
    const found: Lost[] = [];
    const open = [...graph.dependents(because)];
    for (let id = open.pop(); id !== undefined; id = open.pop()) {
      if (lost.has(id)) continue;
      lost.add(id);
      found.push({ id, because });
      open.push(...graph.dependents(id));
    }
    return found;
  };

  return {
    first: graph.ids.filter((id) => graph.needs(id).length === 0),
    ended: (id, state) => (isGood(state) ? { ready: release(id), lost: [] } : { ready: [], lost: lose(id) }),
  };
}
