/** Reading secrets on the controller: each once in a run, when its value is first needed; from then on it is masked. */
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { quoted } from '../model/command.ts';
import { Failed, fail } from '../model/failure.ts';
import { conceal, SHORTEST } from '../model/mask.ts';
import { partsOf, type Secret, type SecretSource, type Text } from '../model/secret.ts';

/** A text with its secrets in it; fails where one cannot be read. */
export type Reveal = (text: Text) => Promise<string>;

export interface Sources {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Passes a file that nobody else may write. */
  readonly trust: (file: string) => void;
  readonly signal?: AbortSignal;
}

export function revealing(sources: Sources): Reveal {
  const known = new Map<Secret, Promise<string>>();
  const reveal = (secret: Secret): Promise<string> => {
    const value = known.get(secret) ?? revealed(secret, sources);
    known.set(secret, value);
    return value;
  };
  return async (text) => {
    const parts = partsOf(text).map((part) => (typeof part === 'string' ? part : reveal(part)));
    return (await Promise.all(parts)).join('');
  };
}

/** The environment of a command, as it is given to it. */
export async function revealedEnv(
  env: Readonly<Record<string, Text>>,
  reveal: Reveal,
): Promise<Readonly<Record<string, string>>> {
  const entries = Object.entries(env).map(async ([name, text]) => [name, await reveal(text)] as const);
  return Object.fromEntries(await Promise.all(entries));
}

async function revealed(secret: Secret, sources: Sources): Promise<string> {
  const value = await read(secret, sources);
  if (value === undefined || value === '') return unread(secret, `${sourceOf(secret)} gives nothing`);
  if (value.length < SHORTEST)
    return unread(
      secret,
      `it has less than ${SHORTEST} characters, which stand in other texts by chance: take a longer one`,
    );
  conceal(secret.label, value);
  return value;
}

async function read(secret: Secret, { env, trust, signal }: Sources): Promise<string | undefined> {
  const { from } = secret;
  if ('env' in from) {
    const value = env[from.env];
    const fix = `export ${from.env}=…`;
    return (
      value || unread(secret, `the variable ${from.env} of cc's environment is not set or empty: ${fix}`)
    );
  }
  if ('file' in from) return withoutEnd(textOf(secret, from, trust));
  const { runProcess } = await import('./own-agent.ts'); // most secrets need no process
  const exit = await runProcess(from.command, signal ? { signal } : {});
  if (exit.code === 0) return withoutEnd(exit.stdout);
  const how = exit.signal ? `was ended by ${exit.signal}` : `exited ${exit.code}`;
  return unread(secret, [`${sourceOf(secret)} ${how}`, exit.stderr.trim()].filter(Boolean).join('\n'));
}

/** Beside its owner nobody may read the file, as ssh has it of keys. */
const OTHERS = 0o077;

function textOf(
  secret: Secret,
  { file: path, readable }: Extract<SecretSource, { file: string }>,
  trust: Sources['trust'],
): string {
  trust(path);
  try {
    const file = openSync(path, 'r');
    try {
      const mode = fstatSync(file).mode & 0o7777;
      if (!readable && (mode & OTHERS) !== 0) {
        const octal = mode.toString(8).padStart(4, '0');
        return unread(secret, `others may read ${path} (mode ${octal}): chmod go= ${quoted(path)}`);
      }
      return readFileSync(file, 'utf8');
    } finally {
      closeSync(file);
    }
  } catch (error) {
    if (error instanceof Failed) throw error;
    return unread(secret, String(error), error);
  }
}

/** Editors and `echo` end what they write by a line break, which is no part of it. */
function withoutEnd(text: string): string {
  return text.replace(/\r?\n$/, '');
}

function sourceOf({ from }: Secret): string {
  if ('env' in from) return `the variable ${from.env}`;
  return 'file' in from ? `the file ${from.file}` : `the command ${from.command.map(quoted).join(' ')}`;
}

function unread(secret: Secret, why: string, cause?: unknown): never {
  return fail({ kind: 'cannot-tell', host: 'controller', what: `read the secret ${secret}`, why }, cause);
}
