/** One run at a time: a file that names its owner, taken over only when that owner is proven dead. */
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { codeOf, fail, type Owner } from '../model/failure.ts';

/** Takes the hold; fails with `held` and its owner while another living run has it. */
export async function hold(path: string, run: string, command: string): Promise<AsyncDisposable> {
  const owner = JSON.stringify({
    pid: process.pid,
    started: (await startOf(process.pid)) ?? '',
    boot: await bootId(),
    run,
    command,
    since: new Date().toISOString(),
  } satisfies Owner);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const mine = `${path}.${run}`;
  await writeFile(mine, owner, { mode: 0o600 });
  try {
    while (!(await linked(mine, path))) {
      const dead = await deadOwner(path);
      if (
        dead !== undefined &&
        (await takenOver(path, dead, mine, () => hold(`${path}.takeover`, run, command)))
      )
        break;
    }
  } finally {
    await rm(mine, { force: true });
  }
  return { [Symbol.asyncDispose]: () => rm(path, { force: true }) };
}

/** Linking is atomic: of two runs one gets the name. */
async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** What a dead owner wrote; undefined when the hold has just been released. */
async function deadOwner(path: string): Promise<string | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  const owner = text === undefined ? undefined : parsed(text);
  if (owner && (await alive(owner))) fail({ kind: 'held', path, owner });
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
    if ((await readFile(path, 'utf8').catch(() => undefined)) !== dead) return false;
    await rename(mine, path);
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

async function alive(owner: Owner): Promise<boolean> {
  return owner.boot === (await bootId()) && (await startOf(owner.pid)) === owner.started;
}

/** Field 22 of /proc/PID/stat (proc(5)), counted after the program's name, which may hold spaces. */
async function startOf(pid: number): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  return text?.slice(text.lastIndexOf(')') + 2).split(' ')[19];
}

async function bootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '')).trim();
}
