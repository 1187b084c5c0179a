/** Performs changes: the only code that alters a host. */
import type { Artifact } from '../model/artifact.ts';
import type { Change } from '../model/change.ts';
import { type Command, titled, type Word } from '../model/command.ts';
import { type Digest, digestOf } from '../model/digest.ts';
import { Failed, fail } from '../model/failure.ts';
import type { Json } from '../model/json.ts';
import type { Shell } from '../model/shell.ts';
import { isFull } from './disk.ts';
import type { ExecOptions, Transport } from './transport.ts';

/** What performing needs to know about the task at hand. */
export interface TaskContext {
  readonly transport: Transport;
  /** An artifact's bytes on the controller, fetched or built; fails when they are not what they must be. */
  readonly bytes: (artifact: Artifact) => Promise<{ readonly file: string; readonly digest: Digest }>;
  readonly fetch: (artifact: Artifact) => Promise<void>;
  readonly shell: () => Shell;
  readonly log: (text: string) => void;
  /** Hears of each command before it is run. */
  readonly running: (command: string) => void;
  readonly signal: AbortSignal;
  /** Marks the processes that are started, so that their descendants can be found. */
  readonly env: Readonly<Record<string, string>>;
  /** A folder on the controller whose file system fills up first. */
  readonly cache: string;
}

/** Performs one change; what a script learnt is answered. */
export async function perform(change: Change, context: TaskContext): Promise<Json | undefined> {
  const learnt = await PERFORMED[change.kind](change as never, context); // the table is typed by kind
  return change.kind === 'script' ? (learnt as Json | undefined) : undefined;
}

type Perform<K extends Change['kind']> = (
  change: Extract<Change, { kind: K }>,
  context: TaskContext,
) => Promise<unknown>;

const PERFORMED: { readonly [K in Change['kind']]: Perform<K> } = {
  run: ({ command }, context) => run(command, context),
  write: ({ path, text, mode }, { transport, signal }) =>
    transport.files.install(path, { source: text, digest: digestOf(text) }, { mode }, signal),
  folder: ({ path, mode, owner }, { transport, signal }) =>
    transport.files.folder(path, { mode, owner }, signal),
  place: async ({ path, artifact, mode }, { transport, bytes, signal }) => {
    const { file, digest } = await bytes(artifact);
    await transport.files.install(path, { source: { file }, digest }, { mode }, signal);
  },
  unpack: async ({ kind: _, why: _why, path, artifact, ...how }, { transport, bytes, signal }) =>
    transport.files.unpack(path, { ...how, ...(await bytes(artifact)) }, signal),
  fetch: ({ artifact }, context) => context.fetch(artifact),
  remove: ({ path }, { transport, signal }) => transport.files.remove(path, signal),
  unit: async ({ unit, state }, context) => {
    for (const argv of UNIT[state](unit)) await run({ argv: ['systemctl', '--quiet', ...argv] }, context);
  },
  packages: ({ names }, context) => install(names, context),
  script: ({ script }, context) => script(context.shell()),
};

/** apt's own words are kept whatever fails, because only they tell a missing mirror from a missing package. */
async function install(names: readonly string[], context: TaskContext): Promise<void> {
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  const options = ['-q', '-y', '--no-install-recommends', '--no-upgrade', '-o', 'Dpkg::Use-Pty=0'];
  try {
    await run({ argv: ['apt-get', '-q', 'update'], env }, context);
    await run({ argv: ['apt-get', ...options, 'install', ...names], env }, context);
  } catch (error) {
    if (!(error instanceof Failed) || error.failure.kind !== 'command-failed') throw error;
    fail(
      { kind: 'not-installable', host: context.transport.host, packages: names, why: error.failure.stderr },
      error,
    );
  }
}

type UnitState = Extract<Change, { kind: 'unit' }>['state'];

const UNIT: { readonly [S in UnitState]: (unit: string) => readonly (readonly string[])[] } = {
  started: (unit) => [['daemon-reload'], ['enable', unit], ['start', unit]],
  restarted: (unit) => [['daemon-reload'], ['enable', unit], ['restart', unit]],
  stopped: (unit) => [['disable', '--now', unit]],
};

/** Runs a command that may change the host, its output going to the task's log; answers its standard output. */
export async function run(command: Command, context: TaskContext): Promise<string> {
  const { transport, signal, log, running } = context;
  const host = transport.host;
  running(titled(command));
  const options: ExecOptions = {
    env: { ...context.env, ...command.env },
    signal,
    onOutput: log,
    ...(command.input === undefined ? {} : { input: await inputOf(command.input, context) }),
    ...(command.cwd ? { cwd: command.cwd } : {}),
  };
  const words = command.argv.map(async (word) =>
    typeof word === 'string' ? word : (await context.bytes(word)).file,
  );
  const argv = await Promise.all(words);
  const exit = await transport.exec(argv, options);
  if (exit.code === 0) return exit.stdout;
  if (await isFull(transport.exec, command.cwd ?? context.cache))
    fail({ kind: 'disk-full', host, what: titled(command) });
  return fail({
    kind: 'command-failed',
    host,
    command: titled(command),
    code: exit.code,
    signal: exit.signal,
    stderr: exit.stderr || exit.stdout,
  });
}

async function inputOf(input: Word, { bytes }: TaskContext): Promise<string | { file: string }> {
  return typeof input === 'string' ? input : { file: (await bytes(input)).file };
}
