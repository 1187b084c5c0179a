/** `cc doctor`: what hosts can do, as the steps of a recipe that only looks find and tell it. */

import { exitFor, type Failure, failureData, failureOf } from '../model/failure.ts';
import type { Json } from '../model/json.ts';
import type { Host } from '../model/plugin.ts';
import { isName, type Task } from '../model/task.ts';
import { explained } from '../report/explain.ts';
import { textOf } from '../report/visible.ts';
import { probe, type RunContext, sessionFor } from '../run/look.ts';
import { told } from '../run/plugin-code.ts';
import type { Options } from './args.ts';
import { looking } from './looking.ts';
import { type CliContext, openProject } from './project.ts';
import { LOOKING } from './shipped.ts';

/** What one task found, or why it cannot tell. */
type Seen = { readonly host: string } & (
  | { readonly facts: Json; readonly lines: readonly string[] }
  | { readonly failure: Failure }
);

const HERE: Host = { name: 'here', roles: [], connection: { kind: 'local' } };

export async function doctor(names: readonly string[], options: Options, cli: CliContext): Promise<number> {
  const hosts = names.length === 0 ? [HERE] : [...new Set(names)].map(hostOf);
  const project = await openProject({ ...options, recipe: LOOKING }, cli, { hosts });
  const { tasks } = project;
  const all = await looking({ project, tasks }, options, cli, (context) =>
    Promise.all(tasks.map((task) => seen(task, context))),
  );
  cli.out(options.json ? `${JSON.stringify({ hosts: all.map(dataOf) })}\n` : textOf(all.flatMap(linesOf)));
  const failed = all.find((each) => 'failure' in each);
  return failed && 'failure' in failed ? exitFor(failed.failure) : 0;
}

/** An address, or user@address, as ssh takes it. */
function hostOf(text: string, index: number): Host {
  const [, user, address = text] = /^([^@]+)@(.+)$/.exec(text) ?? [];
  const name = isName(address) ? address : `host-${index + 1}`;
  return { name, roles: [], connection: { kind: 'ssh', address, ...(user === undefined ? {} : { user }) } };
}

async function seen(task: Task, context: RunContext): Promise<Seen> {
  const host = task.host.name;
  try {
    const facts = await probe(task, await sessionFor(task, context), context);
    return { host, facts, lines: told(task, facts) };
  } catch (error) {
    return { host, failure: failureOf(error) };
  }
}

function linesOf(one: Seen): readonly string[] {
  const lines = 'failure' in one ? explained(one.failure) : one.lines;
  return [`${one.host}:`, ...lines.map((line) => `  ${line}`)];
}

function dataOf(one: Seen): Json {
  return 'failure' in one ? { ...one, failure: failureData(one.failure) } : { ...one };
}
