/**
 * What makers publish of their releases, in the forms that are in use: a bare hash, the lines of coreutils and of BSD's
 * tools, one file or many, and the JSON index of Go's downloads (go.dev/dl). Lines that are none of these say nothing.
 */
import { asDigest, type Digest } from '../model/digest.ts';

/** What bytes must be; at least one of the hashes is there. */
export interface Sum {
  readonly sha256?: Digest;
  readonly sha512?: string;
}

interface Line {
  /** Undefined where a hash stands alone. */
  readonly name: string | undefined;
  readonly hash: string;
}

/**
 * The sum of the file at a URL; a text when there is none, or no telling which. A hash alone is about the file that the address
 * of the sums says; once it is `signed`, it is about any file, wherever it is put.
 */
export function sumOf(text: string, url: string, signed = false): Sum | string {
  const body = unarmored(text);
  const all = body.trimStart().startsWith('[') ? goIndex(body) : linesOf(body);
  const lines = signed ? all.filter(({ name }) => name !== undefined) : all;
  if (lines.length === 0) return 'it holds no SHA-256 and no SHA-512';
  const fitting = best(lines, new URL(url).pathname);
  const of = (length: number) =>
    [...new Set(fitting.map(({ hash }) => hash))].filter((hash) => hash.length === length);
  const [sha256, ...others256] = of(64);
  const [sha512, ...others512] = of(128);
  if (others256.length + others512.length > 0) return 'it has several sums for a file of this name';
  if (sha256 === undefined && sha512 === undefined) return 'it has no sum for a file of this name';
  const digest = asDigest(sha256 ?? '');
  return { ...(digest ? { sha256: digest } : {}), ...(sha512 === undefined ? {} : { sha512 }) };
}

/** What nobody verified the signature of is read like any other text; the signature itself may look like anything. */
function unarmored(text: string): string {
  const [body = ''] = text.split('-----BEGIN PGP SIGNATURE-----');
  return body.replaceAll(/^- /gm, '');
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
