/** What a configuration names for import, looked at before Deno's loader reads it; Node's asks for each file first. */
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { OWN } from '../shipped.ts';
import { refuseOther } from './modules.ts';
import { importsIn } from './tokens.ts';

/**
 * Deno reads all that files name for import before its loader asks for one of them, and never comes to the end of a pipe. So what is
 * no file is refused first. requires: Deno, and a file.
 */
export function onlyFiles(file: string, seen: ReadonlySet<string> = new Set()): ReadonlySet<string> {
  let known: ReadonlySet<string> = new Set([...seen, file]);
  for (const path of filesIn(file)) {
    if (known.has(path)) continue;
    refuseOther(path);
    known = /\.[cm]?[jt]sx?$/.test(path) ? onlyFiles(path, known) : known;
  }
  return known;
}

/** What a file names by path, as far as it is there, and not of cc itself. */
function filesIn(file: string): readonly string[] {
  try {
    const base = pathToFileURL(realpathSync(file));
    const names = importsIn(readFileSync(file, 'utf8')).filter((name) => /^(\.{1,2}\/|\/|file:)/.test(name));
    const urls = names.map((name) => new URL(name, base)).filter(({ href }) => !href.startsWith(OWN));
    return urls.map((url) => fileURLToPath(url)).filter((path) => existsSync(path));
  } catch {
    return []; // Deno says why it cannot be read, if it ever reads it
  }
}
