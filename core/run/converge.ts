/** One task changed: intend, perform, prove, commit. */
import { perform } from '../host/perform.ts';
import {
  type Change,
  describe,
  isSame,
  isSeen,
  type Kept,
  secretsOfChange,
  type Told,
} from '../model/change.ts';
import type { Reason } from '../model/event.ts';
import { Failed, fail, type Remaining } from '../model/failure.ts';
import type { Json } from '../model/json.ts';
import type { Last } from '../model/step.ts';
import type { State, Task } from '../model/task.ts';
import type { Pending } from '../model/turn.ts';
import type { Stamp } from '../store/stamp.ts';
import { PERFORMED } from './decide.ts';
import type { Outcome } from './engine.ts';
import { limited } from './limit.ts';
import { foundAs, type Looked, probe } from './look.ts';
import { performed, planned } from './plugin-code.ts';
import { commit, keptOf, sofar } from './record.ts';
import type { Session } from './session-pool.ts';
import { type ApplyContext, markOf, taskContextOf } from './task-context.ts';

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
  // What lacks a secret is not begun.
  await Promise.all(looked.changes.flatMap(secretsOfChange).map((each) => context.reveal(each)));
  to('performing', reason);
  let undo = sofar(task, looked);
  const note = (state: 'applying' | 'failed') =>
    commit(task, looked, { state, found: UNPROVEN, ours: true, ...undo }, context);
  await note('applying');
  context.touched.add(task.id);
  try {
    await performKept(looked.leaving, task, session, context, (done) => {
      undo = { ...undo, undo: without(undo.undo, done) };
      return note('applying');
    });
    const report = await performAll(looked.changes.slice(looked.leaving.length), task, session, context);
    to('proving');
    const facts = await prove(task, session, context, looked.last.pending);
    const found = foundAs(facts);
    const learnt = report === undefined ? {} : { report };
    const proven = {
      state: 'applied',
      found,
      ours: true,
      undo: keptOf(task, facts, context.declared),
      ...learnt,
    } as const;
    await commit(task, looked, proven, context);
    context.found.set(task.id, found);
    return { state: 'applied', reason, ...learnt };
  } catch (error) {
    // A task that was interrupted, or whose host is gone, stays `applying`: that is the truth about its host.
    if (error instanceof Failed && !['interrupted', 'agent-lost'].includes(error.failure.kind)) {
      // What went wrong first is what is told; without this the record says that it was interrupted.
      const emit = (second: unknown) => context.emit({ kind: 'output', id: task.id, text: `${second}\n` });
      await note('failed').catch(emit);
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
  const found = await context.ahead.changing(() => transport.reap(`${stamp.run}/${stamp.task}`));
  const text = `ended ${found} ${found === 1 ? 'process' : 'processes'} left by run ${stamp.run}`;
  if (found > 0) context.emit({ kind: 'notice', id: task.id, text });
  return found;
}

/**
 * Performs what a stamp keeps. `struck` takes from it what was done and cannot be seen: a command that must not be done twice
 * would fail for ever.
 */
export async function performKept(
  changes: readonly Told[],
  task: Task,
  session: Session,
  context: ApplyContext,
  struck: (done: Told) => Promise<void>,
): Promise<void> {
  for (const change of changes) {
    try {
      await performAll([change], task, session, context);
    } catch (error) {
      const failure = error instanceof Failed ? error.failure : undefined;
      if (failure?.kind === 'command-failed') fail({ ...failure, kind: 'not-undone', task: task.id }, error);
      throw error;
    }
    if (!isSeen(change)) await struck(change);
  }
}

/** What is still to be taken back. */
export function without(kept: readonly Kept[] = [], done: Told): readonly Kept[] {
  return kept.filter((each) => !isSame(each, done));
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
  const seconds = task.step.timeout ?? TIMEOUT;
  const { gone } = session.transport;
  const stop = gone ? AbortSignal.any([context.signal, gone]) : context.signal;
  let signal: AbortSignal | undefined;
  /** The task's own, and those of other hosts that its scripts have entered. */
  const sessions = [session];
  try {
    return await limited({ host: task.host.name, what: task.id, seconds, stop }, async (stopped) => {
      signal = stopped();
      const entered = (other: Session) => void sessions.push(other);
      const taskContext = await taskContextOf(task, session, context, { signal, entered });
      let report: Json | undefined;
      for (const each of changes) {
        signal.throwIfAborted();
        context.emit({
          kind: 'change',
          at: context.at(),
          id: task.id,
          what: describe(each),
          why: each.why,
        });
        report = (await performed(task, each, () => perform(each, taskContext))) ?? report;
      }
      // A command that ends well when it is told to stop has not done its work.
      signal.throwIfAborted();
      return report;
    });
  } catch (error) {
    if (signal?.aborted) await endMarked(sessions, markOf(context.run, task));
    // What it does on other hosts is stopped, too.
    if (gone?.aborted && !context.signal.aborted) throw gone.reason;
    throw error;
  }
}

/** Seconds that what a stopped task has started may take to end. */
const ENDING = 8;

/** Ends what has left the commands it descends from; a host that does not answer keeps nobody waiting. */
async function endMarked(sessions: readonly Session[], mark: string): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ENDING * 1000);
  });
  const there = sessions.filter(({ transport }) => !transport.gone?.aborted); // an agent that is lost ends all of it
  const reaped = Promise.allSettled(there.map(({ transport }) => transport.reap(mark)));
  await Promise.race([reaped, late]);
  clearTimeout(timer);
}

/** Probes until nothing is left to do; success is the empty plan, never an exit code. */
async function prove(
  task: Task,
  session: Session,
  context: ApplyContext,
  pending?: readonly Pending[],
): Promise<Json> {
  const last = pending ? { ...PERFORMED, pending } : PERFORMED;
  const within = task.step.settles ?? SETTLES;
  const start = context.clock.now();
  for (let pause = 100; ; pause = Math.min(2 * pause, 2000)) {
    const late = context.clock.now() - start > within * 1000;
    const proof = await attempt(task, last, session, { context, late });
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

/** While a host settles, a look that fails only means "not yet", but for a host that is gone: its lock is gone, too. */
async function attempt(
  task: Task,
  last: Last,
  session: Session,
  { context, late }: { readonly context: ApplyContext; readonly late: boolean },
) {
  try {
    const facts = await probe(task, session, context);
    return { facts, left: planned(task, facts, last) };
  } catch (error) {
    if (late || !(error instanceof Failed) || error.failure.kind === 'agent-lost') throw error;
    return undefined;
  }
}
