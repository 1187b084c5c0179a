/** A file of a host on its way to the controller, or back. It may hold keys: nobody logs it, and others cannot read it. */
import { cmd, type Shell } from '../../core/mod.ts';

/** Bytes that go at once; what a command prints is kept whole for no more than some of these. */
const PIECE = 4 * 1024 * 1024;

export const READ = 'dd if="$1" bs="$2" skip="$3" count=1 status=none | base64 -w 0';
export const APPEND = 'umask 077; base64 -d >>"$1"';

/** Fetches a file into one that nobody has yet; answers the SHA-256 of what came. */
export async function fetched(shell: Shell, path: string, file: string): Promise<string> {
  const [{ open }, { createHash }] = await Promise.all([import('node:fs/promises'), import('node:crypto')]);
  const hash = createHash('sha256');
  const target = await open(file, 'wx', 0o600);
  try {
    for (let index = 0; ; index++) {
      // A look, for what a change prints is logged.
      const text = await shell.view.read(cmd`sh -c ${READ} cc ${path} ${String(PIECE)} ${String(index)}`);
      const bytes = Buffer.from(text, 'base64');
      await target.write(bytes);
      hash.update(bytes);
      if (bytes.length < PIECE) break;
    }
    await target.sync();
  } finally {
    await target.close();
  }
  return hash.digest('hex');
}

/** Sends a file of the controller to a path where nothing is yet; answers its SHA-256. */
export async function sent(shell: Shell, file: string, path: string): Promise<string> {
  const [{ open }, { createHash }] = await Promise.all([import('node:fs/promises'), import('node:crypto')]);
  const hash = createHash('sha256');
  const source = await open(file);
  try {
    for (;;) {
      const { buffer, bytesRead } = await source.read(Buffer.alloc(PIECE), 0, PIECE);
      if (bytesRead === 0) break;
      const bytes = buffer.subarray(0, bytesRead);
      hash.update(bytes);
      const title = `a script that takes in part of ${path}`;
      await shell.run({ ...cmd`sh -c ${APPEND} cc ${path}`, input: bytes.toString('base64'), title });
    }
  } finally {
    await source.close();
  }
  return hash.digest('hex');
}
