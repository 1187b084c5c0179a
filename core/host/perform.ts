/** Performs changes: the only code that alters a host. */
import type { Artifact } from '../model/artifact.ts';
import type { Change } from '../model/change.ts';
import { type Command, titled, type Word } from '../model/command.ts';
import { digestOf } from '../model/digest.ts';
import { Failed, fail } from '../model/failure.ts';
import type { Json } from '../model/json.ts';
import type { Shell } from '../model/shell.ts';
import { isFull } from './disk.ts';
import { digestOfFile } from './hash.ts';
import type { ExecOptions, Transport } from './transport.ts';

/** What performing needs to know about the task at hand. */
export interface Site {
  readonly transport: Transport;
  /** The path of an artifact's bytes on the controller, fetched or built. */
  readonly bytes: (artifact: Artifact) => string;
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
export async function perform(change: Change, site: Site): Promise<Json | undefined> {
  const learnt = await PERFORMED[change.kind](change as never, site); // the table is typed by kind
  return change.kind === 'script' ? (learnt as Json | undefined) : undefined;
}

type Perform<K extends Change['kind']> = (
  change: Extract<Change, { kind: K }>,
  site: Site,
) => Promise<unknown>;

const PERFORMED: { readonly [K in Change['kind']]: Perform<K> } = {
  run: ({ command }, site) => run(command, site),
  write: ({ path, text, mode }, { transport }) =>
    transport.files.install(path, { source: text, digest: digestOf(text) }, mode),
  folder: ({ path }, { transport }) => transport.files.folder(path),
  place: async ({ path, artifact, mode }, { transport, bytes }) => {
    const file = bytes(artifact);
    await transport.files.install(path, { source: { file }, digest: await digestOfFile(file) }, mode);
  },
  unpack: ({ path, artifact, strip, most }, { transport, bytes }) =>
    transport.files.unpack(path, bytes(artifact), strip, most),
  fetch: ({ artifact }, site) => site.fetch(artifact),
  remove: ({ path }, { transport }) => transport.files.remove(path),
  unit: async ({ unit, state }, site) => {
    for (const argv of UNIT[state](unit)) await run({ argv: ['systemctl', '--quiet', ...argv] }, site);
  },
  packages: ({ names }, site) => install(names, site),
  script: ({ script }, site) => script(site.shell()),
};

/** apt's own words are kept whatever fails, because only they tell a missing mirror from a missing package. */
async function install(names: readonly string[], site: Site): Promise<void> {
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  const options = ['-q', '-y', '--no-install-recommends', '--no-upgrade', '-o', 'Dpkg::Use-Pty=0'];
  try {
    await run({ argv: ['apt-get', '-q', 'update'], env }, site);
    await run({ argv: ['apt-get', ...options, 'install', ...names], env }, site);
  } catch (error) {
    if (!(error instanceof Failed) || error.failure.kind !== 'command-failed') throw error;
    fail(
      { kind: 'not-installable', host: site.transport.host, packages: names, why: error.failure.stderr },
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
export async function run(command: Command, site: Site): Promise<string> {
  const { transport, signal, log, running } = site;
  const host = transport.host;
  running(titled(command));
  const options: ExecOptions = {
    env: { ...site.env, ...command.env },
    signal,
    onOutput: log,
    ...(command.input === undefined ? {} : { input: inputOf(command.input, site) }),
    ...(command.cwd ? { cwd: command.cwd } : {}),
  };
  const argv = command.argv.map((word) => (typeof word === 'string' ? word : site.bytes(word)));
  const exit = await transport.exec(argv, options);
  if (exit.code === 0) return exit.stdout;
  if (await isFull(transport.exec, command.cwd ?? site.cache))
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

function inputOf(input: Word, { bytes }: Site): string | { file: string } {
  return typeof input === 'string' ? input : { file: bytes(input) };
}
