/**
 * One run at a time: a file that names its owner, taken over only when that owner is proven dead. Synchronous inside,
 * because a run starts with it, and a way through the thread pool takes longer than the whole of it.
 */
import { linkSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { codeOf, fail, type Owner, unwritten } from '../model/failure.ts';
import { username } from './local.ts';
import { fileText, makeFolder, unread } from './own-files.ts';

/** This process as the owner of what only one run may have. */
export function ownerOf(run: string, command: string): Owner {
  return {
    pid: process.pid,
    started: startOf(process.pid) ?? '',
    boot: bootId(),
    run,
    command,
    since: new Date().toISOString(),
    user: username(),
    from: hostname(),
  };
}

/** Takes the hold; fails with `held` and its owner while another living run has it. */
export async function hold(path: string, mine: Owner): Promise<AsyncDisposable> {
  const owner = JSON.stringify(mine);
  const { run } = mine;
  makeFolder(dirname(path));
  const beside = `${path}.${run}`;
  try {
    writeFileSync(beside, owner, { mode: 0o600 });
    while (!linked(beside, path)) {
      const dead = deadOwner(path);
      if (dead !== undefined && (await takenOver(path, dead, beside, () => hold(`${path}.takeover`, mine))))
        break;
    }
  } catch (error) {
    unwritten(path, error);
  } finally {
    removed(beside);
  }
  return { [Symbol.asyncDispose]: async () => removed(path) };
}

/** What cannot be removed any more names an owner who will be dead, and so is in nobody's way. */
function removed(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // Its disk went away, or is read-only now.
  }
}

/** The living run that has the hold; undefined when there is none. Nothing is taken, and nothing written. */
export function holding(path: string): Owner | undefined {
  const text = readable(path);
  const owner = text === undefined ? undefined : parsed(text);
  return owner && alive(owner) ? owner : undefined;
}

/** Linking is atomic: of two runs one gets the name. */
function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** What a dead owner wrote; undefined when the hold has just been released. */
function deadOwner(path: string): string | undefined {
  const text = readable(path);
  const owner = text === undefined ? undefined : parsed(text);
  if (owner && alive(owner)) fail({ kind: 'held', path, owner });
  return text;
}

/** Only whoever holds the takeover may replace a dead hold, and in one step: the name is never free in between. */
async function takenOver(
  path: string,
  dead: string,
  mine: string,
  exclusive: () => Promise<AsyncDisposable>,
): Promise<boolean> {
  const taking = await exclusive();
  try {
    if (readable(path) !== dead) return false;
    renameSync(mine, path);
    return true;
  } finally {
    await taking[Symbol.asyncDispose]();
  }
}

function parsed(text: string): Owner | undefined {
  try {
    return JSON.parse(text) as Owner; // written by `hold`; a torn file belongs to no living run
  } catch {
    return undefined;
  }
}

/** Whether a run was one of this machine since it was booted, and is no more; of another one nobody can tell. */
export function isDead(owner: Owner): boolean {
  return owner.boot === bootId() && startOf(owner.pid) !== owner.started;
}

function alive(owner: Owner): boolean {
  return owner.boot === bootId() && startOf(owner.pid) === owner.started;
}

/** Field 22 of /proc/PID/stat (proc(5)), counted after the program's name, which may hold spaces. */
function startOf(pid: number): string | undefined {
  const text = readable(`/proc/${pid}/stat`);
  return text?.slice(text.lastIndexOf(')') + 2).split(' ')[19];
}

function bootId(): string {
  return (readable('/proc/sys/kernel/random/boot_id') ?? '').trim();
}

/** undefined: it is not there. Of what is there and cannot be read nobody can tell whose it is. */
function readable(path: string): string | undefined {
  try {
    return fileText(path);
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes(codeOf(error) ?? '')) return undefined;
    return unread(path, error);
  }
}
