/** Hosts that a recipe does not hold itself: those of a file beside it, or those that a command prints. */
import { statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { nearest } from '../../graph/near.ts';
import { quoted } from '../../model/command.ts';
import { fail, type Problem } from '../../model/failure.ts';
import type { Host } from '../../model/plugin.ts';
import { HostShape, type HostsCommand } from '../../model/recipe.ts';
import { checked, optionNames, UNKNOWN } from '../../model/schema.ts';
import { unfit } from '../../model/text-file.ts';
import * as v from '../../model/vocabulary.ts';
import { contentOf } from './content.ts';
import { snapshot } from './snapshot.ts';
import type { Trust } from './trust.ts';

/** What the recipe says, and in which file. */
interface Named {
  readonly hosts: string | HostsCommand;
  readonly file: string;
  /** Refuses the recipe for what it says of its hosts. */
  readonly refuse: (message: string, hint?: string) => never;
}

export interface Inventory {
  readonly hosts: readonly Host[];
  /** The file that they are from. */
  readonly file?: string;
}

/** Reads them by the rules of a configuration: nobody else may write what they are from, and each mistake is told. */
export async function inventoryOf(named: Named, trust: Trust): Promise<Inventory> {
  const { hosts } = named;
  return typeof hosts === 'string' ? inFile(hosts, named, trust) : printed(hosts.command, named, trust);
}

async function inFile(name: string, { file, refuse }: Named, trust: Trust): Promise<Inventory> {
  const path = resolve(dirname(file), name);
  if (!/\.(json|ya?ml)$/.test(path))
    return refuse(`cannot be ${name}: expected a file .json, .yaml or .yml`, `hosts: './hosts.yaml'`);
  const why = unfit(path);
  if (why !== undefined) return refuse(`cannot be ${path}: ${why}`);
  const value = await contentOf(path, trust);
  if (!Array.isArray(value)) fail({ kind: 'config-unreadable', file: path, why: NO_LIST });
  const { problems, list } = read(value);
  if (problems.length > 0) fail({ kind: 'config-invalid', file: path, problems });
  return { hosts: list, file: path };
}

const NO_LIST = 'what it holds is no list of hosts';

/** Seconds. */
const PATIENCE = 60;

async function printed(
  command: readonly string[],
  { file, refuse }: Named,
  trust: Trust,
): Promise<Inventory> {
  const folder = dirname(file);
  const line = command.map(quoted).join(' ');
  const [program = '', ...words] = command;
  const path = program.includes('/') ? resolve(folder, program) : program;
  for (const each of [path, ...words.map((word) => resolve(folder, word))])
    if (each.startsWith('/') && isFile(each)) trust(each);
  const { runProcess } = await import('../../host/own-agent.ts');
  const late = AbortSignal.timeout(PATIENCE * 1000);
  const { code, signal, stdout, stderr } = await runProcess([path, ...words], { cwd: folder, signal: late });
  if (late.aborted) return refuse(`cannot be had: ${line} did not end within ${PATIENCE} s`);
  if (code !== 0) {
    const how = signal ? `was ended by ${signal}` : `exited ${code}`;
    return refuse([`cannot be had: ${line} ${how}`, lastLine(stderr)].filter(Boolean).join(': '));
  }
  const { problems, list } = read(parsed(stdout, (what) => refuse(`cannot be had: ${line} printed ${what}`)));
  if (problems.length === 0) return { hosts: list };
  const told = problems.map((problem) => `${problem.path}: ${problem.message}`);
  return refuse(`${line} printed what are no hosts: ${told.join('; ')}`);
}

/** As much as is shown of what was printed instead. */
const SHOWN = 60;

function parsed(text: string, refuse: (what: string) => never): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const [first = ''] = text.trim().split('\n');
    return refuse(first === '' ? 'nothing' : `no JSON, but "${first.slice(0, SHOWN)}"`);
  }
}

/** A word that cannot be a path names no file. */
function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1) ?? '';
}

const SHAPE = v.strictObject({ hosts: v.array(HostShape) });

/** The hosts, or what is wrong with them by the path in their list. */
function read(value: unknown): { readonly list: readonly Host[]; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const hosts = snapshot(value, problems);
  if (problems.length > 0) return { list: [], problems };
  const result = checked(SHAPE, { hosts }, '');
  if (result.ok) return { list: hosts as readonly Host[], problems }; // of that shape, as just checked
  const known = optionNames(HostShape);
  return {
    list: [],
    problems: result.problems.map((problem) => {
      const path = problem.path.replace(/^hosts\.?/, '') || 'it';
      const near = problem.message === UNKNOWN ? nearest(path.split('.').at(-1) ?? '', known) : undefined;
      return { ...problem, path, ...(near ? { near } : {}) };
    }),
  };
}
