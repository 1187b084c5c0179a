/** One task changed: intend, perform, prove, commit. */
import { perform, run, type Site } from '../host/perform.ts';
import { MARK, reap } from '../host/reap.ts';
import { type Clock, shellOf } from '../host/shell.ts';
import type { Artifact } from '../model/artifact.ts';
import { type Change, describe } from '../model/change.ts';
import type { Emit, Reason } from '../model/event.ts';
import { Failed, fail, type Remaining } from '../model/failure.ts';
import type { Json } from '../model/json.ts';
import type { State, Task } from '../model/task.ts';
import type { Telling } from '../store/download.ts';
import { fetchArtifact } from '../store/fetch.ts';
import type { Network } from '../store/network.ts';
import { FORMAT, type Stamp } from '../store/stamp.ts';
import { PERFORMED } from './decide.ts';
import type { Outcome } from './engine.ts';
import { type Found, foundAs, type Looked, probe, viewFor, type World } from './look.ts';
import type { Session } from './session-pool.ts';

export interface Applying extends World {
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

export async function change(
  task: Task,
  looked: Looked,
  reason: Reason,
  to: (state: State, reason?: Reason) => void,
  world: Applying,
): Promise<Outcome> {
  const { session } = looked;
  to('performing', reason);
  await commit(task, looked, { state: 'applying', found: UNPROVEN, ours: true }, world);
  world.touched.add(task.id);
  try {
    const report = await performAll(looked.changes, task, session, world);
    to('proving');
    const facts = await prove(task, session, world);
    const found = foundAs(facts);
    await commit(
      task,
      looked,
      { state: 'applied', found, ours: true, ...(report === undefined ? {} : { report }) },
      world,
    );
    world.found.set(task.id, found);
    return { state: 'applied', reason, ...(report === undefined ? {} : { report }) };
  } catch (error) {
    // An interrupted task stays `applying`: that is the truth about its host.
    if (error instanceof Failed && error.failure.kind !== 'interrupted') {
      await commit(task, looked, { state: 'failed', found: UNPROVEN, ours: true }, world);
    }
    throw error;
  }
}

/** Ends what an interrupted application of this task left running; answers how many processes that were. */
export async function endOrphans(
  task: Task,
  { transport }: Session,
  stamp: Stamp | undefined,
  world: Applying,
): Promise<number> {
  if (stamp?.state !== 'applying') return 0;
  const found = await reap(transport, markOf(stamp.run, task));
  const text = `ended ${found} ${found === 1 ? 'process' : 'processes'} left by run ${stamp.run}`;
  if (found > 0) world.emit({ kind: 'notice', id: task.id, text });
  return found;
}

/** Performs changes in order under one time limit; a stop or a timeout ends every process they started. */
export async function performAll(
  changes: readonly Change[],
  task: Task,
  session: Session,
  world: Applying,
): Promise<Json | undefined> {
  const within = task.step.timeout ?? TIMEOUT;
  const timeout = AbortSignal.timeout(within * 1000);
  const signal = AbortSignal.any([world.signal, timeout]);
  const site = await siteOf(task, session, world, signal);
  let report: Json | undefined;
  try {
    for (const each of changes) {
      signal.throwIfAborted();
      world.emit({ kind: 'change', at: world.at(), id: task.id, what: describe(each), why: each.why });
      report = (await perform(each, site)) ?? report;
    }
    // A command that ends well when it is told to stop has not done its work.
    signal.throwIfAborted();
  } catch (error) {
    if (!signal.aborted) throw error;
    await reap(session.transport, markOf(world.run, task));
    if (world.signal.aborted) fail({ kind: 'interrupted', signal: String(world.signal.reason) }, error);
    fail({ kind: 'timed-out', host: task.host.name, what: task.id, within }, error);
  }
  return report;
}

async function siteOf(task: Task, session: Session, world: Applying, signal: AbortSignal): Promise<Site> {
  const log = (text: string) => world.emit({ kind: 'output', id: task.id, text });
  const controller = await world.controller();
  const site: Site = {
    transport: session.transport,
    bytes: (artifact: Artifact) =>
      artifact.source.kind === 'built' ? artifact.source.path : world.store.path(artifact),
    fetch: (artifact) =>
      fetchArtifact(world.store, artifact, {
        network: world.network,
        telling: tellingOf(task, world),
        signal,
      }),
    log,
    running: (command) => world.emit({ kind: 'command', at: world.at(), id: task.id, command }),
    signal,
    cache: world.cache,
    env: { [MARK]: markOf(world.run, task) },
    shell: () =>
      shellOf({
        view: viewFor(task, session, world, () => signal),
        controller: viewFor(task, controller, world, () => signal),
        run: (command) => run(command, site),
        log,
        clock: world.clock,
        signal,
        through: (line) => session.transport.through(line),
      }),
  };
  return site;
}

/** Milliseconds between two words about how far a download has come. */
const BEAT = 250;

function tellingOf({ id }: Task, { emit, at }: Applying): Telling {
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
async function prove(task: Task, session: Session, world: Applying): Promise<Json> {
  const within = task.step.settles ?? SETTLES;
  const start = world.clock.now();
  for (let pause = 100; ; pause = Math.min(2 * pause, 2000)) {
    const late = world.clock.now() - start > within * 1000;
    const proof = await attempt(task, session, world, late);
    if (proof && proof.left.length === 0) return proof.facts;
    if (world.signal.aborted) fail({ kind: 'interrupted', signal: String(world.signal.reason) });
    if (late && proof) {
      return fail({ kind: 'not-converged', host: task.host.name, within, left: remainingOf(proof.left) });
    }
    await world.clock.sleep(pause, world.signal);
  }
}

/** What is still to do, for a failure that says so. */
export function remainingOf(changes: readonly Change[]): readonly Remaining[] {
  return changes.map((each) => ({ what: describe(each), why: each.why }));
}

/** While a host settles, a look that fails only means "not yet". */
async function attempt(task: Task, session: Session, world: Applying, late: boolean) {
  try {
    const facts = await probe(task, session, world);
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
  world: Applying,
): Promise<void> {
  return looked.session.stamps.write({
    format: FORMAT,
    task: task.id,
    run: world.run,
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
