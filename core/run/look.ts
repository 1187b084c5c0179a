/** Looking at a task: probe, manifest, stamp and plan in one place, shared by every verb, so that none can disagree. */

import type { HostTurn } from '../graph/turns.ts';
import type { Reveal } from '../host/reveal.ts';
import { type Artifacts, type Looking, viewOf } from '../host/view.ts';
import type { Artifact } from '../model/artifact.ts';
import { type ByPlugin, type Change, isTold, type Told } from '../model/change.ts';
import { compare } from '../model/difference.ts';
import type { Digest } from '../model/digest.ts';
import { digestOfData, sameData } from '../model/digest.ts';
import { fail, failureOf } from '../model/failure.ts';
import type { Json } from '../model/json.ts';
import type { Last } from '../model/step.ts';
import { type Task, type TaskId, taskId } from '../model/task.ts';
import type { Pending } from '../model/turn.ts';
import type { Place, View } from '../model/view.ts';
import type { BuiltFacts } from '../steps/built.ts';
import type { Store } from '../store/bytes.ts';
import { FORMAT, type Manifest, type Stamp } from '../store/stamp.ts';
import type { Ahead } from './ahead.ts';
import { decide, lastOf, type Remembered } from './decide.ts';
import { alone, type Declared, former } from './declared.ts';
import { renamed, stampOf } from './heir.ts';
import { hostAt } from './host-at.ts';
import { type Limit, limited } from './limit.ts';
import { examined, planned, probed, undone } from './plugin-code.ts';
import { sealedInputs, secretsOn } from './sealing.ts';
import type { Session, SessionPool } from './session-pool.ts';

/** What a run knows and learns, shared by its tasks. */
export interface RunContext {
  readonly pool: SessionPool;
  readonly store: Store;
  readonly reveal: Reveal;
  readonly signal: AbortSignal;
  /** What tasks were found or proven to be, as far as this run has come. */
  readonly found: Map<TaskId, Found>;
  /** Tasks that changed something in this run. */
  readonly touched: Set<TaskId>;
  readonly ahead: Ahead;
  readonly declared: Declared;
  /** The turns of hosts among the tasks. */
  readonly turns: readonly HostTurn[];
  /** Tasks asked for by name: a check among them runs whatever its stamp says. */
  readonly asked: ReadonlySet<TaskId>;
}

export interface Found {
  readonly facts: Json;
  /** The digest of the facts, which is all that dependents see of them. */
  readonly result: () => string;
}

/** Facts with their digest, made when it is asked for: facts like those of the stamp have the same. */
export function foundAs(facts: Json, stamp?: Stamp): Found {
  let result: string | undefined;
  const same = () => stamp !== undefined && sameData(stamp.facts, facts);
  return {
    facts,
    result: () => {
      result ??= same() ? stamp!.result : digestOfData(facts); // same only with a stamp
      return result;
    },
  };
}

export interface Looked {
  readonly session: Session;
  readonly facts: Json;
  /** Under the name that the task had before, where it has none of its own. */
  readonly stamp: Stamp | undefined;
  /** Made when asked for: what was never applied has nothing to compare it with. */
  readonly manifest: () => Manifest;
  readonly last: Remembered;
  /** What is no longer declared goes first. */
  readonly changes: readonly Change[];
  /** That part of the changes. */
  readonly leaving: readonly Told[];
  /** What is no longer declared, and only code of its declaration could take back. */
  readonly untold: readonly ByPlugin[];
}

/** Seconds that one look at a host may take. */
const PROBE_TIMEOUT = 120;

/** `ahead`: what would change before this task, by which it disturbs its host. */
export async function look(task: Task, context: RunContext, ahead: readonly Pending[] = []): Promise<Looked> {
  const session = await sessionFor(task, context);
  const inputs = await sealedInputs(task, session, context);
  const facts = await probe(task, session, context, { ahead: true });
  const manifest = () => manifestOf(task, session, context, inputs());
  const known = await stampOf(task, facts, session, context.declared);
  const stamp = known && known.task !== task.id ? renamed(known, manifest()) : known;
  const last = {
    ...disturbed(task, context, lastOf(stamp, manifest, facts)),
    ...(ahead.length > 0 ? { pending: ahead } : await waitingFor(task, context)),
  };
  const { declared } = context;
  const earlier = await former(
    task,
    stamp,
    () => undone(task, facts, alone(task.host, declared)),
    lookingAt(task, session, context),
    declared,
  );
  const leaving = earlier.filter(isTold);
  const untold = earlier.filter((change) => change.kind === 'by-plugin');
  const changes = [...leaving, ...planned(task, facts, last)];
  return { session, facts, stamp, manifest, last, changes, leaving, untold };
}

/** The same, as far as `cc doctor` looks. */
export function examine(task: Task, session: Session, context: RunContext): Promise<Json> {
  return limited(limitOf(task, context), (stop) => examined(task, viewFor(task, session, context, { stop })));
}

function limitOf(task: Task, { signal }: RunContext): Limit {
  return {
    host: task.host.name,
    what: `looking at ${task.id}`,
    seconds: PROBE_TIMEOUT,
    stop: signal,
    grace: 0, // it leaves nothing
  };
}

/** A view for few looks, within the time of a probe. */
export function lookingAt(task: Task, session: Session, context: RunContext): View {
  return viewFor(task, session, context, {
    stop: () => AbortSignal.any([context.signal, AbortSignal.timeout(PROBE_TIMEOUT * 1000)]),
  });
}

/** A host that is not reached because the run was stopped is no failure of that host. */
export async function sessionFor({ host, step }: Task, context: RunContext): Promise<Session> {
  try {
    return await context.pool.session(host, step.root !== false);
  } catch (error) {
    if (context.signal.aborted) fail({ kind: 'interrupted', signal: String(context.signal.reason) }, error);
    throw error;
  }
}

/** Comes to the hosts of tasks, but for those that a task is to make. */
export function reaching({ pool }: RunContext): (task: Task) => Promise<unknown> {
  return async ({ host, step }) => host.madeBy ?? pool.session(host, step.root !== false);
}

/** Probes once, within a time of its own: a hanging host is "could not tell", never "absent". */
export async function probe(
  task: Task,
  session: Session,
  context: RunContext,
  { ahead = false } = {},
): Promise<Json> {
  return limited(limitOf(task, context), async (stop) => {
    if (!ahead) return probed(task, viewFor(task, session, context, { stop }));
    const known = await context.ahead.known(task, session, (each, kept) =>
      viewFor(each, session, context, { stop, kept }),
    );
    const answers = () => context.ahead.answers(session);
    return probed(task, viewFor(task, session, context, { stop, known, answers }));
  });
}

export function viewFor(task: Task, session: Session, context: RunContext, looking: Looking): View {
  const { transport, platform } = session;
  const artifacts: Artifacts = {
    locked: (artifact) => digestFor(artifact, task, context),
    fetched: async (artifact) => {
      const digest = digestFor(artifact, task, context);
      return digest !== undefined && (await context.store.has(digest));
    },
  };
  const on = async (place: Place) => {
    const host = hostAt(place, context.declared.hosts);
    const there = { ...task, host, id: taskId(host.name, task.plugin, task.step.name) };
    const entered = await sessionFor(there, context);
    const { stop } = looking;
    const answers = looking.answers && (() => context.ahead.answers(entered));
    return viewFor(there, entered, context, { ...(stop ? { stop } : {}), ...(answers ? { answers } : {}) });
  };
  const reported = async () => {
    const stamp = await session.stamps.read(task.id);
    return stamp?.state === 'applied' ? stamp.report : undefined;
  };
  const secrets = secretsOn(session, context);
  return viewOf(transport, platform, artifacts, { ...looking, on, reported, secrets });
}

/** The digest of an artifact: of the store's bytes, or of what the step that builds it was found to have built. */
export function digestFor(
  artifact: Artifact,
  task: Task,
  { store, found: all }: RunContext,
): Digest | undefined {
  const { source } = artifact;
  if (source.kind !== 'built') return store.digest(artifact);
  const names = [`/${source.by}`, `/${source.by}-${task.arch}`];
  const maker = task.needs.find((need) => names.some((name) => need.endsWith(name)));
  const found = maker && (all.get(maker)?.facts as BuiltFacts | undefined); // made by `built`, whose facts these are
  return (found?.outputs[source.path] as Digest | null | undefined) ?? undefined;
}

function manifestOf(task: Task, { platform }: Session, context: RunContext, inputs: Json): Manifest {
  const artifacts = (task.step.artifacts ?? []).map((artifact) => [
    artifact.name,
    digestFor(artifact, task, context) ?? null,
  ]);
  const needs = task.needs
    .filter((need) => !context.declared.isEnd(need) && !task.spares?.includes(need))
    .map((need) => [need, context.found.get(need)?.result() ?? null]);
  return {
    format: FORMAT,
    plugin: { name: task.plugin, epoch: task.epoch },
    inputs,
    artifacts: Object.fromEntries(artifacts),
    needs: Object.fromEntries(needs),
    platform: { ...platform },
  };
}

/** A check is only worth what stood before it: asked for, or after a change, its stamp does not count. */
function disturbed(task: Task, { touched, asked }: RunContext, last: Remembered): Remembered {
  if (!task.step.check || !last.current) return last;
  const changed = task.needs.find((need) => touched.has(need));
  if (changed) return { ...last, current: false, why: `${changed} was changed in this run` };
  return asked.has(task.id) ? { ...last, current: false, why: 'asked for by name' } : last;
}

/** What an opening task is told of those that would disturb its host. */
async function waitingFor({ id }: Task, context: RunContext): Promise<Pick<Last, 'pending'>> {
  const members = context.turns.find(({ opener }) => opener.id === id)?.members;
  if (!members) return {};
  const found = await Promise.all(members.map((member) => pendingOf(member, members, context)));
  return { pending: found.flatMap((each) => each ?? []) };
}

/** Whether a task would change anything, as far as this can be seen before its turn. */
async function pendingOf(
  task: Task,
  members: readonly Task[],
  context: RunContext,
): Promise<Pending | undefined> {
  const isFound = (need: TaskId) => context.found.has(need) || members.some(({ id }) => id === need);
  const isEarly = !task.needs.every(isFound);
  try {
    const looked = await look(task, context);
    const { kind } = decide(looked.changes, looked.stamp, looked.last);
    if (kind !== 'run' || (isEarly && onlyByNeeds(looked))) return undefined;
    return { task: task.id, why: [...new Set(looked.changes.map(({ why }) => why))].join('; ') };
  } catch (error) {
    const failure = failureOf(error);
    // What its host lacks before other tasks of the turn are done is no news.
    if (!isEarly || failure.kind === 'plugin-threw' || failure.kind === 'bug') throw error;
    return undefined;
  }
}

/** Whether nothing but what stands before it speaks for a change: that may be mended before its turn comes. */
export function onlyByNeeds({ stamp, manifest }: Looked): boolean {
  if (stamp?.state !== 'applied') return false;
  const differences = compare(stamp.manifest, manifest());
  return differences.length > 0 && differences.every(({ path }) => path[0] === 'needs');
}
