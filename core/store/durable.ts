/** Files that are whole or not there, also after a crash. */
import { mkdir, open, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import process from 'node:process';

/** Tells writers of one process apart. */
let writes = 0;

/** Writes beside, syncs, renames, syncs the folder: SIGKILL or power loss at any point leaves the old file or the new. */
export async function writeDurably(path: string, text: string): Promise<void> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  writes += 1;
  const beside = `${path}.${process.pid}.${writes}`;
  try {
    await writeFile(beside, text, { mode: 0o600, flush: true });
    await rename(beside, path);
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
  const directory = await open(folder, 'r');
  await directory.sync().finally(() => directory.close());
}
