/** Files that belong to several users, and what is said of them: `me`, whose they are, and a stranger. */
import { chmod, chown, lchown, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type Trust, trustOf } from '../../../core/cli/config/trust.ts';
import { Failed } from '../../../core/model/failure.ts';
import { explained } from '../../../core/report/explain.ts';
import { folder } from '../../rig/cc.ts';
import { rootless } from '../../rig/tools.ts';

export const ME = 61001;
export const STRANGER = 61002;
/** The group of `me` alone. */
const MINE = 61011;
/** Groups that the stranger is in, and one that nobody knows. */
export const TEAM = 61012;
export const THEIRS = 61013;
export const UNKNOWN = 61014;

const ETC = {
  'etc/passwd': `root:x:0:0::/root:/bin/sh
me:x:${ME}:${MINE}::/:/bin/sh
stranger:x:${STRANGER}:${THEIRS}::/:/bin/sh
`,
  'etc/group': `root:x:0:\nme:x:${MINE}:\nteam:x:${TEAM}:me,stranger\ntheirs:x:${THEIRS}:me\n`,
};

export const asRoot = { skip: rootless('may give files away') };

/** Does something to a folder. */
export type Change = (folder: string) => Promise<void>;

export const owned =
  (name: string, uid: number, gid = MINE): Change =>
  (folder) =>
    lchown(join(folder, name), uid, gid);
export const moded =
  (name: string, mode: number, gid = MINE): Change =>
  async (folder) => {
    await chown(join(folder, name), ME, gid);
    await chmod(join(folder, name), mode);
  };
export const linked =
  (target: string, name: string, uid: number): Change =>
  async (folder) => {
    await symlink(target, join(folder, name));
    await lchown(join(folder, name), uid, MINE);
  };

/** What is to be trusted: a path in a folder of these files, some of which are mine; `''` is the folder itself. */
export interface Place {
  readonly files: Readonly<Record<string, string>>;
  readonly mine: readonly string[];
  readonly path: string;
  readonly as?: Parameters<Trust>[1];
}

export interface Caller {
  readonly uid?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Instead of that of the place. */
  readonly path?: string;
}

/** What is said of a place, with its folder called `~`; nothing when it is trusted. */
export async function said(
  t: Parameters<typeof folder>[0],
  { files, mine, as, ...place }: Place,
  changes: readonly Change[],
  { uid = ME, env = {}, path = place.path }: Caller,
): Promise<string> {
  const inSite = Object.entries(files).map(([name, text]) => [`site/${name}`, text] as const);
  const cwd = await folder(t, { ...ETC, ...Object.fromEntries(inSite) });
  const site = join(cwd, 'site');
  for (const change of [...mine.map((name) => owned(name, ME)), ...changes]) await change(site);
  try {
    trustOf(env, uid, join(cwd, 'etc'))(join(site, path), as);
    return '';
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
    return explained(error.failure).join('\n').replaceAll(site, '~');
  }
}
