/** A program on a host with the terminal, or the pipes, of cc: nothing of cc stands between. */
import type { Host } from '../model/plugin.ts';
import type { CliContext } from './project.ts';

/** Without words it is a shell. Answers the exit code. */
export async function entered(
  { name, connection }: Host,
  words: readonly string[],
  { env }: Pick<CliContext, 'env'>,
): Promise<number> {
  if (connection.kind === 'ssh') {
    const { sshAttached } = await import('../host/ssh-attached.ts');
    return sshAttached(name, connection, words);
  }
  const { attached } = await import('../host/attached.ts');
  // A shell says what cannot be started, and with which code, as one behind ssh does.
  const argv = words.length === 0 ? [env['SHELL'] || 'sh'] : words;
  const { code } = await attached(['sh', '-c', 'exec "$@"', 'sh', ...argv]);
  return code;
}
