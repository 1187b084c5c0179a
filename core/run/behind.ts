/** Which hosts a run leaves behind, and with how many of their tasks. */
import type { Behind } from '../model/event.ts';
import { isGood, type Task } from '../model/task.ts';
import type { Outcomes } from './engine.ts';

/** Hosts with tasks that did not end well; nothing where all tasks are of one host, beside the controller, as its tasks say so. */
export function behind(tasks: readonly Task[], outcomes: Outcomes, controller: string): readonly Behind[] {
  const byHost = Map.groupBy(tasks, ({ host }) => host.name);
  if ([...byHost.keys()].filter((name) => name !== controller).length < 2) return [];
  return [...byHost].flatMap(([host, own]) => {
    const left = own.filter(({ id }) => !isGood(outcomes.get(id)?.state ?? 'waiting')).length;
    return left === 0 ? [] : [{ host, left, of: own.length }];
  });
}
