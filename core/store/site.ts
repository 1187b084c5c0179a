/**
 * The identity of a site: made once and kept in a file beside its lock, under version control like that, so that each checkout of
 * a site is the same site, and another site of the same name is not. It says whose the stamps on a host are.
 */
import {
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { fileText, unread } from '../host/own-files.ts';
import { quoted } from '../model/command.ts';
import { codeOf, fail } from '../model/failure.ts';
import { writeDurably } from './durable.ts';

export interface Site {
  /** A UUID; or `local-` and a digest, of a recipe that can keep none. */
  readonly id: string;
  /** Of its recipe, for messages. */
  readonly name: string;
  /** What it is as long as it keeps none. */
  readonly formerly?: string;
  /** What leads out where a host turns out to be another site's, by the identity of that. */
  readonly ways?: ReadonlyMap<string, string>;
}

/** What identities of recipes begin with that keep none: they are worth something on the controller alone. */
export const LOCAL = 'local';

export function isLocal(id: string): boolean {
  return id === LOCAL || id.startsWith(`${LOCAL}-`); // the first is of an older cc
}

/** Whether what is noted as of one site is this one's, as it is now or was before it had a file of its own. */
export function isOfSite(noted: Site, site: Site): boolean {
  if (noted.id === site.id || noted.id === site.formerly) return true;
  return noted.id === LOCAL && noted.name === site.name;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const HEAD = [
  '# cc knows by this which hosts, and which of its folders here, are those of this site.',
  '# Keep it under version control, beside the lock. A copy that shall be another site has to do without it.',
];

/** The file for a configuration: `cc.site`, or `other.site` for `other.ts`. */
export function siteFile(config: string): string {
  const stem = basename(config, extname(config));
  const own = stem === 'cc.config' || stem === 'package' ? 'cc' : stem;
  return join(dirname(config), `${own}.site`);
}

/** undefined: there is no such file yet. */
export function readSite(file: string): string | undefined {
  const text = textBesideOthers(file);
  if (text === undefined) return undefined;
  const lines = text.split('\n').map((line) => line.trim());
  const [id, ...more] = lines.filter((line) => line !== '' && !line.startsWith('#'));
  if (id === undefined) return fail({ kind: 'site-unreadable', file, why: 'it names no site' });
  const wrong = [id, ...more].find((line) => !UUID.test(line));
  if (wrong !== undefined)
    return fail({ kind: 'site-unreadable', file, why: `it has a line that is no identity: "${wrong}"` });
  if (more.length > 0)
    return fail({ kind: 'site-unreadable', file, why: `it names ${more.length + 1} sites` });
  return id;
}

/** Looks for a link first: another cc may make the file at any moment, and what was not there is then no link to nothing. */
function textBesideOthers(file: string): string | undefined {
  let seen: Stats | undefined;
  try {
    seen = lstatSync(file, { throwIfNoEntry: false });
    return fileText(file);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') return fail({ kind: 'lock-unreadable', file, why: String(error) }, error);
    if (!seen?.isSymbolicLink()) return undefined;
    return fail({ kind: 'site-unreadable', file, why: 'it is a link to what is not there' }, error);
  }
}

/** One that nobody else has. */
export function newIdentity(): string {
  return crypto.randomUUID();
}

/** The command that makes a configuration the site that it was. */
export function writing(id: string, file: string): string {
  return `echo ${id} >${quoted(file)}`;
}

/** Makes the file, as whoever has the folder; answers undefined where it cannot be written. */
export function makeSite(file: string): string | undefined {
  const id = newIdentity();
  const making = `${file}.${id}`;
  try {
    writeFileSync(making, [...HEAD, id, ''].join('\n'), { flag: 'wx', mode: 0o644 });
    giveTo(making, dirname(file));
    linkSync(making, file); // whole at once: another cc that starts in this moment reads it
    return id;
  } catch (error) {
    // Somebody else has just made it, or nobody may.
    return codeOf(error) === 'EEXIST' ? readSite(file) : undefined;
  } finally {
    if (existsSync(making)) rmSync(making); // a name may be too long even to be removed
  }
}

/** What root makes in a user's folder is the user's. */
function giveTo(file: string, folder: string): void {
  const { uid, gid } = statSync(folder);
  if (statSync(file).uid === uid) return;
  try {
    chownSync(file, uid, gid);
  } catch {
    // whoever is not root keeps what it has made
  }
}

const NOTE = 'site';

/** Notes whose a state folder is. */
export async function claim(state: string, { id, name, config }: Claimed): Promise<void> {
  const file = join(state, NOTE);
  const text = `${JSON.stringify({ id, name, config })}\n`;
  if (textOf(file) !== text) await writeDurably(file, text);
}

export interface Claimed extends Site {
  /** The configuration as it was run last. */
  readonly config: string;
}

/** Whose a state folder is; undefined: nobody has claimed it, or what says so is torn. */
export function claimed(state: string): Claimed | undefined {
  const text = textOf(join(state, NOTE));
  try {
    const owner: unknown = text === undefined ? undefined : JSON.parse(text);
    return typeof owner === 'object' && owner !== null && 'id' in owner ? (owner as Claimed) : undefined; // by `claim`
  } catch {
    return undefined;
  }
}

function textOf(file: string): string | undefined {
  try {
    return fileText(file);
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined;
    return unread(file, error);
  }
}
