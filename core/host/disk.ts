/** Whether a failure has the plainest of reasons: no room. */
import type { ExecOptions, Exit } from './transport.ts';

/** Below this many free bytes a failed command is taken to have failed for want of room. */
const FULL = 8 * 1024 * 1024;

/** The file system tells, not the words of whatever failed on it. */
export async function isFull(
  exec: (argv: readonly string[], options?: ExecOptions) => Promise<Exit>,
  folder: string,
): Promise<boolean> {
  const { code, stdout } = await exec(['df', '-P', '-B1', '--', folder]);
  const free = stdout.trim().split('\n').at(-1)?.split(/\s+/)[3];
  return code === 0 && free !== undefined && Number(free) < FULL;
}
