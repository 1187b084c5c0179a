/**
 * What happens when a configuration is imported, with all that it imports: each file is trusted before it is evaluated, and
 * TypeScript is read as an ES module. A hook of the module loader sees exactly what is loaded, also later and also by require;
 * a scan of the text would have to guess.
 */
import { existsSync, statSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Failed, fail } from '../../model/failure.ts';
import { noteRefused } from '../../model/refused.ts';
import { noteImported } from '../../model/source.ts';
import { otherThing } from '../../model/text-file.ts';
import { OWN } from '../shipped.ts';
import type { Trust } from './trust.ts';

/** What the hook knows of the loading at hand. */
export interface Imports {
  /** The files that were asked for, in that order, but for those of cc itself. */
  readonly files: Set<string>;
  /** What was not found, by who wanted it. */
  missing?: { readonly name: string; readonly by: string; readonly error: unknown };
  /** What was refused. Deno makes another error of one that a hook throws. */
  refused?: Failed;
}

let trusted: Trust | undefined;
let imports: Imports = { files: new Set() };
/** The files that have passed: each is asked for once more by every other one that names it. */
const passed = new Set<string>();
/** The configuration that is being loaded. */
let open: string | undefined;

export function loading(): string | undefined {
  return open;
}

/** From here on every file that is not imported by cc's own code must be trusted; `loaded` says that this configuration is there. */
export function watched(file: string, trust: Trust): Imports {
  open = file;
  if (!trusted) registerHooks({ resolve: hook });
  trusted = trust;
  imports = { files: new Set() };
  passed.clear();
  return imports;
}

export function loaded(): void {
  open = undefined;
}

/** Reading what is no file may never end. */
export function refuseOther(file: string): void {
  const other = otherThing(statSync(file));
  if (other !== undefined) fail({ kind: 'config-unreadable', file, why: `it is ${other}, not a file` });
}

type Resolve = NonNullable<Parameters<typeof registerHooks>[0]['resolve']>;

const hook: Resolve = (name, context, next) => {
  const by = context.parentURL ?? '';
  const found = resolved(name, by, () => next(name, context));
  if (!found.url.startsWith('file:')) return found;
  const [url = ''] = found.url.split(/[?#]/);
  const file = fileURLToPath(url);
  // What cc imports itself is of the code that is running already.
  if (!by.startsWith(OWN)) trustedFile(file, waysTo(name, by, context.conditions.includes('require')));
  noteImported(file);
  // npm init writes "type": "commonjs" into package.json, and TypeScript has .cts for what is meant to be so.
  return url.endsWith('.ts') ? { ...found, format: 'module-typescript' } : found;
};

function resolved(name: string, by: string, next: () => ReturnType<Resolve>): ReturnType<Resolve> {
  try {
    return next();
  } catch (error) {
    imports.missing = { name, by, error };
    throw error;
  }
}

/** The loader tells a file by its real path; whoever may change a link on one of the `ways` there may change what is imported. */
function trustedFile(file: string, ways: readonly string[]): void {
  imports.files.add(file);
  const isNew = !passed.has(file);
  try {
    if (isNew) refuseOther(file);
    for (const way of ways) if (way !== file) trusted?.(way, 'data');
    if (isNew) trusted?.(file);
    passed.add(file);
  } catch (error) {
    if (error instanceof Failed) {
      imports.refused ??= error;
      noteRefused(file, error);
    }
    throw error;
  }
}

/** Where the loader looks for what a file names so. */
function waysTo(name: string, by: string, isRequired: boolean): readonly string[] {
  if (!by.startsWith('file:') || name.startsWith('#')) return [];
  const from = dirname(fileURLToPath(by));
  if (/^(\.{0,2}\/|\.{1,2}$|file:)/.test(name)) {
    if (!isRequired) return [fileURLToPath(new URL(name, by))];
    return ['', '.js', '.json', '.node'].map((ending) => resolve(from, name) + ending);
  }
  const [whole = name] = /^(@[^/]+\/)?[^/]+/.exec(name) ?? [];
  const packages = foldersAbove(from).map((folder) => join(folder, 'node_modules', whole));
  const found = packages.findIndex((each) => existsSync(each));
  return packages.slice(0, found + 1).map((each) => join(each, 'package.json'));
}

function foldersAbove(folder: string): readonly string[] {
  const above = dirname(folder);
  return above === folder ? [folder] : [folder, ...foldersAbove(above)];
}
