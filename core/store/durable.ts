/** Files that are whole or not there, also after a crash. */
import { closeSync, fsync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import process from 'node:process';
import { makeFolder } from '../host/own-files.ts';
import { unwritten } from '../model/failure.ts';

/** Tells writers of one process apart. */
let writes = 0;

/**
 * Writes beside, syncs, renames, syncs the folder: SIGKILL or power loss at any point leaves the old file or the new.
 * Only the syncs, which may wait for a disk, go through the thread pool: on that way the rest would take three times as
 * long.
 */
export async function writeDurably(path: string, text: string): Promise<void> {
  const folder = dirname(path);
  makeFolder(folder);
  writes += 1;
  const beside = `${path}.${process.pid}.${writes}`;
  try {
    await synced(openSync(beside, 'wx', 0o600), (file) => writeFileSync(file, text));
    renameSync(beside, path);
    await synced(openSync(folder, 'r'));
  } catch (error) {
    rmSync(beside, { force: true });
    unwritten(path, error);
  }
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
