/** Where cc keeps things on the machine it runs on, by the XDG base directory specification. */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { fail } from '../model/failure.ts';
import { claimed, LOCAL } from './site.ts';

export interface Paths {
  /** Downloads and builds: may be deleted at any time, and costs time to make again. */
  readonly cache: string;
  /** Stamps, logs and keys of one recipe. */
  readonly state: string;
  /** The name of the recipe's own folders, which no other recipe here has. */
  readonly key: string;
}

/** The file that says which run is at work. */
export function holdOf({ state }: Paths): string {
  return join(state, 'hold');
}

/** `site` is the identity of the recipe's site; undefined where it has none yet. */
export function pathsOf(env: Env, recipe: string, site?: string): Paths {
  return pathsIn(env, keyIn(statesOf(env), recipe, site));
}

/** Those of a site whose recipe is not known; undefined where it has no state here. */
export function pathsOfSite(env: Env, site: string): Paths | undefined {
  const key = claimedBy(statesOf(env), site);
  return key === undefined ? undefined : pathsIn(env, key);
}

/** The folder of the states of all recipes. */
export function statesOf(env: Env): string {
  return join(baseOf(env, 'XDG_STATE_HOME', '.local/state'), 'cc');
}

type Env = Readonly<Record<string, string | undefined>>;

/** Absolute, because hosts are asked about it, this one too, and know nothing of the folder that cc was started in. */
function baseOf(env: Env, name: string, fallback: string): string {
  return resolve(env[name] || join(homeOf(env), fallback));
}

function pathsIn(env: Env, key: string): Paths {
  return {
    cache: join(baseOf(env, 'XDG_CACHE_HOME', '.cache'), 'cc'),
    state: join(statesOf(env), key),
    key,
  };
}

/**
 * The folder that the site has claimed; else one of the recipe's name that nobody has claimed, as an older cc left it; else one
 * of its own.
 */
function keyIn(states: string, recipe: string, site: string | undefined): string {
  const own = `${recipe}-${site === undefined ? 'new' : site.slice(0, 8)}`;
  const owner = claimed(join(states, recipe));
  if (owner !== undefined && owner.id === site && owner.name === recipe) return recipe; // as nearly always
  const before = site === undefined || site === LOCAL ? undefined : claimedBy(states, site);
  return before ?? (owner === undefined ? recipe : own);
}

function claimedBy(states: string, site: string): string | undefined {
  return namesIn(states).find((key) => claimed(join(states, key))?.id === site);
}

function namesIn(folder: string): readonly string[] {
  try {
    return existsSync(folder) ? readdirSync(folder) : [];
  } catch (error) {
    const why = String(error);
    return fail({ kind: 'cannot-tell', host: 'controller', what: `read ${folder}`, why }, error);
  }
}

function homeOf(env: Env): string {
  try {
    return env['HOME'] || userInfo().homedir; // an empty one is none, which homedir would not say
  } catch (error) {
    const why =
      'HOME is not set, and this user has no home: set XDG_STATE_HOME and XDG_CACHE_HOME to folders that may be written';
    return fail(
      { kind: 'cannot-tell', host: 'controller', what: 'find a place for what cc keeps', why },
      error,
    );
  }
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
