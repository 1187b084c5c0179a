/** Commands as data: argument vectors, never shell strings. */
import { type Artifact, artifact, isArtifact, origin } from './artifact.ts';
import { anyText, isObject, list, odd, optional, type Reader, record } from './foreign.ts';
import { type Inputs, isSecret, partsOf, sealable, type Text } from './secret.ts';

/** A word of a command; an artifact stands for the path of its bytes on the controller when the command runs. */
export type Word = string | Artifact;

export interface Command {
  readonly argv: readonly Word[];
  /** Standard input: text, which may have secrets in it, or the bytes of an artifact. */
  readonly input?: Text | Artifact;
  /** Values may have secrets in them; words may not, because everybody on a host can read these. */
  readonly env?: Readonly<Record<string, Text>>;
  readonly cwd?: string;
  /** What to call it where the words themselves would say less: a script in a plan. */
  readonly title?: string;
}

/** A text for everybody to see. A secret in its place is refused by whoever can say what to do instead. */
export const open: Reader<string> = (value, path) =>
  isSecret(value) ? (value as unknown as string) : anyText(value, path); // see `secretFault`

const variables: Reader<Readonly<Record<string, Text>>> = (value, path) => {
  if (!isObject(value)) return odd(path, 'variables and their values', value);
  return Object.fromEntries(
    Object.keys(value).map((key) => [key, sealable(Reflect.get(value, key), `${path}.${key}`)]),
  );
};

/** Reads a command that anybody may have made. */
export const command: Reader<Command> = record<Command>('a command', {
  argv: list<Word>('a list of words', (value, path) =>
    isObject(value) && !isSecret(value) ? artifact(value, path) : open(value, path),
  ),
  input: optional((value, path) =>
    isObject(value) && !isSecret(value) && !Array.isArray(value)
      ? artifact(value, path)
      : sealable(value, path),
  ),
  env: optional(variables),
  cwd: optional(open),
  title: optional(open),
});

type Value = Word | number | readonly Word[];

/**
 * Reads a template as an argument vector. White space in the template separates words; a value is never split, joins
 * the text it touches (`${bin}/runc` is one word), and a list stands for several words.
 */
export function cmd(template: TemplateStringsArray, ...values: readonly Value[]): Command {
  const argv: Word[] = [];
  let open = false;
  const add = (word: Word) => {
    refuseSecret(word);
    const last = argv.at(-1);
    if (open && typeof last === 'string' && typeof word === 'string') argv[argv.length - 1] = last + word;
    else argv.push(word);
    open = true;
  };
  for (const [index, text] of template.entries()) {
    for (const piece of text.split(/(\s+)/)) {
      if (piece.trim() !== '') add(piece);
      else if (piece !== '') open = false;
    }
    const value = values[index];
    if (value === undefined) continue;
    if (!isList(value)) add(typeof value === 'number' ? String(value) : value);
    else {
      for (const word of value) refuseSecret(word);
      argv.push(...value);
      open = false;
    }
  }
  return { argv };
}

/** Types say so too, to those who have them. */
function refuseSecret(word: unknown): void {
  if (isSecret(word)) throw new Error(secretWord(String(word)));
}

/** What is said of a secret among the words of a command. */
export function secretWord(label: string): string {
  return `the secret ${label} cannot be a word of a command, which everybody on a host can read: hand it over by env or input`;
}

function isList(value: Value): value is readonly Word[] {
  return Array.isArray(value);
}

/** The command as it can be pasted into a shell. */
export function shown(command: Command): string {
  const words = command.argv.map((word) => (isArtifact(word) ? `<${word.name}>` : quoted(word)));
  const env = Object.entries(command.env ?? {}).map(([key, value]) => `${key}=${quotedText(value)}`);
  const place = command.cwd ? [`cd ${quoted(command.cwd)} &&`] : [];
  return [...place, ...env, ...words].join(' ');
}

function quotedText(text: Text): string {
  return partsOf(text)
    .map((part) => (isSecret(part) ? String(part) : quoted(part)))
    .join('');
}

/** One word quoted for a POSIX shell. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

export function artifactsOf({ argv, input }: Command): readonly Artifact[] {
  return [...argv, input].filter(isArtifact);
}

/** The command under its title, when it has one. */
export function titled(command: Command): string {
  return command.title ?? shown(command);
}

/** What the version stamp records of a command. */
export function commandInput({ argv, input, env, cwd }: Command): Inputs {
  const plain = (word: Word) => (isArtifact(word) ? `<${origin(word)}>` : word);
  return { argv: argv.map(plain), input: isArtifact(input) ? plain(input) : input, env, cwd };
}
