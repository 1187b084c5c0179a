/** One task changed: intend, perform, prove, commit. */
import { perform, run, type TaskContext } from '../host/perform.ts';
import { type Clock, shellOf } from '../host/shell.ts';
import { MARK } from '../host/transport.ts';
import { type Change, describe } from '../model/change.ts';
import type { Emit, Reason } from '../model/event.ts';
import { Failed, fail, type Remaining } from '../model/failure.ts';
import type { Json } from '../model/json.ts';
import type { State, Task } from '../model/task.ts';
import type { Reporter } from '../store/download.ts';
import { fetchArtifact } from '../store/fetch.ts';
import type { Network } from '../store/network.ts';
import { FORMAT, type Stamp } from '../store/stamp.ts';
import { PERFORMED } from './decide.ts';
import type { Outcome } from './engine.ts';
import { digestFor, type Found, foundAs, type Looked, probe, type RunContext, viewFor } from './look.ts';
import type { Session } from './session-pool.ts';

export interface ApplyContext extends RunContext {
  readonly run: string;
  readonly cache: string;
  readonly network: Network;
  readonly clock: Clock;
  readonly emit: Emit;
  /** Milliseconds since the run started. */
  readonly at: () => number;
  /** The session on the controller, for scripts that compare. */
  readonly controller: () => Promise<Session>;
}

/** What is known of a task between its first change and its proof. */
const UNPROVEN = foundAs(null);

const SETTLES = 10;
const TIMEOUT = 1800;

export async function converge(
  task: Task,
  looked: Looked,
  reason: Reason,
  to: (state: State, reason?: Reason) => void,
  context: ApplyContext,
): Promise<Outcome> {
  const { session } = looked;
  to('performing', reason);
  await commit(task, looked, { state: 'applying', found: UNPROVEN, ours: true }, context);
  context.touched.add(task.id);
  try {
    const report = await performAll(looked.changes, task, session, context);
    to('proving');
    const facts = await prove(task, session, context);
    const found = foundAs(facts);
    await commit(
      task,
      looked,
      { state: 'applied', found, ours: true, ...(report === undefined ? {} : { report }) },
      context,
    );
    context.found.set(task.id, found);
    return { state: 'applied', reason, ...(report === undefined ? {} : { report }) };
  } catch (error) {
    // A task that was interrupted, or whose host is gone, stays `applying`: that is the truth about its host.
    if (error instanceof Failed && !['interrupted', 'agent-lost'].includes(error.failure.kind)) {
      await commit(task, looked, { state: 'failed', found: UNPROVEN, ours: true }, context);
    }
    throw error;
  }
}

/** Ends what an interrupted application of this task left running; answers how many processes that were. */
export async function endOrphans(
  task: Task,
  { transport }: Session,
  stamp: Stamp | undefined,
  context: ApplyContext,
): Promise<number> {
  if (stamp?.state !== 'applying') return 0;
  // What it was still changing is to be looked at anew.
  const found = await context.ahead.changing(() => transport.reap(markOf(stamp.run, task)));
  const text = `ended ${found} ${found === 1 ? 'process' : 'processes'} left by run ${stamp.run}`;
  if (found > 0) context.emit({ kind: 'notice', id: task.id, text });
  return found;
}

/** Performs changes in order under one time limit; a stop or a timeout ends every process they started. */
export function performAll(
  changes: readonly Change[],
  task: Task,
  session: Session,
  context: ApplyContext,
): Promise<Json | undefined> {
  return context.ahead.changing(() => performInOrder(changes, task, session, context));
}

async function performInOrder(
  changes: readonly Change[],
  task: Task,
  session: Session,
  context: ApplyContext,
): Promise<Json | undefined> {
  const within = task.step.timeout ?? TIMEOUT;
  const timeout = AbortSignal.timeout(within * 1000);
  const signal = AbortSignal.any([context.signal, timeout]);
  const taskContext = await taskContextOf(task, session, context, signal);
  let report: Json | undefined;
  try {
    for (const each of changes) {
      signal.throwIfAborted();
      context.emit({ kind: 'change', at: context.at(), id: task.id, what: describe(each), why: each.why });
      report = (await perform(each, taskContext)) ?? report;
    }
    // A command that ends well when it is told to stop has not done its work.
    signal.throwIfAborted();
  } catch (error) {
    if (!signal.aborted) throw error;
    await endMarked(session, markOf(context.run, task));
    if (context.signal.aborted) fail({ kind: 'interrupted', signal: String(context.signal.reason) }, error);
    fail({ kind: 'timed-out', host: task.host.name, what: task.id, within }, error);
  }
  return report;
}

/** Seconds that what a stopped task has started may take to end. */
const ENDING = 8;

/** Ends what has left the commands it descends from; a host that does not answer keeps nobody waiting. */
async function endMarked({ transport }: Session, mark: string): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ENDING * 1000);
  });
  const reaped = transport.reap(mark).catch(() => undefined); // an agent that is lost ends all of it
  await Promise.race([reaped, late]);
  clearTimeout(timer);
}

async function taskContextOf(
  task: Task,
  session: Session,
  context: ApplyContext,
  signal: AbortSignal,
): Promise<TaskContext> {
  const log = (text: string) => context.emit({ kind: 'output', id: task.id, text });
  const controller = await context.controller();
  const taskContext: TaskContext = {
    transport: session.transport,
    bytes: (artifact) => context.store.bytes(artifact, digestFor(artifact, task, context)),
    fetch: (artifact) =>
      fetchArtifact(context.store, artifact, {
        network: context.network,
        reporter: reporterOf(task, context),
        signal,
      }),
    log,
    running: (command) => context.emit({ kind: 'command', at: context.at(), id: task.id, command }),
    signal,
    cache: context.cache,
    env: { [MARK]: markOf(context.run, task) },
    shell: () =>
      shellOf({
        view: viewFor(task, session, context, { stop: () => signal }),
        controller: viewFor(task, controller, context, { stop: () => signal }),
        run: (command) => run(command, taskContext),
        log,
        clock: context.clock,
        signal,
        exec: (argv, options) =>
          session.transport.exec(argv, { ...options, env: { [MARK]: markOf(context.run, task) }, signal }),
      }),
  };
  return taskContext;
}

/** Milliseconds between two words about how far a download has come. */
const BEAT = 250;

function reporterOf({ id }: Task, { emit, at }: ApplyContext): Reporter {
  let next = 0;
  return {
    log: (text) => emit({ kind: 'output', id, text: `${text}\n` }),
    attempt: (attempt) => emit({ kind: 'attempt', id, attempt }),
    progress: (done, total) => {
      if (at() < next) return;
      next = at() + BEAT;
      emit({ kind: 'progress', id, done, ...(total === undefined ? {} : { total }) });
    },
  };
}

/** Probes until nothing is left to do; success is the empty plan, never an exit code. */
async function prove(task: Task, session: Session, context: ApplyContext): Promise<Json> {
  const within = task.step.settles ?? SETTLES;
  const start = context.clock.now();
  for (let pause = 100; ; pause = Math.min(2 * pause, 2000)) {
    const late = context.clock.now() - start > within * 1000;
    const proof = await attempt(task, session, context, late);
    if (proof && proof.left.length === 0) return proof.facts;
    if (context.signal.aborted) fail({ kind: 'interrupted', signal: String(context.signal.reason) });
    if (late && proof) {
      return fail({ kind: 'not-converged', host: task.host.name, within, left: remainingOf(proof.left) });
    }
    await context.clock.sleep(pause, context.signal);
  }
}

/** What is still to do, for a failure that says so. */
export function remainingOf(changes: readonly Change[]): readonly Remaining[] {
  return changes.map((each) => ({ what: describe(each), why: each.why }));
}

/** While a host settles, a look that fails only means "not yet". */
async function attempt(task: Task, session: Session, context: ApplyContext, late: boolean) {
  try {
    const facts = await probe(task, session, context);
    return { facts, left: task.step.plan(facts, PERFORMED) };
  } catch (error) {
    if (late || !(error instanceof Failed)) throw error;
    return undefined;
  }
}

export function commit(
  task: Task,
  looked: Looked,
  { found, ...state }: Pick<Stamp, 'state' | 'ours' | 'report'> & { readonly found: Found },
  context: ApplyContext,
): Promise<void> {
  return looked.session.stamps.write({
    format: FORMAT,
    task: task.id,
    run: context.run,
    manifest: looked.manifest(),
    facts: found.facts,
    result: found.result(),
    at: new Date().toISOString(),
    ...state,
  });
}

export function markOf(run: string, task: Task): string {
  return `${run}/${task.id}`;
}
