/** Which site a configuration is, and which state here is its own. */
import { accessSync, constants, existsSync, readdirSync, realpathSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { CLEANUP } from '../graph/place.ts';
import { username } from '../host/local.ts';
import { quoted } from '../model/command.ts';
import { digestOfData } from '../model/digest.ts';
import { fail } from '../model/failure.ts';
import { type Local, type Paths, pathsOf, sitesIn, statesOf } from '../store/paths.ts';
import {
  type Claimed,
  claimed,
  isLocal,
  LOCAL,
  makeSite,
  readSite,
  type Site,
  siteFile,
  writing,
} from '../store/site.ts';
import { isShipped } from './shipped.ts';

export interface Identity {
  readonly paths: Paths;
  /** Undefined: nobody has made an identity for it yet; a run does. */
  readonly site: Site | undefined;
  /** Tells what it makes on machines from what others make there. */
  readonly owner: string;
  /** What whoever runs it is told of how it was found. */
  readonly notices: readonly string[];
}

type Env = Readonly<Record<string, string | undefined>>;

/** With `identify` a site that has no identity yet gets one. */
export function identityOf(file: string, name: string, env: Env, identify: boolean): Identity {
  refuseTwin(file);
  const kept = isShipped(file) ? undefined : readSite(siteFile(file));
  const noted = kept ?? (identify && !isShipped(file) ? makeSite(siteFile(file)) : undefined);
  const namesakes = sitesIn(statesOf(env)).filter((each) => each.name === name);
  const own = localOf(file);
  const moved =
    noted !== undefined || isShipped(file) ? undefined : movedFrom(namesakes, file, own.id, identify);
  const same = namesakes.find((each) => isMoved(each) && real(each.config) === real(file));
  const local = { ...own, id: (moved ?? same)?.id ?? own.id };
  const before = pathsOf(env, name, noted, local);
  // Who only looks sees what was made before without an identity.
  const keepsNone = identify || isShipped(file) || isLocal(claimed(before.state)?.id ?? '');
  const id = noted ?? (keepsNone ? local.id : undefined);
  const paths = id === noted ? before : pathsOf(env, name, id, local);
  if (id !== undefined) refuseCopy(file, { id, name }, paths);
  const place = isShipped(file) ? '' : ` in ${file}`;
  return {
    paths,
    site: id === undefined ? undefined : { id, name, formerly: local.id, ways: waysTo(namesakes, file) },
    owner: isLocal(id ?? LOCAL) ? `the recipe "${name}" of ${username()}${place}` : `the site ${id}`,
    notices: [
      ...(moved
        ? [`this is the recipe that was run from ${moved.config}, which is gone: its records are used`]
        : []),
      ...(kept === undefined && noted !== undefined ? lost(namesakes, file) : []),
    ],
  };
}

/** Of a recipe that kept no identity, and whose path was another one when it got what it goes by. */
function isMoved({ id }: Site): boolean {
  return isLocal(id) && id !== LOCAL;
}

/** The one recipe of this name that kept no identity and is gone, where this one can keep none either and is not known yet. */
function movedFrom(
  namesakes: readonly Claimed[],
  file: string,
  id: string,
  identify: boolean,
): Claimed | undefined {
  if (!identify && isWritable(dirname(file))) return undefined; // a run makes an identity
  if (namesakes.some((each) => each.id === id || real(each.config) === real(file))) return undefined;
  const [first, ...more] = namesakes.filter((each) => isMoved(each) && !existsSync(each.config));
  return more.length === 0 ? first : undefined;
}

/** A configuration that had an identity here, and has a new one now. */
function lost(namesakes: readonly Claimed[], file: string): readonly string[] {
  const before = namesakes.find(({ id, config }) => !isLocal(id) && real(config) === real(file));
  if (!before) return [];
  const site = siteFile(file);
  return [
    `${site} was missing, so this is a new site; to be the one again that it was: ${writing(before.id, site)}`,
  ];
}

function waysTo(namesakes: readonly Claimed[], file: string): ReadonlyMap<string, string> {
  return new Map(
    namesakes.map(({ id, config }) => [
      id,
      real(config) === real(file) && !isLocal(id)
        ? `it was this configuration; to be that site again: ${writing(id, siteFile(file))}`
        : `take back what ${config} made there: cc run ${CLEANUP} --config ${quoted(config)}`,
    ]),
  );
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
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
