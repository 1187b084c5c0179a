/** Which site a configuration is, and which state here is its own. */
import { readdirSync, realpathSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { username } from '../host/local.ts';
import { digestOfData } from '../model/digest.ts';
import { fail } from '../model/failure.ts';
import { type Local, type Paths, pathsOf } from '../store/paths.ts';
import { claimed, isLocal, LOCAL, makeSite, readSite, type Site, siteFile } from '../store/site.ts';
import { isShipped } from './shipped.ts';

export interface Identity {
  readonly paths: Paths;
  /** Undefined: nobody has made an identity for it yet; a run does. */
  readonly site: Site | undefined;
  /** Tells what it makes on machines from what others make there. */
  readonly owner: string;
}

type Env = Readonly<Record<string, string | undefined>>;

/** With `identify` a site that has no identity yet gets one. */
export function identityOf(file: string, name: string, env: Env, identify: boolean): Identity {
  refuseTwin(file);
  const local = localOf(file);
  const noted = isShipped(file) ? undefined : siteIn(file, identify);
  const before = pathsOf(env, name, noted, local);
  // Who only looks sees what was made before without an identity.
  const keepsNone = identify || isShipped(file) || isLocal(claimed(before.state)?.id ?? '');
  const id = noted ?? (keepsNone ? local.id : undefined);
  const paths = id === noted ? before : pathsOf(env, name, id, local);
  if (id !== undefined) refuseCopy(file, { id, name }, paths);
  const place = isShipped(file) ? '' : ` in ${file}`;
  return {
    paths,
    site: id === undefined ? undefined : { id, name, formerly: local.id },
    owner: id === local.id ? `the recipe "${name}" of ${username()}${place}` : `the site ${id}`,
  };
}

function siteIn(file: string, identify: boolean): string | undefined {
  const own = siteFile(file);
  return readSite(own) ?? (identify ? makeSite(own) : undefined);
}

/** What a recipe is that comes with cc, and so stands in no folder of a site, or one in a folder that cannot be written. */
function localOf(file: string): Local {
  const shipped = isShipped(file) ? basename(file, extname(file)) : undefined;
  const config = shipped === undefined ? real(file) : `shipped ${shipped}`;
  const isMine = (other: string) =>
    shipped === undefined
      ? real(other) === config
      : basename(dirname(other)) === 'recipes' && basename(other, extname(other)) === shipped;
  return { id: `${LOCAL}-${digestOfData([username(), config]).slice(0, 32)}`, isMine };
}

/** The path as it is without links; a file that is gone is named as it was. */
function real(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return file;
  }
}

/** `cc.ts` beside `cc.config.ts` would be the same site, by the same file. */
function refuseTwin(file: string): void {
  if (basename(file, extname(file)) !== 'cc') return;
  const folder = dirname(file);
  const twin = readdirSync(folder).find((name) => /^cc\.config\.[a-z]+$/.test(name));
  if (twin === undefined) return;
  // No other kind of failure: for some of them cleanup goes by the records of the site, which is the other one.
  fail({ kind: 'same-site', file, twin, name: join(folder, `site${extname(file)}`) });
}

/** A recipe may be renamed where it stands; one of another name elsewhere, with the same identity, is a copy. */
function refuseCopy(file: string, { id, name }: Site, { state }: Paths): void {
  const owner = claimed(state);
  if (owner === undefined || owner.id !== id || owner.name === name) return;
  if (siteFile(real(owner.config)) === siteFile(real(file))) return;
  fail({ kind: 'other-recipe', site: siteFile(file), name, of: owner.name, config: owner.config });
}
