/** Files that are whole or not there, also after a crash. */
import { closeSync, fsync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import process from 'node:process';

/** Tells writers of one process apart. */
let writes = 0;

/**
 * Writes beside, syncs, renames, syncs the folder: SIGKILL or power loss at any point leaves the old file or the new.
 * Only the syncs, which may wait for a disk, go through the thread pool: on that way the rest would take three times as
 * long.
 */
export async function writeDurably(path: string, text: string): Promise<void> {
  const folder = dirname(path);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writes += 1;
  const beside = `${path}.${process.pid}.${writes}`;
  try {
    await synced(openSync(beside, 'wx', 0o600), (file) => writeFileSync(file, text));
    renameSync(beside, path);
  } catch (error) {
    rmSync(beside, { force: true });
    throw error;
  }
  await synced(openSync(folder, 'r'));
}

/** Closes a file when what is done to it is on the disk. */
async function synced(file: number, write: (file: number) => void = () => {}): Promise<void> {
  try {
    write(file);
    await new Promise<void>((done, failed) => fsync(file, (error) => (error ? failed(error) : done())));
  } finally {
    closeSync(file);
  }
}
