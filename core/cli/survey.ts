/** `cc plan`, `cc status` and `cc why`: the hosts as they are, beside the recipe. */

import { order, reversed } from '../graph/order.ts';
import { CLEANUP } from '../graph/place.ts';
import type { HostTurn } from '../graph/turns.ts';
import { holding } from '../host/hold.ts';
import { describe } from '../model/change.ts';
import type { Behind } from '../model/event.ts';
import { exitFor } from '../model/failure.ts';
import type { Json } from '../model/json.ts';
import { hostOf, type TaskId } from '../model/task.ts';
import { explained, sharing } from '../report/explain.ts';
import { textOf } from '../report/visible.ts';
import { behindLines, counted, detailLine, holderLine, reasonLine } from '../report/words.ts';
import { drive } from '../run/engine.ts';
import { type RunContext, reaching } from '../run/look.ts';
import { type Finding, findingData, surveying, untoldIn } from '../run/survey.ts';
import { undeclared, withoutOthers } from '../run/survey-undeclared.ts';
import { isOther } from '../run/sweep.ts';
import { holdOf } from '../store/paths.ts';
import { type Options, usage } from './args.ts';
import { entering, type Job, jobOf, leavingIn, leftLines } from './job.ts';
import { looking } from './looking.ts';
import type { CliContext } from './project.ts';

/** What to do about findings: how to print one, and which of them make the command exit 2. */
interface Reading {
  readonly lines: (finding: Finding) => readonly string[];
  readonly summary: (findings: readonly Finding[], job: Job) => string;
  /** What else is to be known of them together. */
  readonly more?: (findings: readonly Finding[], job: Job) => readonly string[];
}

export async function plan(names: readonly string[], options: Options, cli: CliContext): Promise<number> {
  return survey(names, options, cli, {
    lines: planned(sharing()),
    summary: work,
    more: (all, { turns }) => turnLines(turns, all),
  });
}

export async function status(names: readonly string[], options: Options, cli: CliContext): Promise<number> {
  if (names.includes(CLEANUP))
    usage(`Cannot compare hosts with ${CLEANUP}: see what it would do by cc plan ${CLEANUP}`);
  return survey(names, options, cli, {
    lines: standing(sharing()),
    summary: (all) =>
      `${all.filter(({ kind }) => kind === 'as-declared').length} of ${all.length} tasks are as declared`,
  });
}

/** What would change, of what may. What is told later stands beside it; what could not be told has a line of its own. */
function work(all: readonly Finding[], { undo, tasks, outside }: Job): string {
  const may = all.filter(({ id }) => !outside.has(id));
  const count = may.filter(({ kind }) => kind === 'would').length;
  if (undo) return `${counted(count, 'task')} would be taken back`;
  const untold = untoldIn(all);
  const waiting = may.filter(({ kind, id }) => kind === 'pending' && !untold.has(id)).length;
  const later = waiting === 0 ? '' : `; ${waiting} more can be told once others are done`;
  return `${count} of ${Math.max(tasks.length - outside.size, may.length)} tasks would do something${later}`;
}

async function survey(
  names: readonly string[],
  options: Options,
  cli: CliContext,
  reading: Reading,
): Promise<number> {
  const job = await jobOf(names, options, cli);
  const { project, undo } = job;
  const left = undo ? [] : job.left;
  const findings = await looking(job, options, cli, (context) => lookAt(job, context));
  const running = holding(holdOf(project.paths));
  if (options.json) {
    const tasks = findings.map(findingData);
    const more = { ...(running ? { running } : {}), ...(left.length > 0 ? { left } : {}) };
    cli.out(`${JSON.stringify({ recipe: project.name, tasks, ...more })}\n`);
  } else {
    const now = running ? [`at work now: ${holderLine(running)}`] : [];
    cli.out(
      textOf([
        ...findings.flatMap(reading.lines),
        ...(undo ? [] : leftLines(job)),
        ...(reading.more?.(findings, job) ?? []),
        reading.summary(findings, job),
        ...behindLines('could not be told', untold(findings)),
        ...now,
      ]),
    );
  }
  return exitOf(findings) || (left.length > 0 ? 2 : 0);
}

/** In which order hosts would be disturbed, and by what: `workers in turns, 1 at a time: w-1, w-2; restarted: kubelet.service`. */
export function turnLines(turns: readonly HostTurn[], all: readonly Finding[]): readonly string[] {
  const would = new Map(all.flatMap((each) => (each.kind === 'would' ? [[each.id, each.changes]] : [])));
  const due = turns.filter(({ opener }) => would.has(opener.id));
  const names = [...new Set(due.map(({ as }) => as.of))];
  const isLater = (name: string, other: string) =>
    due.some(({ as }) => as.of === name && as.after?.includes(other));
  return names
    .toSorted((a, b) => Number(isLater(a, b)) - Number(isLater(b, a)))
    .flatMap((name) => {
      const own = due.filter(({ as }) => as.of === name);
      const places = own[0]?.as.places ?? 1;
      const changes = own.flatMap(({ members }) => members.flatMap(({ id }) => would.get(id) ?? []));
      const units = new Set(changes.flatMap((change) => (change.kind === 'unit' ? [change.unit] : [])));
      const restarted = units.size === 0 ? '' : `; restarted: ${[...units].toSorted().join(', ')}`;
      return [`${name} in turns, ${places} at a time: ${own.map(({ host }) => host).join(', ')}${restarted}`];
    });
}

/** Hosts of which something could not be told; nothing where that is so of one task alone, which has said so. */
function untold(findings: readonly Finding[]): readonly Behind[] {
  const all = untoldIn(findings);
  return [...Map.groupBy(findings, ({ id }) => hostOf(id))].flatMap(([host, own]) => {
    const left = own.filter(({ id }) => all.has(id)).length;
    return left < 2 ? [] : [{ host, left, of: own.length }];
  });
}

function exitOf(findings: readonly Finding[]): number {
  return failedOf(findings) ?? (findings.some(({ kind }) => kind !== 'as-declared') ? 2 : 0);
}

/** The code of what could not be told. */
function failedOf(findings: readonly Finding[]): number | undefined {
  const failure = findings.find((finding) => finding.kind === 'unknown')?.failure;
  return failure && exitFor(failure);
}

/** Looks at the chosen tasks and all they need. ensures: nothing is written anywhere. */
export async function lookAt(job: Job, context: RunContext): Promise<readonly Finding[]> {
  const { project, tasks, undo } = job;
  const { work, findings } = undo
    ? (await import('../run/survey-undo.ts')).surveyingUndo(context, leavingIn(job))
    : surveying(context, () => holding(holdOf(project.paths)), job.outside);
  await drive({
    ...{ tasks, graph: undo ? order(reversed(tasks)) : job.graph, work, emit: () => {} },
    reach: reaching(context),
    ...{ clock: { now: () => 0, sleep: async () => {} }, signal: context.signal },
    ...{ concurrency: project.concurrency, onFailure: 'continue', duration: () => 1 },
  });
  const found = tasks.flatMap(({ id, host }) => {
    const finding = findings.get(id);
    // What is left on the machine of another host is taken back as that.
    const other = finding?.kind === 'unknown' && entering(job).left(host) && isOther(finding.failure);
    return finding === undefined || other ? [] : [finding];
  });
  // A host that is still to be made has nothing that was left on it.
  const pending = new Set(found.flatMap(({ kind, id }) => (kind === 'pending' ? [hostOf(id)] : [])));
  const hosts = job.swept.filter(({ madeBy, name }) => undo || !madeBy || !pending.has(name));
  const told = new Set(found.map((each) => (each.kind === 'unknown' ? JSON.stringify(each.failure) : '')));
  const others = (await undeclared(hosts, entering(job), context)).filter(
    (each) => each.kind !== 'unknown' || !told.has(JSON.stringify(each.failure)), // its tasks have said so
  );
  const all = [...others, ...found];
  if (!undo) return all;
  const { restFindings } = await import('../run/clear.ts');
  const own = await withoutOthers(hosts, entering(job), context);
  return [...all, ...(await restFindings(own, all, entering(job).rights, context))];
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
    if (finding.kind === 'as-declared')
      return [`= ${finding.id}`, ...(finding.told ?? []).map((line) => `    ${line}`)];
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
  if (first !== undefined)
    return failure.kind === 'unreachable' ? [] : [`! ${id} for the same reason as ${first}`];
  return [`! ${id}`, ...explained(failure).map((line) => `    ${line}`)];
}

/** Explains one task from its stamp, today's manifest and a look at its host. */
export async function why(names: readonly string[], options: Options, cli: CliContext): Promise<number> {
  const job = await jobOf(names, options, cli);
  const wanted = new Set<TaskId>(job.wanted.map(({ id }) => id));
  const findings = await looking(job, options, cli, (context) => lookAt(job, context));
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
