/**
 * A value that nobody shall read where cc tells what it does. It holds where the value comes from, never the value, so
 * whatever prints, copies or throws it shows its label.
 */
import { list, odd, type Reader } from './foreign.ts';
import { dataOf, type Json } from './json.ts';

/** Where the value comes from, on the controller: a variable of cc's environment, a file, or what a command prints. */
export type SecretSource =
  | { readonly env: string }
  /** `readable`: others may read the file, as that of a certificate; write it they may not. */
  | { readonly file: string; readonly readable?: true }
  | { readonly command: readonly string[] };

const INSPECT = Symbol.for('nodejs.util.inspect.custom');
const INSPECT_OF_DENO = Symbol.for('Deno.customInspect');

export class Secret {
  /** Only what this constructor made has it; asking for it runs no code of whatever else there may be. */
  readonly #made = true;
  readonly label: string;
  readonly from: SecretSource;

  constructor(label: string, from: SecretSource) {
    this.label = label;
    this.from = from;
    Object.freeze(this);
  }

  static is(value: unknown): value is Secret {
    return typeof value === 'object' && value !== null && #made in value;
  }

  toString(): string {
    return `<${this.label}>`;
  }

  toJSON(): string {
    return this.toString();
  }

  [INSPECT](): string {
    return this.toString();
  }

  [INSPECT_OF_DENO](): string {
    return this.toString();
  }
}

/** A text with secrets in it, in its parts: `['token = ', token, '\n']`. */
export type Text = string | Secret | readonly (string | Secret)[];

/** What a step may have as inputs: data, and secrets in it. */
export type Inputs =
  | null
  | boolean
  | number
  | string
  | Secret
  | readonly Inputs[]
  | { readonly [key: string]: Inputs | undefined };

const LABEL = /^[A-Za-z][\w. -]*$/;
const VARIABLE = /^[A-Za-z_]\w*$/;

/** Variables of cc's own environment that hold secrets: no program inherits them. */
const variables = new Set<string>();

export function secretVariables(): readonly string[] {
  return [...variables];
}

/** What is said of a text in the place of a secret. */
export const SECRET_WANTED = "expected secret('label', { env: 'NAME' }), and no value itself";

/** A secret under a name that may be shown. It is read when something needs its value, once in a run. */
export function secret(label: string, from: SecretSource): Secret {
  if (typeof label !== 'string' || !LABEL.test(label))
    throw new Error(
      'the label of a secret is a name: letters, digits, spaces, "_", "-" and "." after a letter',
    );
  const fault = sourceFault(from);
  if (fault !== undefined) throw new Error(`the secret <${label}> ${fault}`);
  if ('env' in from) variables.add(from.env);
  return new Secret(label, from);
}

/** Whoever writes a configuration in JavaScript is not told by types. */
function sourceFault(from: unknown): string | undefined {
  const fields = typeof from === 'object' && from !== null ? Object.entries(from) : [];
  const [[kind, value] = []] = fields;
  if (fields.length === 1 && kind === 'env' && typeof value === 'string')
    return VARIABLE.test(value) ? undefined : 'names no variable of the environment';
  const isReadable = fields.length === 2 && fields[1]?.[0] === 'readable' && fields[1][1] === true;
  if ((fields.length === 1 || isReadable) && kind === 'file' && typeof value === 'string')
    return value.startsWith('/') ? undefined : 'names a file by a path that is not absolute';
  if (fields.length === 1 && kind === 'command' && Array.isArray(value))
    return value.length > 0 && value.every((word) => typeof word === 'string')
      ? undefined
      : 'has a command that is no list of words';
  return "comes from nowhere: expected { env: 'NAME' }, { file: '/path' } or { command: ['program', 'word'] }";
}

export function isSecret(value: unknown): value is Secret {
  return Secret.is(value);
}

/** Reads inputs that anybody may have made. */
export const inputs: Reader<Inputs> = (value, path) => dataOf(value, path, isSecret) as Inputs; // with secrets among it

const parts = list<string | Secret>('text', part);

/** Reads a text that may have secrets in it. */
export const sealable: Reader<Text> = (value, path) =>
  Array.isArray(value) ? parts(value, path) : part(value, path);

function part(value: unknown, path: string): string | Secret {
  return typeof value === 'string' || isSecret(value) ? value : odd(path, 'a text', value);
}

/** All secrets in a value, each once, however deep they are. */
export function secretsIn(value: unknown): readonly Secret[] {
  const found = new Set<Secret>();
  const visited = new Set<unknown>();
  const visit = (each: unknown): void => {
    if (typeof each !== 'object' || each === null || visited.has(each)) return;
    visited.add(each);
    if (isSecret(each)) found.add(each);
    else Object.values(each).forEach(visit);
  };
  visit(value);
  return [...found];
}

/** The same data with something else in the place of each secret. */
export function withSecrets(inputs: Inputs, instead: (secret: Secret) => string): Json {
  if (isSecret(inputs)) return instead(inputs);
  if (typeof inputs !== 'object' || inputs === null) return inputs;
  if (isList(inputs)) return inputs.map((each) => withSecrets(each, instead));
  const entries = Object.entries(inputs).map(
    ([key, value]) => [key, value === undefined ? undefined : withSecrets(value, instead)] as const,
  );
  return Object.fromEntries(entries);
}

/** A text as it may be shown. */
export function labelled(text: Text): string {
  return partsOf(text).map(String).join('');
}

export function partsOf(text: Text): readonly (string | Secret)[] {
  return typeof text === 'string' || isSecret(text) ? [text] : text;
}

function isList(inputs: Inputs): inputs is readonly Inputs[] {
  return Array.isArray(inputs);
}
