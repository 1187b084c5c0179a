/** Where cc keeps things on the machine it runs on, by the XDG base directory specification. */
import { homedir } from 'node:os';
import { join } from 'node:path';

export interface Paths {
  /** Downloads and builds: may be deleted at any time, and costs time to make again. */
  readonly cache: string;
  /** Stamps, logs and keys of one recipe. */
  readonly state: string;
}

export function pathsOf(env: Readonly<Record<string, string | undefined>>, recipe: string): Paths {
  const home = env['HOME'] || homedir();
  const base = (name: string, fallback: string) => env[name] || join(home, fallback);
  return {
    cache: join(base('XDG_CACHE_HOME', '.cache'), 'cc'),
    state: join(base('XDG_STATE_HOME', '.local/state'), 'cc', recipe),
  };
}
