/** What a run would find and do, without doing it: behind `plan`, `status` and `why`. */
import { CONTROLLER } from '../graph/place.ts';
import { aboutPathsOf } from '../graph/turns.ts';
import { holderOn } from '../host/holder.ts';
import { type Change, changeData } from '../model/change.ts';
import type { Reason } from '../model/event.ts';
import { type Failure, failureData, failureOf, type Owner } from '../model/failure.ts';
import type { Json } from '../model/json.ts';
import type { Task, TaskId } from '../model/task.ts';
import type { Pending } from '../model/turn.ts';
import { decide } from './decide.ts';
import type { Work } from './engine.ts';
import { foundAs, type Looked, look, onlyByNeeds, type RunContext, sessionFor } from './look.ts';
import { leftOut } from './outside.ts';
import { told } from './plugin-code.ts';
import { isOfHost } from './sweep.ts';

/** One task as it stands. */
export type Finding = { readonly id: TaskId } & (
  | {
      readonly kind: 'as-declared';
      readonly stamped: boolean;
      readonly report?: Json;
      /** What its step says of what was found. */
      readonly told?: readonly string[];
    }
  | {
      readonly kind: 'would';
      readonly reason: Reason;
      readonly changes: readonly Change[];
      readonly stamped: boolean;
    }
  /** A run is at work on it at this moment. */
  | { readonly kind: 'running'; readonly owner: Owner }
  /** It cannot be looked at, or not conclusively, before another task has done its work. */
  | { readonly kind: 'pending'; readonly after: TaskId }
  | { readonly kind: 'unknown'; readonly failure: Failure }
);

export interface Survey {
  readonly work: Work;
  readonly findings: ReadonlyMap<TaskId, Finding>;
}

/** The living run of this recipe, if there is one. */
export type Holding = () => Owner | undefined;

/** What is `outside` nobody is going to change. ensures: nothing is written anywhere. */
export function surveying(
  context: RunContext,
  holding: Holding,
  outside: ReadonlySet<TaskId> = new Set(),
): Survey {
  const findings = new Map<TaskId, Finding>();
  const work: Work = async (task) => {
    const found = await find(task, context, findings, holding);
    const isLeftOut = found.kind === 'would' && outside.has(task.id);
    findings.set(
      task.id,
      isLeftOut ? { kind: 'unknown', id: task.id, failure: leftOut(task, found.changes) } : found,
    );
    // Whatever was found, the tasks after it are looked at too.
    return { state: 'verified' };
  };
  return { work, findings };
}

async function find(
  task: Task,
  context: RunContext,
  findings: ReadonlyMap<TaskId, Finding>,
  holding: Holding,
): Promise<Finding> {
  const after = task.needs.find((need) => {
    const kind = findings.get(need)?.kind;
    return kind === 'would' || kind === 'pending' || kind === 'running';
  });
  const maker = makerOf(task, findings);
  if (maker) return { kind: 'pending', id: task.id, after: maker };
  try {
    const owner = await workingOn(task, context, holding);
    if (owner) return { kind: 'running', id: task.id, owner };
    const ahead = changingFor(task, context, findings);
    const looked = await look(task, context, ahead);
    context.found.set(task.id, foundAs(looked.facts, looked.stamp));
    const refused = task.needs.find((need) => isRefused(need, task, findings));
    return finding(task, looked, ahead.length > 0 ? undefined : after, refused);
  } catch (error) {
    const failure = failureOf(error);
    // What a host lacks before its turn may make a look fail: that is no news. Code that is wrong is, and so is a host that nobody can enter.
    const news = failure.kind === 'plugin-threw' || failure.kind === 'bug' || isOfHost(failure);
    return after && !news
      ? { kind: 'pending', id: task.id, after }
      : { kind: 'unknown', id: task.id, failure };
  }
}

/** What a run would change of that by which a task disturbs its host: only then does the task have something to do. */
function changingFor(
  task: Task,
  { turns }: RunContext,
  findings: ReadonlyMap<TaskId, Finding>,
): readonly Pending[] {
  const members = turns.find(({ host }) => host === task.host.name)?.members ?? [];
  return aboutPathsOf(task, members).flatMap(({ id }) => {
    const found = findings.get(id);
    return found?.kind === 'would' ? [{ task: id, why: found.changes.map(({ why }) => why).join('; ') }] : [];
  });
}

/** Whether a run would skip a task for want of what it needs. */
function isRefused(need: TaskId, { spares }: Task, findings: ReadonlyMap<TaskId, Finding>): boolean {
  const found = findings.get(need);
  if (found?.kind !== 'unknown') return false;
  return !(found.failure.kind === 'unreachable' && spares?.includes(need));
}

/** Whose run is changing a task now: one that is dead has been interrupted. */
async function workingOn(task: Task, context: RunContext, holding: Holding): Promise<Owner | undefined> {
  const { stamps, transport } = await sessionFor(task, context);
  const stamp = await stamps.read(task.id);
  if (stamp?.state !== 'applying') return undefined;
  const here = holding();
  if (here?.run === stamp.run) return here;
  // Another controller's, which is known on that host alone.
  const there =
    task.host.name === CONTROLLER ? undefined : await holderOn(transport, { signal: context.signal });
  return there?.run === stamp.run ? there : undefined;
}

/** The task that still has to make this task's host, when it has. */
function makerOf({ host, needs }: Task, findings: ReadonlyMap<TaskId, Finding>): TaskId | undefined {
  if (!host.madeBy) return undefined;
  return needs.find((need) => need.endsWith(`/${host.madeBy}`) && findings.get(need)?.kind !== 'as-declared');
}

/** `refused`: what it needs and cannot have, so that a run would skip it. */
function finding(
  task: Task,
  looked: Looked,
  after: TaskId | undefined,
  refused: TaskId | undefined,
): Finding {
  const { id } = task;
  const stamped = looked.stamp?.state === 'applied';
  const decision = decide(looked.changes, looked.stamp, looked.last);
  if (decision.kind === 'run' && refused) return { kind: 'pending', id, after: refused };
  if (decision.kind === 'run' && after && onlyByNeeds(looked)) return { kind: 'pending', id, after };
  if (decision.kind === 'run')
    return { kind: 'would', id, stamped, reason: decision.reason, changes: looked.changes };
  if (task.step.check && after) return { kind: 'pending', id, after };
  const report = looked.stamp?.report;
  const lines = told(task, looked.facts);
  return {
    ...{ kind: 'as-declared', id, stamped },
    ...(report === undefined ? {} : { report }),
    ...(lines.length === 0 ? {} : { told: lines }),
  };
}

/** What could not be told, and what waits for that. What a run is not to change has been told. */
export function untoldIn(findings: readonly Finding[]): ReadonlySet<TaskId> {
  const waiting = Map.groupBy(findings, (each) => (each.kind === 'pending' ? each.after : undefined));
  const unknown = findings.filter((each) => each.kind === 'unknown');
  const untold = new Set(unknown.map(({ id }) => id));
  for (const id of untold) for (const next of waiting.get(id) ?? []) untold.add(next.id); // these are come to as well
  for (const { id, failure } of unknown) if (failure.kind === 'left-out') untold.delete(id);
  return untold;
}

/** A finding as JSON, for `--json`. */
export function findingData(found: Finding): Json {
  if (found.kind === 'would') return { ...found, changes: found.changes.map(changeData) };
  if (found.kind === 'unknown') return { ...found, failure: failureData(found.failure) };
  return { ...found };
}
