/** What performing has of the task at hand, and the running of commands for it. */
import type { Artifact } from '../model/artifact.ts';
import { isArtifact } from '../model/artifact.ts';
import { type Command, secretWord, titled } from '../model/command.ts';
import type { Digest } from '../model/digest.ts';
import { fail } from '../model/failure.ts';
import { maskedOutput } from '../model/mask.ts';
import { isSecret, type Text } from '../model/secret.ts';
import type { Shell } from '../model/shell.ts';
import { isFull } from './disk.ts';
import { type Reveal, revealedEnv } from './reveal.ts';
import type { Clock } from './shell.ts';
import type { ExecOptions, Transport } from './transport.ts';

/** What performing needs to know about the task at hand. */
export interface TaskContext {
  readonly transport: Transport;
  /** An artifact's bytes on the controller, fetched or built; fails when they are not what they must be. */
  readonly bytes: (artifact: Artifact) => Promise<{ readonly file: string; readonly digest: Digest }>;
  readonly fetch: (artifact: Artifact) => Promise<void>;
  readonly reveal: Reveal;
  readonly shell: () => Shell;
  readonly log: (text: string) => void;
  /** Tells people something that they should know while the task goes on. */
  readonly notice: (text: string) => void;
  /** Hears of each command before it is run. */
  readonly running: (command: string) => void;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Marks the processes that are started, so that their descendants can be found. */
  readonly env: Readonly<Record<string, string>>;
  /** Variables that tell programs which go to the network by which proxies; they may hold passwords, and are never shown. */
  readonly proxies: Readonly<Record<string, string>>;
  /** A folder on the controller whose file system fills up first. */
  readonly cache: string;
  /** Lists of apt's sources whose archives the recipe trusts without a signature. */
  readonly trustedSources: readonly string[];
}

/** Runs a command that may change the host, its output going to the task's log; answers its standard output. */
export async function run(command: Command, context: TaskContext): Promise<string> {
  const { transport, signal, running } = context;
  const host = transport.host;
  running(titled(command));
  const output = maskedOutput(context.log);
  const options: ExecOptions = {
    env: { ...context.env, ...(await revealedEnv(command.env ?? {}, context.reveal)) },
    signal,
    onOutput: output.add,
    ...(command.input === undefined ? {} : { input: await inputOf(command.input, context) }),
    ...(command.cwd ? { cwd: command.cwd } : {}),
  };
  const words = command.argv.map(async (word) => {
    if (isSecret(word)) throw new Error(secretWord(String(word))); // types say so to those who have them
    return typeof word === 'string' ? word : (await context.bytes(word)).file;
  });
  const argv = await Promise.all(words);
  const exit = await transport.exec(argv, options).finally(output.end);
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

async function inputOf(
  input: Text | Artifact,
  { bytes, reveal }: TaskContext,
): Promise<string | { file: string }> {
  return isArtifact(input) ? { file: (await bytes(input)).file } : reveal(input);
}
