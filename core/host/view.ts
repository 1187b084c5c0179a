/** A host that can be looked at, through its transport. */
import { type Artifact, artifact, isArtifact } from '../model/artifact.ts';
import { type Command, command as commandOf, secretWord, shown } from '../model/command.ts';
import { digestOf } from '../model/digest.ts';
import { fail } from '../model/failure.ts';
import { handed, name as nameOf, names as namesOf, text as textOf } from '../model/foreign.ts';
import type { Json } from '../model/json.ts';
import { isSecret, labelled, sealable } from '../model/secret.ts';
import type { Asking, Place, Platform, Result, UnitFacts, View } from '../model/view.ts';
import { batched } from './batch.ts';
import { type Reveal, revealedEnv } from './reveal.ts';
import type { Exit, Look, Transport } from './transport.ts';

/** What is known of artifacts on the controller; see View. */
export type Artifacts = Pick<View, 'locked' | 'fetched'>;

/** What secrets take; without it there are none. */
export interface Secrets {
  readonly reveal: Reveal;
  /** A digest under the key of the host. */
  readonly seal: (text: string) => Promise<string>;
}

/** What was looked at ahead, by question; see `ahead.ts`. */
export type Known = ReadonlyMap<string, Promise<unknown>>;

/** Exits of commands, by what was asked. */
export type Answers = Map<string, Promise<Exit>>;

export interface Looking {
  readonly secrets?: Secrets;
  /** Ends what is asked. */
  readonly stop?: () => AbortSignal;
  readonly known?: Known | undefined;
  /** Another host of the recipe; without it there is none. */
  readonly on?: (place: Place) => Promise<View>;
  /** What the last application of the task reported; without it there was none. */
  readonly reported?: () => Promise<Json | undefined>;
  /** What commands have answered that count for all; none where something was changed meanwhile. */
  readonly answers?: () => Answers | undefined;
  /** Keeps what is asked, for those who ask later; commands are not run, and other hosts are not entered. */
  readonly kept?: Map<string, Promise<unknown>>;
}

/** Every look is made anew, but for what is asked at the same time, and what is `known`. */
export function viewOf(
  transport: Transport,
  platform: Platform,
  artifacts: Artifacts,
  looking: Looking = {},
): View {
  const { stop, on, kept, known = kept, secrets = NO_SECRETS, reported = async () => undefined } = looking;
  const { host, files } = transport;
  const { unit, packages } = questionsOf(transport);
  const looks = new Map<string, Promise<Look>>();
  const ask = <Value>(question: string, look: () => Promise<Value>): Promise<Value> => {
    const answer = (known?.get(question) as Promise<Value> | undefined) ?? look(); // asked as it is here
    kept?.set(question, answer);
    return answer;
  };
  const look = (path: string): Promise<Look> => {
    const asked = looks.get(path);
    if (asked) return asked;
    const asking = ask(`look ${path}`, () => files.look(path, stop?.()));
    looks.set(path, asking);
    const done = () => looks.delete(path);
    asking.then(done, done);
    return asking;
  };
  const notYet = (what: string) => fail({ kind: 'cannot-tell', host, what, why: 'it is not its turn' });
  const exec = async (given: Command): Promise<Exit> => {
    const command = handed(commandOf, given, 'the command');
    const { argv, input, env, cwd } = command;
    if (kept) notYet(`run ${shown(command)}`);
    const signal = stop?.();
    const exit = await transport.exec(argv.map(word), {
      ...(input === undefined
        ? {}
        : { input: isArtifact(input) ? word(input) : await secrets.reveal(input) }),
      ...(env ? { env: await revealedEnv(env, secrets.reveal) } : {}),
      ...(cwd ? { cwd } : {}),
      ...(signal ? { signal } : {}),
    });
    // A command that was stopped has answered nothing, whatever its exit says.
    if (signal?.aborted)
      fail({ kind: 'cannot-tell', host, what: `run ${shown(command)}`, why: 'it was stopped' });
    return exit;
  };
  const answered = (command: Command, { lasting = false }: Asking = {}): Promise<Exit> => {
    const ask = () => exec(command);
    return lasting ? shared(command, ask, looking.answers?.()) : ask();
  };
  const read = async (command: Command, asking?: Asking): Promise<string> => {
    const { code, signal, stdout, stderr } = await answered(command, asking);
    if (code === 0) return stdout;
    return fail({ kind: 'command-failed', host, command: shown(command), code, signal, stderr });
  };
  const result = async (command: Command, asking?: Asking): Promise<Result> => {
    const { code, signal, stdout, stderr } = await answered(command, asking);
    if (code !== null) return { code, stdout, stderr };
    return fail({ kind: 'command-failed', host, command: shown(command), code, signal, stderr });
  };
  return {
    name: host,
    platform,
    locked: (of) => artifacts.locked(handed(artifact, of, 'the artifact')),
    fetched: async (of) => artifacts.fetched(handed(artifact, of, 'the artifact')),
    read,
    result,
    ask: async (command, asking) => {
      const { code, stdout } = await result(command, asking);
      return code === 0 ? stdout : undefined;
    },
    stat: async (path) => (await look(pathOf(path))).facts,
    owned: async (path) => (await look(pathOf(path))).owned,
    text: async (given) => {
      const path = pathOf(given);
      return ask(`text ${path}`, () => files.text(path, stop?.()));
    },
    sealed: async (of) =>
      secrets.seal(
        'digest' in of
          ? handed(textOf('a digest'), of.digest, 'the digest')
          : digestOf(await secrets.reveal(handed(sealable, of.text, 'the text'))),
      ),
    unit: async (given) => {
      const name = handed(nameOf, given, 'the unit');
      return ask(`unit ${name}`, () => unit(name, stop?.()));
    },
    on: async (place) => {
      if (kept) notYet('enter another host');
      if (!on) throw new Error('there is no other host here');
      return on(place);
    },
    reported,
    missingPackages: async (given) => {
      const names = handed(namesOf, given, 'the packages');
      const there = await Promise.all(
        names.map((name) => ask(`package ${name}`, () => packages(name, stop?.()))),
      );
      return names.filter((_, index) => !there[index]);
    },
  };
}

/** What somebody else is answered who asks the same, or was answered with an exit of 0; where nobody is, an own answer. */
async function shared(
  { argv, input, env, cwd }: Command,
  ask: () => Promise<Exit>,
  answers: Answers | undefined,
): Promise<Exit> {
  if (!answers || input !== undefined || env !== undefined) return ask();
  const question = JSON.stringify([argv, cwd]);
  const others = answers.get(question);
  const before = others && (await others.catch(() => undefined));
  if (before) return before;
  const asking = ask().then((exit) => {
    if (exit.code !== 0) answers.delete(question);
    return exit;
  });
  answers.set(question, asking);
  return asking;
}

function pathOf(given: string): string {
  return handed(nameOf, given, 'the path');
}

const NO_SECRETS: Secrets = {
  reveal: async (text) => {
    if (typeof text === 'string') return text;
    throw new Error(`nobody can read ${labelled(text)} here`);
  },
  seal: async () => {
    throw new Error('there is no key here');
  },
};

function word(word: string | Artifact): string {
  if (typeof word === 'string') return word;
  if (isSecret(word)) throw new Error(secretWord(String(word))); // types say so to those who have them
  throw new Error(`a probe cannot use the bytes of ${word.name}`);
}

interface Questions {
  readonly unit: (name: string, signal?: AbortSignal) => Promise<UnitFacts>;
  /** Whether a package is installed. */
  readonly packages: (name: string, signal?: AbortSignal) => Promise<boolean>;
}

const asking = new WeakMap<Transport, Questions>();

/** Units and packages are asked about together, by all who ask one host at the same time. */
function questionsOf(transport: Transport): Questions {
  const known = asking.get(transport);
  if (known) return known;
  const questions = {
    unit: batched((names, signal) => unitFacts(transport, names, signal)),
    packages: batched((names, signal) => installed(transport, names, signal)),
  };
  asking.set(transport, questions);
  return questions;
}

/** systemctl answers about each in its turn, with an empty line between them. */
async function unitFacts(
  { host, exec }: Transport,
  names: readonly string[],
  signal: AbortSignal,
): Promise<readonly UnitFacts[]> {
  const argv = ['systemctl', 'show', '-p', 'ActiveState,UnitFileState', ...names];
  const exit = await exec(argv, { signal });
  if (exit.code !== 0) return fail({ kind: 'command-failed', host, command: shown({ argv }), ...exit });
  const parts = exit.stdout.split('\n\n');
  return names.map((_, index) => {
    const value = (key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(parts[index] ?? '')?.[1] ?? '';
    return { active: value('ActiveState'), enabled: value('UnitFileState') };
  });
}

const FORMAT = '${Package} ${Architecture} ${db:Status-Status}\\n';

/** dpkg-query exits 1 when a package is unknown, and prints what it knows. */
async function installed(
  { host, exec }: Transport,
  names: readonly string[],
  signal: AbortSignal,
): Promise<readonly boolean[]> {
  const { code, stdout, stderr } = await exec(['dpkg-query', '-W', `-f=${FORMAT}`, ...names], { signal });
  if (code !== 0 && code !== 1)
    return fail({ kind: 'cannot-tell', host, what: 'ask dpkg for packages', why: stderr.trim() });
  const lines = stdout.split('\n').map((line) => line.split(' '));
  const there = new Set(
    lines.flatMap(([name, arch, status]) => (status === 'installed' ? [name, `${name}:${arch}`] : [])),
  );
  return names.map((name) => there.has(name));
}
