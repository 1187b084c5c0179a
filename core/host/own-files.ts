/** Folders and files of cc's own on the machine that it runs on; what keeps them from being written is a failure, not a bug. */
import { appendFileSync, fstatSync, ftruncateSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { codeOf, unwritten } from '../model/failure.ts';

const ELSEWHERE = '\nXDG_STATE_HOME and XDG_CACHE_HOME name other places for what cc keeps';

/** Makes a folder that nobody else may enter, with those above it. */
export function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    const cause = causeOf(path, error);
    if (cause instanceof Error && codeOf(cause) !== 'ENOSPC') cause.message += ELSEWHERE;
    unwritten(path, cause);
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

/** Asked for all folders at once, Node may say of the last that it is not there; the first that cannot be made says why. */
function causeOf(path: string, error: unknown): unknown {
  const parent = dirname(path);
  try {
    if (parent !== path && !isThere(parent)) return causeOf(parent, error);
    mkdirSync(path, { mode: 0o700 });
    return error;
  } catch (precise) {
    if (codeOf(precise) !== 'EEXIST' || isThere(path)) return precise;
    return Object.assign(new Error(`${path} is a link to what is not there`), { code: 'ENOENT' });
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
