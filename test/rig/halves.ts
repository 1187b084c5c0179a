/** Which tests of `--e2e` are of which half: the lab is on the machine itself, all else in the Debian of the tests. */
import { globSync } from 'node:fs';
import { relative, resolve } from 'node:path';

const ALL = ['test/real/*.test.ts', 'test/e2e/*.test.ts'];

export interface Halves {
  readonly real: readonly string[];
  readonly lab: readonly string[];
}

/** The files that are named, or all; their paths are told from the root of the repository. */
export function halvesOf(root: string, named: readonly string[]): Halves {
  const files =
    named.length > 0
      ? named.map((file) => relative(root, resolve(root, file)))
      : globSync(ALL, { cwd: root }).toSorted();
  const isLab = (file: string) => file.startsWith('test/e2e/');
  return { real: files.filter((file) => !isLab(file)), lab: files.filter(isLab) };
}
