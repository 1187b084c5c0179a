/** Files that are whole or not there, also after a crash. */
import { mkdir, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Writes beside, syncs, renames, syncs the folder: SIGKILL or power loss at any point leaves the old file or the new. */
export async function writeDurably(path: string, text: string): Promise<void> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const beside = `${path}.new`;
  {
    await using file = await open(beside, 'w', 0o600);
    await file.writeFile(text);
    await file.sync();
  }
  await rename(beside, path);
  await using directory = await open(folder, 'r');
  await directory.sync();
}
