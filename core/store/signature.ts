/**
 * Signatures of OpenPGP (RFC 9580), verified by gpgv, or by sqv where a system has that instead. Keys are those that are given,
 * and no others: nothing of the user's own key rings counts.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runProcess } from '../host/own-agent.ts';
import { fail } from '../model/failure.ts';

export interface Signed {
  readonly text: string;
  /** The fingerprint of the key that signed it; of a subkey's, the fingerprint of its primary key. */
  readonly by: string;
}

/** Where the parts of a signed text are. */
export interface Message {
  /** A text that is clear-signed, or the one that `signature` is about. */
  readonly file: string;
  readonly signature?: string;
}

/** Programs as they are called; the first one that is there verifies. */
const PROGRAMS = { gpgv: 'gpgv', sqv: 'sqv' };

interface Verifying extends Message {
  readonly programs: typeof PROGRAMS;
  readonly keyring: string;
  /** Where the program writes what of a clear-signed text is signed. */
  readonly output: string;
  readonly signal: AbortSignal;
}

type Judged = { readonly by: string } | { readonly why: string };

/** What is signed by one of the keys, which are armored; a text says why nothing is. */
export async function verified(
  message: Message,
  keys: string,
  signal: AbortSignal,
  programs = PROGRAMS,
): Promise<Signed | string> {
  const folder = `${message.file}.d`;
  const [keyring, output] = [join(folder, 'keys'), join(folder, 'text')];
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const known = dearmored(keys);
    if (known.length === 0)
      return 'there is no key that could have signed it: none of those given can be read';
    writeFileSync(keyring, known);
    const why = message.signature === undefined ? odd(readFileSync(message.file, 'latin1')) : undefined;
    if (why !== undefined) return why;
    const judged = await judgedBy({ ...message, programs, keyring, output, signal });
    if ('why' in judged) return judged.why;
    return {
      text: readFileSync(message.signature === undefined ? output : message.file, 'utf8'),
      by: judged.by,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function judgedBy(verifying: Verifying): Promise<Judged> {
  const judged = (await gpgv(verifying)) ?? (await sqv(verifying));
  return judged ?? fail({ kind: 'missing-tool', host: 'controller', tool: 'gpgv', package: 'gpgv' });
}

/** Lists of sums are plain text: what programs were fooled by before they verified anything is not shown to them. */
function odd(text: string): string | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\0-\x08\x0b-\x1f]/.test(text.replaceAll('\r\n', '\n'))) return 'it holds characters that no text has';
  if (/^NotDashEscaped:/m.test(text)) return 'it is signed in a form that can be forged: NotDashEscaped';
  return text.split('\n').some((line) => line.length > LINE) ? 'it has a line that is too long' : undefined;
}

const LINE = 4096;

/** gpgv reads keys in binary alone. The text between the blocks is for people. */
function dearmored(keys: string): Buffer {
  const blocks = keys
    .replaceAll('\r\n', '\n')
    .matchAll(
      /^-----BEGIN PGP PUBLIC KEY BLOCK-----\n(?:.+\n)*\n([A-Za-z0-9+/=\n]+?)(?:\n=[A-Za-z0-9+/]{4})?\n-----END PGP/gm,
    );
  return Buffer.concat([...blocks].map(([, base64 = '']) => Buffer.from(base64, 'base64')));
}

/** Digests that nobody can make collide: SHA-2 and SHA-3 (RFC 9580, section 9.5). */
const SOUND = ['8', '9', '10', '11', '12', '14'];

/**
 * Undefined: there is no gpgv. Its status lines tell (doc/DETAILS of GnuPG), not its exit code, which is also not 0 where a
 * second signature is of a key that was not asked for. A signature counts if its key was valid when it was made, as for sqv.
 */
async function gpgv({
  programs,
  file,
  signature,
  keyring,
  output,
  signal,
}: Verifying): Promise<Judged | undefined> {
  const message = signature === undefined ? ['--output', output, '--', file] : ['--', signature, file];
  const { code, stdout } = await runProcess(
    [programs.gpgv, '--status-fd', '1', '--keyring', keyring, ...message],
    {
      signal,
    },
  );
  if (code === 127) return undefined;
  const lines = stdout.split('\n').map((line) => line.split(' ').slice(1));
  const said = (...words: readonly string[]) => lines.filter(([word = '']) => words.includes(word));
  if (said('BADSIG').length > 0) return { why: 'its signature is not one of these bytes' };
  if (said('REVKEYSIG').length > 0) return { why: 'the key that signed it is revoked' };
  if (said('ERROR', 'UNEXPECTED').length > 0 || said('PLAINTEXT').length > 1)
    return { why: 'it is more than one signed text' };
  const ends = said('KEYEXPIRED').map(([, time]) => Number(time));
  const [valid] = said('VALIDSIG');
  if (!valid) return { why: unsigned(said('ERRSIG')) };
  const [made, digest = '', by = ''] = [Number(valid[3]), valid[8], valid[10]];
  if (!SOUND.includes(digest)) return { why: BROKEN };
  if (said('EXPKEYSIG').length > 0 && ends.some((end) => made >= end))
    return { why: 'its signature was made when the key had expired' };
  return { by };
}

const BROKEN = 'its signature rests on a digest that is broken, as MD5 and SHA-1 are';

/** What gpgv says of signatures that it could not verify; 9 is a key it does not have, 5 a digest it does not take. */
function unsigned(errors: readonly (readonly string[])[]): string {
  const [first] = errors;
  if (!first) return 'it is not signed';
  const [, id, , , , , reason, fingerprint = id] = first;
  if (reason === '9') return `it is signed by a key that is not one of its makers': ${fingerprint}`;
  return reason === '5' ? BROKEN : `its signature cannot be verified: reason ${reason} of gpgv`;
}

/** Undefined: there is no sqv. It prints the fingerprints of the keys whose signatures count. */
async function sqv({
  programs,
  file,
  signature,
  keyring,
  output,
  signal,
}: Verifying): Promise<Judged | undefined> {
  const message =
    signature === undefined
      ? ['--output', output, '--cleartext', file]
      : ['--signature-file', signature, file];
  const { code, stdout, stderr } = await runProcess([programs.sqv, '--keyring', keyring, ...message], {
    signal,
  });
  if (code === 127) return undefined;
  const [by = ''] = stdout.split('\n').filter((line) => /^[0-9A-F]{40,64}$/.test(line));
  if (code === 0 && by !== '') return { by };
  return { why: stderr.trim().split('\n').slice(0, 3).join('; ') || `sqv exited ${code}` };
}
