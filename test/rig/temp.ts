/** A folder for one test, gone when the test is over. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What a rig needs of a test: to be told when it is over. */
export interface Lasting {
  after(done: () => unknown): void;
}

export async function tempFolder(test: Lasting): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'cc-test-'));
  test.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
