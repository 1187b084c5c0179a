/** What a run would find and do, without doing it: behind `plan`, `status` and `why`. */
import { CONTROLLER } from '../graph/place.ts';
import { holderOn } from '../host/holder.ts';
import { type Change, changeData } from '../model/change.ts';
import type { Reason } from '../model/event.ts';
import { type Failure, failureData, failureOf, type Owner } from '../model/failure.ts';
import type { Json } from '../model/json.ts';
import type { Task, TaskId } from '../model/task.ts';
import { decide } from './decide.ts';
import type { Work } from './engine.ts';
import { foundAs, type Looked, look, onlyByNeeds, type RunContext, sessionFor } from './look.ts';
import { leftOut } from './outside.ts';
import { told } from './plugin-code.ts';

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
    const looked = await look(task, context);
    context.found.set(task.id, foundAs(looked.facts, looked.stamp));
    const refused = task.needs.find((need) => findings.get(need)?.kind === 'unknown');
    return finding(task, looked, after, refused);
  } catch (error) {
    const failure = failureOf(error);
    // What a host lacks before its turn may make a look fail: that is no news. Code that is wrong is.
    const wrong = failure.kind === 'plugin-threw' || failure.kind === 'bug';
    return after && !wrong
      ? { kind: 'pending', id: task.id, after }
      : { kind: 'unknown', id: task.id, failure };
  }
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

/** A finding as JSON, for `--json`. */
export function findingData(found: Finding): Json {
  if (found.kind === 'would') return { ...found, changes: found.changes.map(changeData) };
  if (found.kind === 'unknown') return { ...found, failure: failureData(found.failure) };
  return { ...found };
}
