/**
 * Whose lines cc shows. What was thrown may name any file, in its message and in its stack; cc runs as root, and reads none of them
 * for that. A place is told in what was imported for the configuration alone.
 */
import { readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** By path; files are added as they are imported. */
const imported = new Set<string>();

/** Longer ones have places, and no lines. In bytes. */
const LONGEST = 4 * 1024 * 1024;

/** Notes a file of the configuration, when it is trusted and about to be read. */
export function noteImported(file: string): void {
  imported.add(file);
}

/** The path of a file that somebody names, by path or URL; undefined where it was not imported. */
export function importedFile(name: string): string | undefined {
  const file = name.startsWith('file:') ? pathOf(name) : name;
  return file !== undefined && imported.has(file) ? file : undefined;
}

function pathOf(url: string): string | undefined {
  try {
    return fileURLToPath(url.replace(/[?#].*$/, ''));
  } catch {
    return undefined; // of another machine, or with what no path has
  }
}

/** What stands in an imported file, without a mark of its encoding; undefined where that cannot be told. */
export function sourceOf(file: string): string | undefined {
  if (!imported.has(file)) return undefined;
  try {
    const facts = statSync(file);
    return facts.isFile() && facts.size <= LONGEST ? new TextDecoder().decode(readFileSync(file)) : undefined;
  } catch {
    return undefined; // it is not there any more
  }
}

/** A line of it; one that is blank shows nothing. */
export function lineOf(file: string, line: number): string | undefined {
  const text = sourceOf(file)?.split('\n')[line - 1];
  return text?.trim() ? text : undefined;
}
