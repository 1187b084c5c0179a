/** Which tests of `--e2e` are of which part: the lab is on the machine itself, all else in the Debian of the tests. */
import { globSync } from 'node:fs';
import { relative, resolve } from 'node:path';

const ALL = ['test/real/*.test.ts', 'test/e2e/*.test.ts'];

/** Those that measure have the machine for themselves. */
const MEASURING = ['test/real/fifty.test.ts', 'test/real/rig-hosts.test.ts'];

export interface Parts {
  readonly real: readonly string[];
  readonly measuring: readonly string[];
  readonly lab: readonly string[];
}

/** The files that are named, or all; their paths are told from the root of the repository. */
export function partsOf(root: string, named: readonly string[]): Parts {
  const files =
    named.length > 0
      ? named.map((file) => relative(root, resolve(root, file)))
      : globSync(ALL, { cwd: root }).toSorted();
  const of = (part: keyof Parts) => files.filter((file) => partOf(file) === part);
  return { real: of('real'), measuring: of('measuring'), lab: of('lab') };
}

function partOf(file: string): keyof Parts {
  if (file.startsWith('test/e2e/')) return 'lab';
  return MEASURING.includes(file) ? 'measuring' : 'real';
}
