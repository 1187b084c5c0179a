/** A recipe on hosts of paper: expanded, run, looked at and undone by the code that does so for real. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expand } from '../../core/graph/expand.ts';
import { flattened } from '../../core/graph/flatten.ts';
import { order, reversed } from '../../core/graph/order.ts';
import type { Artifact } from '../../core/model/artifact.ts';
import { shown } from '../../core/model/command.ts';
import { digestOf } from '../../core/model/digest.ts';
import { Failed, type Problem } from '../../core/model/failure.ts';
import type { Json } from '../../core/model/json.ts';
import type { Host } from '../../core/model/plugin.ts';
import type { Recipe } from '../../core/model/recipe.ts';
import type { Task, TaskId } from '../../core/model/task.ts';
import { type ApplyContext, applying } from '../../core/run/apply.ts';
import type { Work } from '../../core/run/engine.ts';
import { foundAs, type Looked, look, probe } from '../../core/run/look.ts';
import { undoing } from '../../core/run/undo.ts';
import type { Store } from '../../core/store/bytes.ts';
import { type Effect, type Paper, paper } from '../rig/paper.ts';
import { type Lasting, tempFolder } from '../rig/temp.ts';
import { contextOf, type Ran, runTasks } from '../run/context.ts';

/** A command, by the words it starts with or by a test of all its words, and what it does. */
export type FakeCommand = readonly [command: string | ((argv: readonly string[]) => boolean), effect: Effect];

/** What a test puts on hosts, and the commands that it registers on them. */
export interface BenchSetup {
  /** What a bare host is beside bare. */
  readonly bare?: (host: Paper) => void;
  /** Commands that only look: nothing else may be run by a probe. */
  readonly reads?: (host: Paper, bench: Bench) => readonly FakeCommand[];
  /** Commands that change something. */
  readonly does?: (host: Paper, bench: Bench) => readonly FakeCommand[];
  /** Hosts that `--limit` leaves out. */
  readonly leftOut?: readonly string[];
  /** The bytes of artifacts by name, where they matter: an archive is JSON of its files. */
  readonly bytes?: Readonly<Record<string, string>>;
}

/** One recipe on paper, for one test. */
export interface Bench {
  readonly tasks: readonly Task[];
  readonly hosts: ReadonlyMap<string, Paper>;
  /** Words of all commands since they were last cleared, by host. */
  readonly ran: {
    readonly host: Paper;
    readonly argv: readonly string[];
    readonly env: Readonly<Record<string, string>>;
  }[];
  readonly cache: string;
  readonly state: string;
  /** Whether the store has the artifacts. */
  readonly fetched: { value: boolean };
  /** Writes what a build makes, also to the real cache, since bytes are sent from there. */
  make(host: Paper, path: string, text: string): void;
  /** All is taken back, or what stands on these hosts. */
  run(undo?: 'undo', names?: readonly string[]): Promise<Ran>;
  /** Looks at every task, each after those it needs; what could not be looked at is answered apart. */
  look(): Promise<{ readonly looked: ReadonlyMap<TaskId, Looked>; readonly failed: Record<TaskId, string> }>;
  /** What one task finds, whatever its plan says of it. */
  facts(task: Task): Promise<Json>;
  snapshot(): Readonly<Record<string, readonly string[]>>;
}

/** The host that plugins are judged on, beside the controller. */
export const NODE: Host = {
  name: 'node-1',
  roles: ['control-plane'],
  connection: { kind: 'ssh', address: 'on paper' },
};

export function register(host: Paper, all: readonly FakeCommand[]): void {
  for (const [command, effect] of all) host.when(command, effect);
}

export async function benchOf(t: Lasting, recipe: Recipe, setup: BenchSetup = {}): Promise<Bench> {
  const folder = await tempFolder(t);
  const [cache, state] = [join(folder, 'cache'), join(folder, 'state')];
  const problems: Problem[] = [];
  const flat = flattened([{ hosts: [NODE] }, recipe], problems);
  const context = { arch: 'amd64', cache, state, file: '/site/cc.config.ts' } as const;
  const { hosts, tasks } = expand(flat, context, problems);
  const papers = new Map(hosts.map(({ name, arch }) => [name, paper(name, undefined, arch)]));
  const ran: Bench['ran'] = [];
  const transports = Object.fromEntries([...papers].map(([name, host]) => [name, watched(host, ran)]));
  const fetched = { value: true };
  const store = storeOf(join(folder, 'store'), setup.bytes ?? {}, fetched);
  const running = { folder: state, hosts: transports, declaredHosts: hosts, leftOut: setup.leftOut };
  const leaving = new Set(hosts.filter(({ madeBy }) => madeBy).map(({ name }) => name));
  const within = (work: (context: ApplyContext) => Work) => (context: ApplyContext) =>
    work({ ...context, store });
  const bench: Bench = {
    ...{ tasks, hosts: papers, ran, cache, state, fetched },
    make: (host, path, text) => {
      host.write(path, text, 0o755);
      if (path.startsWith(cache)) real(path, text);
    },
    run: (undo, names) => {
      if (!undo) return runTasks(tasks, { ...running, work: within(applying) });
      const taken = hosts.filter(({ name }) => names?.includes(name) ?? true);
      const own = on(taken, tasks);
      return runTasks(own, {
        ...{ ...running, taken, declared: tasks, arrows: reversed(own), onFailure: 'continue' },
        work: within((context) => undoing(context, leaving)),
      });
    },
    look: () => lookAll(tasks, { ...contextOf(running).context, store }),
    facts: async (task) => {
      const context = { ...contextOf(running).context, store };
      return probe(task, await context.pool.session(task.host, task.step.root !== false), context);
    },
    snapshot: () => Object.fromEntries([...papers].map(([name, host]) => [name, seen(host)])),
  };
  for (const host of papers.values()) {
    setup.bare?.(host);
    register(host, [...(setup.reads?.(host, bench) ?? []), ...(setup.does?.(host, bench) ?? [])]);
  }
  return bench;
}

/** The tasks of some hosts, with what they need there. */
function on(hosts: readonly Host[], tasks: readonly Task[]): readonly Task[] {
  const own = tasks.filter(({ host }) => hosts.includes(host));
  const ids = new Set(own.map(({ id }) => id));
  return own.map((task) => ({ ...task, needs: task.needs.filter((need) => ids.has(need)) }));
}

/** A host that keeps the words of what is run on it. */
function watched(host: Paper, ran: Bench['ran']): Paper {
  const exec: Paper['exec'] = (argv, options) => {
    ran.push({ host, argv, env: options?.env ?? {} });
    return host.exec(argv, options);
  };
  return { ...host, exec };
}

/** A unit without a file is none to systemd once it is stopped, whatever the paper remembers. */
function seen(host: Paper): readonly string[] {
  return host.snapshot().filter((line) => !line.endsWith(' inactive disabled'));
}

function real(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** A store that has everything, or nothing; it cannot be filled. */
function storeOf(
  folder: string,
  given: Readonly<Record<string, string>>,
  fetched: { value: boolean },
): Store {
  const bytes = ({ name }: Artifact) => given[name] ?? `bytes of ${name}`;
  const never = (): never => assert.fail('the store of paper takes nothing in');
  return {
    digest: (artifact) => (fetched.value ? digestOf(bytes(artifact)) : undefined),
    has: async () => fetched.value,
    bytes: async (artifact, digest = digestOf(bytes(artifact))) => {
      const { name, source } = artifact;
      const file = source.kind === 'built' ? source.path : join(folder, name);
      if (source.kind !== 'built') real(file, bytes(artifact));
      return { file, digest };
    },
    locked: () => undefined,
    ...{ place: never, arriving: never, part: never, copy: never, keep: never },
  };
}

export function matches(command: FakeCommand[0], argv: readonly string[]): boolean {
  return typeof command === 'function' ? command(argv) : `${shown({ argv })} `.startsWith(`${command} `);
}

async function lookAll(tasks: readonly Task[], context: ApplyContext) {
  const looked = new Map<TaskId, Looked>();
  const failed: Record<TaskId, string> = {};
  for (const id of order(tasks).ids) {
    const task = tasks.find((task) => task.id === id)!; // ids are of these tasks
    try {
      const found = await look(task, context);
      looked.set(id, found);
      context.found.set(id, foundAs(found.facts));
    } catch (error) {
      failed[id] = error instanceof Failed ? JSON.stringify(error.failure) : String(error);
    }
  }
  return { looked, failed };
}
