/**
 * Finds the configuration from a folder upwards, to the next package.json. cosmiconfig does not: before it searches, it loads and
 * runs a configuration of its own from the current folder (`.config/config.js`), whoever put it there.
 */
import { type Stats, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { codeOf, fail } from '../../model/failure.ts';
import { contentOf } from './content.ts';
import type { Trust } from './trust.ts';

const PLACES = ['cc.config.ts', 'cc.config.mjs', 'cc.config.js', 'cc.config.json', 'cc.config.yaml'];

/** The nearest configuration and what it says; fails with `config-missing`, or names a file that says nothing. */
export async function searched(cwd: string, trust: Trust): Promise<{ file: string; value: unknown }> {
  for (let folder = cwd; ; folder = dirname(folder)) {
    const file = PLACES.map((place) => join(folder, place)).find((path) => factsOf(path));
    if (file !== undefined) return { file, value: await contentOf(file, trust) };
    const manifest = join(folder, 'package.json');
    const facts = factsOf(manifest);
    const says = facts?.isFile() && facts.size > 0;
    const value = says ? keyOf(await contentOf(manifest, trust)) : undefined;
    if (value !== undefined) return { file: manifest, value };
    if (facts || folder === dirname(folder)) return fail({ kind: 'config-missing', from: cwd });
  }
}

/** Whether no configuration counts here that stands further above. */
export function endsSearch(folder: string): boolean {
  return [...PLACES, 'package.json'].some((place) => factsOf(join(folder, place)) !== undefined);
}

/** undefined: it is not there. What cannot be looked at may be there, and one further up is not what was meant. */
function factsOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    const why = `it cannot be looked at: ${codeOf(error) ?? String(error)}`;
    return fail({ kind: 'config-unreadable', file: path, why }, error);
  }
}

/** The key `cc` of a package.json; null is none. */
function keyOf(manifest: unknown): unknown {
  return typeof manifest === 'object' && manifest !== null && 'cc' in manifest
    ? (manifest.cc ?? undefined)
    : undefined;
}
