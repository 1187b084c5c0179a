/** `cc doctor`: what hosts can do, as the steps of a recipe that only looks find and tell it. */

import { CONTROLLER } from '../graph/place.ts';
import { exitFor, Failed, type Failure, failureData, failureOf } from '../model/failure.ts';
import type { Json } from '../model/json.ts';
import type { Host } from '../model/plugin.ts';
import { isName, type Task } from '../model/task.ts';
import { isOf } from '../model/thrown.ts';
import { explained } from '../report/explain.ts';
import { textOf } from '../report/visible.ts';
import { NEVER } from '../run/decide.ts';
import { examine, type RunContext, sessionFor } from '../run/look.ts';
import { planned, told } from '../run/plugin-code.ts';
import { type Options, usage } from './args.ts';
import { looking } from './looking.ts';
import { type CliContext, openProject, type Project } from './project.ts';
import { LOOKING } from './shipped.ts';

/** What one task found, or why it cannot tell; a host may be refused for what was found. */
type Seen = { readonly host: string; readonly step: string } & Looked;

interface Looked {
  readonly facts?: Json;
  readonly lines: readonly string[];
  readonly failure?: Failure;
}

const HERE: Host = { name: 'here', roles: [], connection: { kind: 'local' } };

export async function doctor(names: readonly string[], options: Options, cli: CliContext): Promise<number> {
  const project = await projectFor(names, options, cli);
  const tasks = project.tasks.filter(({ step, host }) => (step.first || step.tells) && isNamed(host));
  const all = await looking({ project, tasks }, options, cli, (context) =>
    Promise.all(tasks.map((task) => seen(task, context))),
  );
  const hosts = [...Map.groupBy(all, ({ host }) => host)];
  cli.out(options.json ? `${JSON.stringify({ hosts: all.map(dataOf) })}\n` : textOf(hosts.flatMap(linesOf)));
  const failed = all.find(({ failure }) => failure !== undefined)?.failure;
  return failed === undefined ? 0 : exitFor(failed);
}

/** Hosts that are named here or in a configuration with its recipe, and else this machine. */
async function projectFor(names: readonly string[], options: Options, cli: CliContext): Promise<Project> {
  const own = options.config ?? options.recipe;
  if (names.length > 0 && own !== undefined)
    usage('Cannot use a configuration with hosts that are named: leave out one of them', 'doctor');
  if (names.length > 0) return openProject({ ...options, recipe: LOOKING }, cli, { hosts: hostsOf(names) });
  const site = await siteFor(options, cli);
  if (site?.hosts.some(isNamed)) return site;
  return openProject({ ...options, recipe: LOOKING }, cli, { hosts: [HERE] });
}

/** The configuration that counts here; undefined where there is none. */
async function siteFor(options: Options, cli: CliContext): Promise<Project | undefined> {
  try {
    return await openProject(options, cli);
  } catch (error) {
    if (isOf(error, Failed) && error.failure.kind === 'config-missing') return undefined;
    throw error;
  }
}

/** A machine that the recipe makes is as its like, and may not be there. */
function isNamed({ name, madeBy }: Host): boolean {
  return name !== CONTROLLER && !madeBy;
}

function hostsOf(names: readonly string[]): readonly Host[] {
  return [...new Set(names)].map(hostOf);
}

/** An address, or user@address, as ssh takes it. */
function hostOf(text: string, index: number): Host {
  const [, user, address = text] = /^([^@]+)@(.+)$/.exec(text) ?? [];
  const name = isName(address) ? address : `host-${index + 1}`;
  return { name, roles: [], connection: { kind: 'ssh', address, ...(user === undefined ? {} : { user }) } };
}

async function seen(task: Task, context: RunContext): Promise<Seen> {
  const about = { host: task.host.name, step: `${task.plugin}/${task.step.name}` };
  try {
    const facts = await examine(task, await sessionFor(task, context), context);
    return { ...about, facts, lines: told(task, facts), ...refusal(task, facts) };
  } catch (error) {
    return { ...about, lines: [], failure: failureOf(error) };
  }
}

/** What a host is refused for before anything is done there. */
function refusal(task: Task, facts: Json): Pick<Looked, 'failure'> {
  try {
    planned(task, facts, NEVER);
    return {};
  } catch (error) {
    return { failure: failureOf(error) };
  }
}

/** A host that cannot be reached is told of once. */
function linesOf([host, all]: readonly [host: string, all: readonly Seen[]]): readonly string[] {
  const lines = all.flatMap(({ step, lines, failure }) => [
    ...(lines.length === 0 && failure === undefined ? [`${step}: nothing stands in the way`] : lines),
    ...(failure === undefined ? [] : explained(failure)),
  ]);
  const isLost = all.every(({ facts }) => facts === undefined);
  return [`${host}:`, ...(isLost ? [...new Set(lines)] : lines).map((line) => `  ${line}`)];
}

function dataOf({ failure, ...seen }: Seen): Json {
  return { ...seen, ...(failure === undefined ? {} : { failure: failureData(failure) }) };
}
