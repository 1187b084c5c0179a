/**
 * A login that stays for some seconds after a run, for the next one: a connection that OpenSSH shares (ControlPersist). Whoever
 * reaches its socket is let in, so it is where only the user who runs cc can be, under a name for all that leads to the host.
 */
import { join } from 'node:path';
import { digestOf } from '../model/digest.ts';
import { isOurs } from './memo.ts';
import { makeFolder } from './own-files.ts';

/** What the user's own configuration shares is not cc's to use: it may have been let in by other keys. */
export const ALONE: readonly string[] = ['ControlMaster=no', 'ControlPath=none'];

/** The name of a socket has 108 bytes at most, of which ssh takes some for a name to begin with. */
const LONGEST = 90;

export interface Keeping {
  /** Seconds; undefined: the login ends with the run. */
  readonly persist: number | undefined;
  /** Where sockets are. */
  readonly folder: string | undefined;
  /** All that says how somebody gets to the host. */
  readonly way: readonly string[];
}

/** Options of ssh. Where the folder is not private, or its path too long, each run logs in. */
export function keeping({ persist, folder, way }: Keeping): readonly string[] {
  if (persist === undefined || folder === undefined) return ALONE;
  const socket = join(folder, digestOf(JSON.stringify(way)).slice(0, 16));
  if (Buffer.byteLength(socket) > LONGEST) return ALONE;
  makeFolder(folder);
  if (!isOurs(folder)) return ALONE;
  const path = `"${socket.replaceAll('%', '%%').replaceAll(/["\\]/g, '\\$&')}"`;
  return ['ControlMaster=auto', `ControlPath=${path}`, `ControlPersist=${persist}`];
}
