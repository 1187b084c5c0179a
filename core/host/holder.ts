/** Who is at work on a host, as one sees it who takes no lock: to try the lock would be in the way of whoever wants it. */
import type { Owner } from '../model/failure.ts';
import { LOCK, type Transport } from './transport.ts';

/** The file stays when both processes of an agent are killed at once; the kernel knows whether anybody has it locked. */
const HOLDER = `inode=$(stat -c %i -- "$1" 2>/dev/null) || exit 0
! grep -q " FLOCK .*:$inode " /proc/locks || cat -- "$1"`;

/** undefined: nobody is, or nobody can be told. */
export async function holderOn(
  { exec }: Transport,
  { path = LOCK, signal }: { readonly path?: string; readonly signal?: AbortSignal } = {},
): Promise<Owner | undefined> {
  const { stdout } = await exec(['sh', '-c', HOLDER, 'cc', path], signal ? { signal } : {});
  try {
    return JSON.parse(stdout) as Owner; // written by another cc
  } catch {
    return undefined; // it holds the lock, and has not written yet
  }
}
