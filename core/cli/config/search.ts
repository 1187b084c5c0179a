/** Finds the configuration from a folder upwards. */
import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Failed, fail } from '../../model/failure.ts';
import { messageOf } from '../../model/thrown.ts';
import { contentOf } from './content.ts';
import type { Trust } from './trust.ts';

const PLACES = ['cc.config.ts', 'cc.config.mjs', 'cc.config.js', 'cc.config.json', 'cc.config.yaml'];
/** The places, first come first served, that are loaded without cosmiconfig. */
const MODULES = PLACES.slice(0, 3);

/**
 * The nearest configuration and what it says. cosmiconfig takes a file that it may not read, or that is empty, for none:
 * whatever stands where it looked is then named.
 */
export async function searched(cwd: string, trust: Trust): Promise<{ file: string; value: unknown }> {
  // Found in the folder itself, as nearly always, a module needs neither a search nor a parser.
  const here = MODULES.map((name) => join(cwd, name)).find(isThere);
  if (here) return { file: here, value: await contentOf(here, trust) };
  const { explored } = await import('./explorer.ts');
  const read = (file: string) => contentOf(file, trust);
  const found = await explored(PLACES, cwd, read).catch((error: unknown) => lost(cwd, error, read));
  if (found) return found;
  for (let folder = cwd; ; folder = dirname(folder)) {
    const present = PLACES.map((place) => join(folder, place)).find((path) => existsSync(path));
    if (present)
      return fail({ kind: 'config-unreadable', file: present, why: 'it cannot be read, or it is empty' });
    if (existsSync(join(folder, 'package.json')) || folder === dirname(folder)) break;
  }
  return fail({ kind: 'config-missing', from: cwd });
}

/** cosmiconfig reads some files by itself; what it cannot parse is read again, and so told as any other. */
async function lost(cwd: string, error: unknown, read: (file: string) => Promise<unknown>): Promise<never> {
  if (error instanceof Failed) throw error;
  const { filepath: file } = error as { readonly filepath?: unknown };
  if (typeof file === 'string') await read(file);
  return fail({ kind: 'config-unreadable', file: cwd, why: messageOf(error) }, error);
}

function isThere(path: string): boolean {
  const facts = statSync(path, { throwIfNoEntry: false });
  return facts?.isFile() === true && facts.size > 0;
}
