/**
 * What makers publish of their releases, in the forms that are in use: a bare hash, the lines of coreutils and of BSD's
 * tools, one file or many, also clear-signed (RFC 9580, section 7), and the JSON index of Go's downloads (go.dev/dl).
 */
import { asDigest, type Digest } from '../model/digest.ts';

/** What bytes must be; at least one of the hashes is there. */
export interface Sum {
  readonly sha256?: Digest;
  readonly sha512?: string;
  /** It stood in a signed message. The signature is not verified. */
  readonly signed: boolean;
}

interface Line {
  /** Undefined where a hash stands alone. */
  readonly name: string | undefined;
  readonly hash: string;
}

/** The sum of the file at a URL; a text when there is none, or no telling which. */
export function sumOf(text: string, url: string): Sum | string {
  const { body, signed } = message(text.replaceAll('\r\n', '\n'));
  const lines = body.trimStart().startsWith('[') ? goIndex(body) : linesOf(body);
  if (lines.length === 0) return 'it holds no SHA-256 and no SHA-512';
  const fitting = best(lines, new URL(url).pathname);
  const of = (length: number) =>
    [...new Set(fitting.map(({ hash }) => hash))].filter((hash) => hash.length === length);
  const [sha256, ...others256] = of(64);
  const [sha512, ...others512] = of(128);
  if (others256.length + others512.length > 0) return 'it has several sums for a file of this name';
  if (sha256 === undefined && sha512 === undefined) return 'it has no sum for a file of this name';
  const digest = asDigest(sha256 ?? '');
  return { ...(digest ? { sha256: digest } : {}), ...(sha512 === undefined ? {} : { sha512 }), signed };
}

/** Lines about the file: the longest names that end as its path does, or a hash alone. */
function best(lines: readonly Line[], path: string): readonly Line[] {
  const [only] = lines;
  if (lines.length === 1 && only?.name === undefined) return lines;
  const plain = decoded(path);
  const clean = ({ name = '' }: Line) => name.replace(/^(\.?\/)+/, '');
  const ends = lines.filter((line) => clean(line) !== '' && `/${plain}`.endsWith(`/${clean(line)}`));
  const longest = Math.max(...ends.map((line) => clean(line).length));
  if (ends.length > 0) return ends.filter((line) => clean(line).length === longest);
  const file = plain.split('/').at(-1);
  return lines.filter((line) => clean(line).split('/').at(-1) === file);
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path; // a bare percent sign
  }
}

/** The text that a signature is about; a text without one is its own. */
function message(text: string): { readonly body: string; readonly signed: boolean } {
  const match =
    /^-----BEGIN PGP SIGNED MESSAGE-----\n(?:.+\n)*\n([\s\S]*?)\n-----BEGIN PGP SIGNATURE-----/m.exec(text);
  if (!match) return { body: text, signed: false };
  return { body: (match[1] ?? '').replaceAll(/^- /gm, ''), signed: true };
}

const HASH = '([0-9a-f]{64}|[0-9a-f]{128})';
const FORMS = [
  new RegExp(`^(?<hash>${HASH})(?:[ \\t]+\\*?(?<name>.+))?$`, 'i'),
  new RegExp(`^SHA(?:256|512) ?\\((?<name>.+)\\) ?= ?(?<hash>${HASH})$`, 'i'),
];

function linesOf(text: string): readonly Line[] {
  return text.split('\n').flatMap((line) => {
    const { name, hash } = FORMS.map((form) => form.exec(line.trim())?.groups).find(Boolean) ?? {};
    return hash === undefined ? [] : [{ name, hash: hash.toLowerCase() }];
  });
}

function goIndex(text: string): readonly Line[] {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    return [];
  }
  const releases = Array.isArray(data) ? (data as { files?: unknown }[]) : [];
  const files = releases.flatMap((release) =>
    Array.isArray(release?.files) ? release.files : [],
  ) as unknown[];
  return files.flatMap((file) => {
    const { filename, sha256 } = (file ?? {}) as { filename?: unknown; sha256?: unknown };
    const hash = asDigest(String(sha256 ?? ''));
    return typeof filename === 'string' && hash ? [{ name: filename, hash }] : [];
  });
}
