/** Folders and files of cc's own on the machine that it runs on; where they cannot be read or written, that is no bug. */
import {
  appendFileSync,
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { codeOf, fail, unwritten } from '../model/failure.ts';

const ELSEWHERE = '\nXDG_STATE_HOME and XDG_CACHE_HOME name other places for what cc keeps';

/** Makes a folder that nobody else may enter, with those above it. */
export function makeFolder(path: string): void {
  try {
    make(path);
  } catch (error) {
    if (error instanceof Error && codeOf(error) !== 'ENOSPC') error.message += ELSEWHERE;
    unwritten(path, error);
  }
}

/** The text of a file; of anything else none is read, for nobody may be at the other end of a pipe. */
export function fileText(path: string): string {
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const facts = fstatSync(file);
    if (!facts.isFile()) {
      const code = facts.isDirectory() ? 'EISDIR' : 'EINVAL'; // in Deno reading a folder says neither
      throw Object.assign(new Error(`${code}: ${path} is no regular file`), { code });
    }
    return readFileSync(file, 'utf8');
  } finally {
    closeSync(file);
  }
}

/** Fails with what kept something of cc's own from being read; who keeps it may read it. */
export function unread(path: string, error: unknown, what = `read ${path}`): never {
  const told = { kind: 'cannot-tell', host: 'controller', what, why: String(error) } as const;
  const keeper = codeOf(error) === 'EACCES' ? keeperOf(path) : undefined;
  if (keeper === undefined || keeper === process.getuid?.()) return fail(told, error);
  const [who, as] = keeper === ROOT ? ['root', ''] : [`user ${keeper}`, `-u '#${keeper}' `];
  const fix = `run the same command as ${who}, whose it is: sudo ${as}${SAME_PLACES} cc …`;
  return fail({ ...told, fix }, error);
}

const ROOT = 0;
const SAME_PLACES = '--preserve-env=HOME,XDG_STATE_HOME,XDG_CACHE_HOME';

/** Whose it is, or the nearest folder above it that may be looked at. */
function keeperOf(path: string): number {
  try {
    return statSync(path).uid;
  } catch {
    return path === dirname(path) ? ROOT : keeperOf(dirname(path));
  }
}

/** Adds a text whole, or not at all: what finds no room is taken back, so that the next one begins where a line begins. */
export function append(file: number, text: string): void {
  const { size } = fstatSync(file);
  try {
    appendFileSync(file, text);
  } catch (error) {
    ftruncateSync(file, size);
    throw error;
  }
}

/**
 * One after the other, so that the first that cannot be made says why. Asked for all at once, Node may name the last, and in /proc it
 * never comes to an end.
 */
function make(path: string): void {
  const parent = dirname(path);
  if (parent !== path && !isThere(parent)) make(parent);
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    if (!isThere(path))
      throw Object.assign(new Error(`${path} is a link to what is not there`), { code: 'ENOENT' });
    if (!statSync(path).isDirectory()) throw error;
  }
}

function isThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    if (codeOf(error) === 'ENOTDIR') return false;
    throw error;
  }
}
