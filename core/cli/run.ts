/** `cc run`: applies tasks, or takes everything back. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { CONTROLLER } from '../graph/place.ts';
import { hold, ownerOf } from '../host/hold.ts';
import type { Clock } from '../host/shell.ts';
import type { Emit, Event } from '../model/event.ts';
import { exitFor, fail, failureOf } from '../model/failure.ts';
import { maskedData } from '../model/mask.ts';
import type { Host } from '../model/plugin.ts';
import { hostOf, isFinal, type TaskId } from '../model/task.ts';
import { explained } from '../report/explain.ts';
import { lines } from '../report/lines.ts';
import { canMove, mayColour } from '../report/screen.ts';
import { textOf } from '../report/visible.ts';
import type { RunContext } from '../run/look.ts';
import { rememberHost } from '../store/hosts.ts';
import { openJournal } from '../store/journal.ts';
import { excerptIn, holdOf } from '../store/paths.ts';
import { claim, isLocal, siteFile } from '../store/site.ts';
import type { Options } from './args.ts';
import { type Job, jobOf, leftLines } from './job.ts';
import { type Patience, patiently } from './patience.ts';
import { type CliContext, loginOf, openContext, type Project } from './project.ts';
import { work } from './work.ts';

export async function run(names: readonly string[], options: Options, cli: CliContext): Promise<number> {
  const job = await jobOf(names, options, cli, { identify: true });
  const { swept, wanted } = job;
  // A host that is asked for as a whole asks for none of its tasks by name.
  const asked = new Set(wanted.flatMap(({ id, host }) => (swept.includes(host) ? [] : [id])));
  return changing(job, { options, asked }, cli, (id, context) => held(job, { id, options }, context, cli));
}

/** Does something while no other run does; each host is locked when it is first reached as root. */
export async function changing(
  job: Job,
  { options, asked }: { readonly options: Options; readonly asked: ReadonlySet<TaskId> },
  cli: CliContext,
  work: (id: string, context: RunContext) => Promise<number>,
): Promise<number> {
  const { project, tasks, turns, taken, undo } = job;
  const changed = changedIn(job);
  const stop = new AbortController();
  cli.onStop((signal) => stop.abort(signal));
  const id = runId();
  const owner = ownerOf(id, cli.command);
  const patient: Patience = { seconds: options.lockTimeout, say: cli.say, clock, signal: stop.signal };
  const context = await openContext(project, {
    ...(await loginOf(options, cli)),
    ...{ env: cli.env, signal: stop.signal, tasks, turns, taken, asked },
    lock: (transport) => patiently(patient, () => transport.lock(owner)),
    note: (host, identity) => remember(host, identity, project),
    looked: ({ name }) => !undo && !changed.has(name),
  });
  try {
    const holding = await patiently(patient, () => hold(holdOf(project.paths), owner));
    try {
      await claimState(project);
      return await work(id, context);
    } finally {
      await holding[Symbol.asyncDispose]();
    }
  } finally {
    await context.pool[Symbol.asyncDispose]();
  }
}

/** Hosts of which something may be changed; a task may look at others too. */
function changedIn({ tasks, outside, swept }: Job): ReadonlySet<string> {
  const on = tasks.flatMap(({ id }) => (outside.has(id) ? [] : [hostOf(id)]));
  return new Set([...on, ...swept.map(({ name }) => name)]);
}

/** Before root changes a host; one that is made goes with what makes it, and of one that left it is known already. */
async function remember(host: Host, identity: string | undefined, { hosts, paths }: Project): Promise<void> {
  if (hosts.includes(host) && !host.madeBy) await rememberHost(paths.state, host, identity);
}

/** Whose the state is; hosts that others may reach are changed by a site with an identity alone. */
async function claimState({ file, hosts, paths, site }: Project): Promise<void> {
  if (site === undefined) return; // requires: a run has made one
  const reached = hosts.filter(({ connection, madeBy }) => connection.kind === 'ssh' && !madeBy);
  if (isLocal(site.id) && reached.length > 0)
    fail({ kind: 'no-site', file: siteFile(file), hosts: reached.map(({ name }) => name) });
  await claim(paths.state, { ...site, config: file });
}

/** Whether root can be had is known before anything is done, not in the middle. */
async function held(
  job: Job,
  { id, options }: { readonly id: string; readonly options: Options },
  context: RunContext,
  cli: CliContext,
): Promise<number> {
  await unbundle(job, options, context, cli);
  for (const line of job.undo ? [] : leftLines(job)) cli.say(textOf([line]));
  const rooted = job.tasks.find(({ host, step }) => host.name === CONTROLLER && step.root !== false);
  if (rooted) await context.pool.session(rooted.host, true);
  const journal = openJournal(job.project.paths.state, id);
  const report = await reporter(options, cli);
  const telling = told();
  const emit: Emit = (told) => {
    const event = maskedData(told);
    if (event.kind !== 'progress') telling.attempt(() => journal.record(event));
    telling.attempt(() => report(event));
  };
  const stopping = tellOfStop(context.signal, cli.say);
  const exit = await work(job, context, {
    ...{ id, clock, logs: journal.folder, concurrency: options.concurrency, onFailure: options.onFailure },
    emit: (event) => emit(stopping.heard(event)),
  });
  stopping.done();
  await telling.attempt(() => context.pool.remember());
  await telling.attempt(() => journal.close());
  return telling.exit(exit, cli.say);
}

/** A run that cannot tell how it goes, to its journal or to who started it, goes on all the same, and says so in the end. */
function told() {
  let first: { readonly error: unknown } | undefined;
  const missed = (error: unknown) => {
    first ??= { error };
  };
  return {
    attempt: (tell: () => void | Promise<void>): void | Promise<void> => {
      try {
        return tell()?.catch(missed);
      } catch (error) {
        return missed(error);
      }
    },
    exit: (code: number, say: (text: string) => void): number => {
      if (!first) return code;
      const failure = failureOf(first.error);
      say(textOf(explained(failure)));
      return code === 0 ? exitFor(failure) : code;
    },
  };
}

/** Milliseconds after a stop, when whatever is still at work is worth a word. */
const SOON = 2_000;

/** Says, some time after a stop, whose commands are still ending. */
function tellOfStop(signal: AbortSignal, say: (text: string) => void) {
  const working = new Set<TaskId>();
  let timer: NodeJS.Timeout | undefined;
  const tell = () => {
    if (working.size > 0) say(`stopping: waiting for what ${[...working].join(', ')} has started to end\n`);
  };
  const stopped = () => {
    timer = setTimeout(tell, SOON);
  };
  signal.addEventListener('abort', stopped, { once: true });
  return {
    heard: (event: Event): Event => {
      if (event.kind === 'task' && event.state === 'probing') working.add(event.id);
      if (event.kind === 'task' && isFinal(event.state)) working.delete(event.id);
      return event;
    },
    done: () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stopped);
    },
  };
}

async function unbundle(
  { project, tasks, undo }: Job,
  options: Options,
  context: RunContext,
  { cwd }: CliContext,
): Promise<void> {
  const { bundle } = options;
  if (bundle === undefined && (undo || !excerptStands(project))) return;
  const { sufficing, unbundled } = await import('./unbundle.ts');
  if (bundle === undefined) await sufficing(tasks, project, context);
  else await unbundled(resolve(cwd, bundle), tasks, project, context);
}

/** Whether an earlier bundle has brought what tasks take for Debian's archive. */
function excerptStands({ tasks }: Project): boolean {
  const sources = tasks.flatMap(({ step }) => step.artifacts?.map(({ source }) => source) ?? []);
  const places = new Set(sources.flatMap((source) => ('apt' in source ? [source.apt] : [])));
  return [...places].some((apt) => existsSync(excerptIn(apt)));
}

/** Sorts by time, and is readable: `20261122-120301-4711`. */
function runId(): string {
  const now = new Date().toISOString().replaceAll(/[-:]/g, '');
  return `${now.slice(0, 8)}-${now.slice(9, 15)}-${process.pid}`;
}

const clock: Clock = {
  now: () => Number(process.hrtime.bigint()) / 1e6, // performance.now would load all of node:perf_hooks
  sleep: async (ms, signal) => {
    const { setTimeout: pause } = await import('node:timers/promises'); // not loaded where nothing is waited for
    await pause(ms, undefined, { signal }).catch(() => undefined);
  },
};

async function reporter({ json: asJson }: Options, { out, terminal, env }: CliContext): Promise<Emit> {
  if (asJson) return (await import('../report/json.ts')).json(out);
  if (terminal && canMove(env)) return (await import('../report/live.ts')).live(out, mayColour(env));
  return lines(out);
}
