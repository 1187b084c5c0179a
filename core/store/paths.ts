/** Where cc keeps things on the machine it runs on, by the XDG base directory specification. */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { unread } from '../host/own-files.ts';
import { fail } from '../model/failure.ts';
import { type Claimed, claimed, isLocal, LOCAL } from './site.ts';

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

/** What a recipe is known by here as long as it keeps no identity. */
export interface Local {
  readonly id: string;
  /** Whether it is that configuration which an older cc ran, to which all of them were one. */
  isMine(config: string): boolean;
}

/** `site` is the identity of the recipe's site; undefined where it has none yet. */
export function pathsOf(env: Env, recipe: string, site?: string, local?: Local): Paths {
  return pathsIn(env, keyIn(statesOf(env), recipe, site, local));
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
 * The folder that the site has claimed; else one that is of the recipe from when it kept no identity; else one of the recipe's
 * name that nobody has claimed, as an older cc left it; else one of its own.
 */
function keyIn(states: string, recipe: string, site: string | undefined, local: Local | undefined): string {
  const owner = claimed(join(states, recipe));
  if (owner !== undefined && owner.id === site && owner.name === recipe) return recipe; // as nearly always
  const before =
    (site === undefined ? undefined : claimedBy(states, site)) ??
    (local && (claimedBy(states, local.id) ?? claimedByOlder(states, recipe, local)));
  return before ?? (owner === undefined ? recipe : `${recipe}-${shortOf(site)}`);
}

function shortOf(site = 'new'): string {
  return isLocal(site) ? site.slice(0, LOCAL.length + 9) : site.slice(0, 8);
}

/** An older cc gave all recipes without an identity the same one. */
function claimedByOlder(states: string, recipe: string, local: Local): string | undefined {
  return [recipe, `${recipe}-${LOCAL}`].find((key) => {
    const owner = claimed(join(states, key));
    return owner?.id === LOCAL && local.isMine(owner.config);
  });
}

function claimedBy(states: string, site: string): string | undefined {
  return namesIn(states).find((key) => claimed(join(states, key))?.id === site);
}

/** The sites that have state here. */
export function sitesIn(states: string): readonly Claimed[] {
  return namesIn(states).flatMap((key) => claimed(join(states, key)) ?? []);
}

function namesIn(folder: string): readonly string[] {
  try {
    return existsSync(folder) ? readdirSync(folder) : [];
  } catch (error) {
    return unread(folder, error);
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
