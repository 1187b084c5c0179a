/** Where cc keeps things on the machine it runs on, by the XDG base directory specification. */
import { rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

export interface Paths {
  /** Downloads and builds: may be deleted at any time, and costs time to make again. */
  readonly cache: string;
  /** Stamps, logs and keys of one recipe. */
  readonly state: string;
}

/** The file that says which run is at work. */
export function holdOf({ state }: Paths): string {
  return join(state, 'hold');
}

export function pathsOf(env: Readonly<Record<string, string | undefined>>, recipe: string): Paths {
  const home = env['HOME'] || homedir();
  const base = (name: string, fallback: string) => env[name] || join(home, fallback);
  return {
    cache: join(base('XDG_CACHE_HOME', '.cache'), 'cc'),
    state: join(base('XDG_STATE_HOME', '.local/state'), 'cc', recipe),
  };
}

/**
 * Where an excerpt of Debian's archive stands that a bundle brought, in the folder of cc's own apt; no network is asked where
 * there is one.
 */
export function excerptIn(apt: string): string {
  return join(apt, 'archive');
}

/** Takes the excerpt away, with what apt has read in it. */
export function forgetExcerpt(apt: string): void {
  const excerpt = excerptIn(apt);
  for (const path of [excerpt, `${excerpt}.json`, join(apt, 'lists')])
    rmSync(path, { recursive: true, force: true });
}
