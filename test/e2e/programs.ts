/** Tries what cc generates on programs that a site has built, by the tests for programs that are given. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import type { Site } from './site.ts';

const GIVEN = fileURLToPath(new URL('../real/given/', import.meta.url));

/** All tests of the file pass, none is skipped; `pattern` is of what was built, below the recipes of the site's cache. */
export function triedOn(site: Site, file: string, variable: string, pattern: string): void {
  const [built] = globSync(join(site.cache, 'cc/recipes/*', pattern));
  assert.ok(built, `${pattern} was not built`);
  const { NODE_TEST_CONTEXT: _, ...env } = process.env; // these are tests of their own
  const { status, stdout } = spawnSync(process.execPath, ['--test', join(GIVEN, file)], {
    ...{ encoding: 'utf8', env: { ...env, [variable]: built } },
  });
  assert.equal(status, 0, stdout);
  assert.match(stdout, /^ℹ skipped 0$/m);
}
