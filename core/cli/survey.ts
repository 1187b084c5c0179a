/** `cc plan`, `cc status` and `cc why`: the hosts as they are, beside the recipe. */

import { named } from '../graph/select.ts';
import { holding } from '../host/hold.ts';
import { describe } from '../model/change.ts';
import { exitFor, fail } from '../model/failure.ts';
import type { Json } from '../model/json.ts';
import type { TaskId } from '../model/task.ts';
import { explained, sharing } from '../report/explain.ts';
import { textOf } from '../report/visible.ts';
import { detailLine, holderLine, reasonLine } from '../report/words.ts';
import { drive } from '../run/engine.ts';
import { type Finding, findingData, surveying } from '../run/survey.ts';
import { holdOf } from '../store/paths.ts';
import type { Options } from './args.ts';
import { type CliContext, chosen, loginOf, openContext, openProject, type Project } from './project.ts';

/** What to do about findings: how to print one, and which of them make the command exit 2. */
interface Reading {
  readonly lines: (finding: Finding) => readonly string[];
  readonly summary: (findings: readonly Finding[]) => string;
}

export async function plan(names: readonly string[], options: Options, cli: CliContext): Promise<number> {
  return survey(names, options, cli, {
    lines: planned(sharing()),
    summary: (all) =>
      `${all.filter(({ kind }) => kind !== 'as-declared').length} of ${all.length} tasks would do something`,
  });
}

export async function status(names: readonly string[], options: Options, cli: CliContext): Promise<number> {
  return survey(names, options, cli, {
    lines: standing(sharing()),
    summary: (all) =>
      `${all.filter(({ kind }) => kind === 'as-declared').length} of ${all.length} tasks are as declared`,
  });
}

async function survey(
  names: readonly string[],
  options: Options,
  cli: CliContext,
  reading: Reading,
): Promise<number> {
  const project = await openProject(options, cli);
  const findings = await findingsOf(project, names, options, cli);
  const running = holding(holdOf(project.paths));
  if (options.json) {
    const tasks = findings.map(findingData);
    cli.out(`${JSON.stringify({ recipe: project.name, tasks, ...(running ? { running } : {}) })}\n`);
  } else {
    const now = running ? [`at work now: ${holderLine(running)}`] : [];
    cli.out(textOf([...findings.flatMap(reading.lines), reading.summary(findings), ...now]));
  }
  return exitOf(findings);
}

function exitOf(findings: readonly Finding[]): number {
  return failedOf(findings) ?? (findings.some(({ kind }) => kind !== 'as-declared') ? 2 : 0);
}

/** The code of what could not be told. */
function failedOf(findings: readonly Finding[]): number | undefined {
  const failure = findings.find((finding) => finding.kind === 'unknown')?.failure;
  return failure && exitFor(failure);
}

/** Looks at the chosen tasks and all they need; writes nothing. */
async function findingsOf(
  project: Project,
  names: readonly string[],
  options: Options,
  cli: CliContext,
): Promise<readonly Finding[]> {
  const { tasks, graph } = chosen(project, names);
  const stop = new AbortController();
  cli.onStop((signal) => stop.abort(signal));
  const context = await openContext(project, {
    ...(await loginOf(options, cli)),
    signal: stop.signal,
    tasks,
  });
  const { work, findings } = surveying(context, () => holding(holdOf(project.paths)));
  const driven = drive({
    tasks,
    graph,
    work,
    emit: () => {},
    clock: { now: () => 0, sleep: async () => {} },
    signal: stop.signal,
    concurrency: project.concurrency,
    keepGoing: true,
    duration: () => 1,
  });
  const cut = (cause?: unknown) => fail({ kind: 'interrupted', signal: String(stop.signal.reason) }, cause);
  try {
    await driven;
  } catch (error) {
    if (stop.signal.aborted) cut(error);
    throw error;
  } finally {
    await context.pool[Symbol.asyncDispose]();
  }
  if (stop.signal.aborted) cut(); // what was found so far would look like all there is
  return tasks.flatMap(({ id }) => findings.get(id) ?? []);
}

type FirstOf = ReturnType<typeof sharing>;

const planned =
  (firstOf: FirstOf) =>
  (finding: Finding): readonly string[] => {
    if (finding.kind === 'as-declared') return [];
    if (finding.kind === 'pending')
      return [`? ${finding.id} would be looked at once ${finding.after} is done`];
    if (finding.kind === 'unknown') return unknown(finding, firstOf);
    if (finding.kind === 'running') return [beingChanged(finding)];
    const changes = finding.changes.map(describe).map((line) => `    ${line}`);
    return [`▶ ${finding.id} (${reasonLine(finding.reason)})`, ...changes];
  };

const standing =
  (firstOf: FirstOf) =>
  (finding: Finding): readonly string[] => {
    if (finding.kind === 'as-declared') return [`= ${finding.id}`];
    if (finding.kind === 'pending') return [`? ${finding.id} waits for ${finding.after}`];
    if (finding.kind === 'unknown') return unknown(finding, firstOf);
    if (finding.kind === 'running') return [beingChanged(finding)];
    return [`≠ ${finding.id}`, ...finding.reason.details.map((each) => `    ${detailLine(each)}`)];
  };

function beingChanged({ id, owner }: Extract<Finding, { kind: 'running' }>): string {
  return `… ${id} is being changed by ${holderLine(owner)}`;
}

function unknown(
  { id, failure }: Extract<Finding, { kind: 'unknown' }>,
  firstOf: FirstOf,
): readonly string[] {
  const first = firstOf(id, failure);
  if (first !== undefined) return [`! ${id} for the same reason as ${first}`];
  return [`! ${id}`, ...explained(failure).map((line) => `    ${line}`)];
}

/** Explains one task from its stamp, today's manifest and a look at its host. */
export async function why(names: readonly string[], options: Options, cli: CliContext): Promise<number> {
  const project = await openProject(options, cli);
  const wanted = new Set<TaskId>(named(project.tasks, names).map(({ id }) => id));
  const findings = await findingsOf(project, names, options, cli);
  const asked = findings.filter(({ id }) => wanted.has(id));
  if (options.json) cli.out(`${JSON.stringify(asked.map(findingData) satisfies Json)}\n`);
  else cli.out(textOf(asked.flatMap((finding) => because(finding, findings))));
  return failedOf(asked) ?? 0;
}

function because(finding: Finding, all: readonly Finding[]): readonly string[] {
  if (finding.kind === 'as-declared') {
    const stamp = finding.stamped
      ? 'applied by cc, and the same since'
      : 'found so; cc never had to change it';
    return [`${finding.id} would not run: it is as declared (${stamp})`];
  }
  if (finding.kind === 'unknown')
    return [`${finding.id} cannot be told`, ...explained(finding.failure).map((line) => `  ${line}`)];
  if (finding.kind === 'running') return [beingChanged(finding)];
  if (finding.kind === 'pending')
    return [`${finding.id} would be looked at after ${finding.after}`, ...root(finding, all)];
  return [
    `${finding.id} would run (${finding.reason.kind})`,
    ...finding.reason.details.map((each) => `  ${detailLine(each)}`),
  ];
}

/** Follows waiting to the first task that has something to do. */
function root(finding: Finding, all: readonly Finding[]): readonly string[] {
  if (finding.kind !== 'pending') return [];
  const next = all.find(({ id }) => id === finding.after);
  if (!next) return [];
  if (next.kind === 'pending') return [`  ${next.id} waits for ${next.after}`, ...root(next, all)];
  if (next.kind === 'running') return [`  ${beingChanged(next)}`];
  return next.kind === 'would' ? [`  ${next.id} would run (${reasonLine(next.reason)})`] : [];
}
