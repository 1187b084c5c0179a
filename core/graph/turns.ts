/** Which tasks make up the turn of each host, and what waits for what because of it. */
import type { Problem } from '../model/failure.ts';
import { hostOf, type Task, type TaskId } from '../model/task.ts';
import type { Opens } from '../model/turn.ts';
import type { Node } from './order.ts';

/** The turn of one host. */
export interface HostTurn {
  readonly host: string;
  readonly as: Opens;
  readonly opener: Task;
  /** What would disturb the host. */
  readonly members: readonly Task[];
  readonly closer: Task;
}

/** Turns in the order of the hosts. Tasks on hosts that are only looked at take none. */
export function turnsOf(
  tasks: readonly Task[],
  outside: ReadonlySet<TaskId> = new Set(),
): readonly HostTurn[] {
  if (!tasks.some(({ step }) => step.turn?.kind === 'opens')) return [];
  const byHost = Map.groupBy(
    tasks.filter(({ id }) => !outside.has(id)),
    ({ host }) => host.name,
  );
  return [...byHost].flatMap(([host, own]) => {
    const opener = own.find(({ step }) => step.turn?.kind === 'opens');
    const closer = own.find(({ step }) => step.turn?.kind === 'closes');
    const as = opener?.step.turn;
    if (!opener || !closer || as?.kind !== 'opens') return [];
    return [{ host, as, opener, closer, members: membersOf(own) }];
  });
}

/** What disturbs by its own word, and what is about a path by which another one does. */
function membersOf(own: readonly Task[]): readonly Task[] {
  const about = new Set(own.flatMap((task) => aboutPathsOf(task, own)));
  return own.filter((task) => task.step.turn?.kind === 'disturbs' || about.has(task));
}

/** The tasks that are about a path by which a task disturbs its host. */
export function aboutPathsOf({ step: { turn } }: Task, own: readonly Task[]): readonly Task[] {
  const paths = turn?.kind === 'disturbs' ? (turn.by ?? []) : [];
  const isAbout = (claim: string) => paths.some((path) => path === claim || path.startsWith(`${claim}/`));
  return own.filter(({ step: { turn, claims = [] } }) => turn === undefined && claims.some(isAbout));
}

/**
 * The tasks with what waits because of turns: what disturbs a host waits for its opening task, the closing one for all of that.
 * The opening task waits for whatever the others need from before the turn, as it is told what they would do. What later tasks of the
 * host need there is not to be under way when that is disturbed; where it fails, the turn may be what mends it.
 */
export function inTurns(tasks: readonly Task[], turns: readonly HostTurn[]): readonly Node[] {
  if (turns.length === 0) return tasks;
  const dependents = dependentsIn(tasks);
  const waits = new Map<TaskId, Set<TaskId>>();
  const after = new Map<TaskId, readonly TaskId[]>();
  const wait = ({ id }: Task, needs: Iterable<TaskId>) =>
    waits.set(id, new Set([...(waits.get(id) ?? []), ...needs]));
  for (const { host, opener, members, closer } of turns) {
    const ids = members.map(({ id }) => id);
    const later = reached([opener.id, ...ids, closer.id], dependents);
    const before = (of: readonly Task[]) =>
      of.flatMap(({ needs }) => needs).filter((need) => !later.has(need));
    const own = tasks.filter(({ id }) => later.has(id) && hostOf(id) === host);
    for (const member of members) wait(member, [opener.id]);
    wait(closer, [opener.id, ...ids]);
    wait(opener, before(members));
    const under = before(own).filter((need) => hostOf(need) === host);
    after.set(opener.id, [...new Set(under)]);
  }
  return tasks.map(({ id, needs }) => ({
    id,
    needs: [...new Set([...needs, ...(waits.get(id) ?? [])])],
    after: after.get(id) ?? [],
  }));
}

function dependentsIn(tasks: readonly Task[]): (id: TaskId) => readonly TaskId[] {
  const all = new Map<TaskId, TaskId[]>(tasks.map(({ id }) => [id, []]));
  for (const { id, needs } of tasks) for (const need of needs) all.get(need)?.push(id);
  return (id) => all.get(id) ?? [];
}

/** These tasks, and all that come after one of them. */
export function reached(
  from: readonly TaskId[],
  dependents: (id: TaskId) => readonly TaskId[],
): ReadonlySet<TaskId> {
  const found = new Set(from);
  const open = [...from];
  for (let id = open.pop(); id !== undefined; id = open.pop())
    for (const next of dependents(id)) {
      if (found.has(next)) continue;
      found.add(next);
      open.push(next);
    }
  return found;
}

/** What opens and closes the turns of these tasks, beside them. */
export function takenAlong(tasks: readonly Task[], chosen: readonly Task[]): readonly Task[] {
  const has = new Set(chosen);
  return turnsOf(tasks).flatMap(({ opener, members, closer }) =>
    members.some((member) => has.has(member)) ? [opener, closer].filter((task) => !has.has(task)) : [],
  );
}

/** What keeps the steps of a recipe from making turns. */
export function brokenTurns(tasks: readonly Task[]): readonly Problem[] {
  const opening = tasks.filter(({ step }) => step.turn?.kind === 'opens');
  return opening.flatMap(({ host, plugin, step }) => {
    const path = `${plugin}/${step.name}`;
    const others = opening.filter((other) => other.host === host && other.step !== step);
    const closing = tasks.filter((other) => other.host === host && other.step.turn?.kind === 'closes');
    const first = others[0];
    if (first)
      return [
        { path, message: `opens the turn of ${host.name}, as ${first.plugin}/${first.step.name} does` },
      ];
    return closing.length === 1
      ? []
      : [{ path, message: `opens the turn of ${host.name}, and ${closing.length} steps close it: one must` }];
  });
}
