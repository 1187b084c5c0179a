/** The graph of tasks: its order, its cycles, and how much work still hangs on each task. */
import { Graph } from '@dagrejs/graphlib';
import { fail } from '../model/failure.ts';
import type { Task, TaskId } from '../model/task.ts';

/** What ordering needs to know of a task. */
export interface Node extends Pick<Task, 'id' | 'needs'> {
  /** What it comes after, however that ends. */
  readonly after?: readonly TaskId[];
}

/** An acyclic graph of tasks, in an order in which every task comes after what it needs. */
export interface Order {
  readonly ids: readonly TaskId[];
  /** What a task comes after. */
  needs(id: TaskId): readonly TaskId[];
  /** What of that may end badly, too. */
  mayFail(id: TaskId): readonly TaskId[];
  dependents(id: TaskId): readonly TaskId[];
}

/**
 * Orders tasks; equal input gives equal order. Fails with the path of a cycle when there is one.
 * graphlib keeps the graph; its own topsort recurses (a chain of 5,000 overflows) and names no path, so the walk is ours.
 * requires: every need is one of the tasks.
 */
export function order(nodes: readonly Node[]): Order {
  const spared = new Map(
    nodes.map(({ id, needs, after = [] }) => [id, after.filter((each) => !needs.includes(each))]),
  );
  const mayFail = (id: TaskId) => spared.get(id) ?? [];
  const tasks = nodes.map(({ id, needs }) => ({ id, needs: [...needs, ...mayFail(id)] }));
  const graph = new Graph({ directed: true });
  for (const { id } of tasks) graph.setNode(id);
  for (const { id, needs } of tasks) for (const need of needs) graph.setEdge(need, id);
  const after = new Map(tasks.map(({ id }) => [id, successors(graph, id)]));
  const waiting = new Map(tasks.map(({ id, needs }) => [id, new Set(needs).size]));
  const ids = tasks.filter(({ needs }) => needs.length === 0).map(({ id }) => id);
  for (let index = 0; index < ids.length; index++) {
    for (const next of after.get(ids[index]!)!) {
      const left = waiting.get(next)! - 1; // requires: needs are tasks
      waiting.set(next, left);
      if (left === 0) ids.push(next);
    }
  }
  if (ids.length < tasks.length) fail({ kind: 'cycle', path: cycleIn(tasks, new Set(ids)) });
  const needs = new Map(tasks.map((task) => [task.id, task.needs]));
  return { ids, needs: (id) => needs.get(id) ?? [], mayFail, dependents: (id) => after.get(id) ?? [] };
}

function successors(graph: Graph, id: TaskId): TaskId[] {
  return (graph.successors(id) ?? []) as TaskId[]; // node keys are task ids, set above
}

/** Follows needs among the tasks that never became ready until one repeats. */
function cycleIn(tasks: readonly Node[], done: ReadonlySet<TaskId>): TaskId[] {
  const stuck = new Map(tasks.filter(({ id }) => !done.has(id)).map((task) => [task.id, task.needs]));
  const path: TaskId[] = [];
  let id = stuck.keys().next().value!; // requires: called only when something is stuck
  while (!path.includes(id)) {
    path.push(id);
    id = stuck.get(id)!.find((need) => stuck.has(need))!; // every stuck task has a stuck need
  }
  return [...path.slice(path.indexOf(id)), id].reverse();
}

/**
 * The same tasks with every arrow turned round: what undoing follows. All of a host wait for what goes first there, also what needs
 * it.
 */
export function reversed(tasks: readonly (Node & Partial<Pick<Task, 'host' | 'step'>>)[]): readonly Node[] {
  const first = tasks.filter(({ step }) => step?.undoFirst);
  const before = (task: (typeof tasks)[number]) =>
    first.flatMap(({ id, host }) => (!task.step?.undoFirst && host?.name === task.host?.name ? [id] : []));
  const needs = new Map<TaskId, TaskId[]>(tasks.map(({ id }) => [id, []]));
  for (const task of tasks) {
    const ahead = before(task);
    for (const need of task.needs) if (!ahead.includes(need)) needs.get(need)?.push(task.id);
  }
  return tasks
    .toReversed()
    .map((task) => ({ id: task.id, needs: [...before(task), ...(needs.get(task.id) ?? [])] }));
}

/** For each task the length of the longest path that starts with it, from how long tasks took before. */
export function remaining(graph: Order, duration: (id: TaskId) => number): ReadonlyMap<TaskId, number> {
  const left = new Map<TaskId, number>();
  for (const id of graph.ids.toReversed()) {
    const after = graph.dependents(id).reduce((most, next) => Math.max(most, left.get(next) ?? 0), 0);
    left.set(id, duration(id) + after);
  }
  return left;
}

/** The chain of tasks that a run could not have been shorter than, from how long each took in it. */
export function criticalPath(
  graph: Order,
  took: ReadonlyMap<TaskId, number>,
): { id: TaskId; took: number }[] {
  const left = remaining(graph, (id) => took.get(id) ?? 0);
  const path: { id: TaskId; took: number }[] = [];
  let candidates: readonly TaskId[] = graph.ids;
  while (candidates.length > 0) {
    const id = candidates.reduce((best, next) => (left.get(next)! > left.get(best)! ? next : best));
    if (took.has(id)) path.push({ id, took: took.get(id)! });
    candidates = graph.dependents(id);
  }
  return path;
}
