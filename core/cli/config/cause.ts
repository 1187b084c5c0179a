/** Why a configuration could not be loaded, and where: in its own file, or in one that it imports. */
import { execFileSync } from 'node:child_process';
import { basename, extname } from 'node:path';
import { codeOf, type Failure, type Place } from '../../model/failure.ts';
import { importedFile, lineOf, sourceOf } from '../../model/source.ts';
import { jsonEnd, jsonWords, placeAt } from '../../model/text-place.ts';
import { asked, isOf, messageOf, placeOf, stackOf } from '../../model/thrown.ts';
import { ownPackage } from '../version.ts';
import type { Imports } from './modules.ts';
import { awaitsIn } from './tokens.ts';

type Unreadable = Extract<Failure, { kind: 'config-unreadable' }>;

/** What loading the file failed with, told of the file that is to blame. */
export function causeOf(file: string, error: unknown, imports: Imports): Unreadable {
  const at = placeFor(file, error, imports);
  const blamed = at?.file ?? file;
  const why = wordsOf(error);
  const fix = fixFor(blamed, why, error, imports);
  return {
    ...{ kind: 'config-unreadable', file: blamed, why },
    ...(at ? { at } : {}),
    ...(blamed === file ? {} : { by: file }),
    ...(fix === undefined ? {} : { fix }),
  };
}

/** What never comes to its end: the one file that waits at its top level, where there is one alone. */
export function stuckIn(file: string, { files }: Imports): Unreadable {
  const why = 'it never comes to its end: an await in it, or in what it imports, waits for ever';
  const own = [...new Set([file, ...files])].filter((each) => !each.includes('/node_modules/'));
  const places = own.flatMap((each) => {
    const source = sourceOf(each) ?? '';
    return awaitsIn(source).map((offset) => placeAt(each, source, offset));
  });
  const [at] = places;
  if (!at || places.length > 1) return { kind: 'config-unreadable', file, why };
  const by = at.file === file ? {} : { by: file };
  return { kind: 'config-unreadable', file: at.file, why: 'its await never comes to its end', at, ...by };
}

/** Without the places that parsers write into their words, which are told apart from them. */
function wordsOf(error: unknown): string {
  const reason: unknown = fieldOf(error, 'reason'); // of js-yaml
  const message =
    typeof reason === 'string' ? reason : messageOf(error).replace(/^TypeError: SyntaxError/, 'SyntaxError');
  const [plain = ''] = unpainted(message).split(/\n +(?:\||at )|\n\d+ \|/);
  return jsonWords(plain);
}

function placeFor(file: string, error: unknown, imports: Imports): Place | undefined {
  const isData = /\.(json|ya?ml)$/.test(file);
  if (isData) return dataPlace(file, error);
  const { missing } = imports;
  return (
    markedPlace(stackOf(error)) ??
    (missing && missing.error === error ? importPlace(missing) : undefined) ??
    placeOf(error) ??
    deniedPlace(error) ??
    (isOf(error, SyntaxError) ? checkedPlace([file, ...imports.files]) : undefined)
  );
}

/** Node begins the stack of what it cannot parse with the file, the line, some of the source, and a mark below the column. */
function markedPlace(text: string): Place | undefined {
  const [head = '', ...lines] = text.split('\n');
  const [, where = '', line] = /^((?:file:\/)?\/.*):(\d+)$/.exec(head) ?? [];
  const mark = lines.slice(0, MARKED).findIndex((each, index) => index > 0 && /^\s*\^/.test(each));
  if (line === undefined || mark < 0) return undefined;
  const at = placeIn(where, Number(line));
  if (!at) return undefined;
  return { ...at, column: columnIn(at.source ?? '', lines[mark]!.indexOf('^')) };
}

/** The mark is among the first lines. */
const MARKED = 8;
/** What the parser of TypeScript shows for a tab. */
const TAB = 4;

/** The column of what is shown so far from the left. */
function columnIn(source: string, shown: number): number {
  let width = 0;
  let column = 1;
  for (const letter of source) {
    if (width >= shown) break;
    width += letter === '\t' ? TAB : letter.length;
    column += letter.length;
  }
  return column;
}

/** Deno writes the place into the message, which in Node is that of whoever threw it. */
function deniedPlace(error: unknown): Place | undefined {
  if (!('Deno' in globalThis)) return undefined;
  const [, url, line, column] = /\n\s+at (file:\/\/\S+):(\d+):(\d+)/.exec(unpainted(messageOf(error))) ?? [];
  if (url === undefined) return undefined;
  const at = placeIn(url, Number(line));
  return at && { ...at, column: Number(column) };
}

/** The first place where a file names what it imports. */
function importPlace({ name, by }: NonNullable<Imports['missing']>): Place | undefined {
  const file = importedFile(by);
  const source = file && sourceOf(file);
  if (!file || source === undefined) return undefined;
  const offset = [`'${name}'`, `"${name}"`].map((each) => source.indexOf(each)).find((found) => found >= 0);
  return offset === undefined ? undefined : placeAt(file, source, offset);
}

/** V8 tells of a module neither file nor line; Node does where it only checks one. */
function checkedPlace(files: readonly string[]): Place | undefined {
  if ('Deno' in globalThis) return undefined;
  for (const file of files.filter((each) => /\.[cm]?js$/.test(each))) {
    try {
      execFileSync(process.execPath, ['--check', file], { stdio: 'pipe' });
    } catch (error) {
      return markedPlace(String(fieldOf(error, 'stderr')));
    }
  }
  return undefined;
}

/** Where the parser of JSON, or that of YAML, stopped. */
function dataPlace(file: string, error: unknown): Place | undefined {
  const text = sourceOf(file);
  if (text === undefined) return undefined;
  const position: unknown = fieldOf(fieldOf(error, 'mark'), 'position');
  return placeAt(file, text, typeof position === 'number' ? position : jsonEnd(text));
}

function fixFor(file: string, why: string, error: unknown, { missing }: Imports): string | undefined {
  const stem = basename(file, extname(file));
  if (/import statement outside a module|Unexpected token 'export'/.test(why))
    return `rename it to ${stem}.mjs or ${stem}.ts: package.json says that .js is CommonJS here`;
  if (codeOf(error) === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX')
    return 'write it in JavaScript: cc takes types away, and translates nothing';
  if (
    missing &&
    missing.error === error &&
    /^(@[\w.-]+\/)?[\w.-]+/.test(missing.name) &&
    !missing.name.startsWith('.')
  )
    return installing(/^(@[^/]+\/)?[^/]+/.exec(missing.name)![0]); // as just matched
  return undefined;
}

/** cc itself is in no registry: whoever took its name there would be run by whoever installed it, as root maybe. */
function installing(name: string): string {
  const own = ownPackage();
  return name === own.name
    ? `run npm pack in your clone of cc, then here: npm install PATH_OF_CLONE/${name}-${own.version}.tgz`
    : `npm install ${name}`;
}

function placeIn(name: string, line: number): Place | undefined {
  const file = importedFile(name);
  const source = file && lineOf(file, line);
  return file === undefined ? undefined : { file, line, ...(source ? { source } : {}) };
}

function fieldOf(value: unknown, name: string): unknown {
  return asked(
    () => (typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined),
    undefined,
  );
}

/** Deno paints its messages. */
function unpainted(text: string): string {
  return text.replaceAll(new RegExp(`${String.fromCharCode(27)}\\[[\\d;]*m`, 'g'), '');
}
