/** What tests need of the machine they run on: programs, root, a name, and namespaces. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { userInfo } from 'node:os';
import { delimiter, join } from 'node:path';
import process from 'node:process';

/** Why tests that need these programs are skipped, if they are. */
export function missing(...programs: readonly string[]): string | false {
  const gone = programs.filter((program) => !places().some((place) => isProgram(join(place, program))));
  return gone.length > 0 && `this machine has no ${gone.join(', no ')}`;
}

/** System programs are not in the PATH of every user. */
function places(): readonly string[] {
  return [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Why tests of what only root does are skipped, if they are. */
export function rootless(what: string): string | false {
  return process.getuid?.() !== 0 && `only root ${what}`;
}

/** Why tests as whom somebody logs in are skipped, if they are: a user of a container may have no name. */
export function nameless(): string | false {
  try {
    userInfo();
    return false;
  } catch {
    return 'this user has no name';
  }
}

/** Why tests that need namespaces, as these options of unshare make them, are skipped, if they are. */
export function confined(...options: readonly string[]): string | false {
  return spawnSync('unshare', [...options, 'true']).status !== 0 && 'this user may make no namespaces';
}
