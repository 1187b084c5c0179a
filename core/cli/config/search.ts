/**
 * Finds the configuration from a folder upwards, to the next package.json. cosmiconfig does not: before it searches, it loads and
 * runs a configuration of its own from the current folder (`.config/config.js`), whoever put it there.
 */
import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fail } from '../../model/failure.ts';
import { contentOf } from './content.ts';
import type { Trust } from './trust.ts';

const PLACES = ['cc.config.ts', 'cc.config.mjs', 'cc.config.js', 'cc.config.json', 'cc.config.yaml'];

/** The nearest configuration and what it says; fails with `config-missing`, or names a file that says nothing. */
export async function searched(cwd: string, trust: Trust): Promise<{ file: string; value: unknown }> {
  for (let folder = cwd; ; folder = dirname(folder)) {
    const file = PLACES.map((place) => join(folder, place)).find((path) => existsSync(path));
    if (file !== undefined) return { file, value: await contentOf(file, trust) };
    const manifest = join(folder, 'package.json');
    const value = saysSomething(manifest) ? keyOf(await contentOf(manifest, trust)) : undefined;
    if (value !== undefined) return { file: manifest, value };
    if (existsSync(manifest) || folder === dirname(folder))
      return fail({ kind: 'config-missing', from: cwd });
  }
}

function saysSomething(path: string): boolean {
  const facts = statSync(path, { throwIfNoEntry: false });
  return facts?.isFile() === true && facts.size > 0;
}

/** The key `cc` of a package.json; null is none. */
function keyOf(manifest: unknown): unknown {
  return typeof manifest === 'object' && manifest !== null && 'cc' in manifest
    ? (manifest.cc ?? undefined)
    : undefined;
}
