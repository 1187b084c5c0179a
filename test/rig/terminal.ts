/** A terminal of its own for the real `cc`. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { CC_LINE, envIn } from './cc.ts';

/** Runs cc on a terminal of its own, and answers all that reached it. */
export async function onTerminal(
  cwd: string,
  more: Readonly<Record<string, string>>,
  ...words: readonly string[]
) {
  const script = `stty cols 100; exec ${CC_LINE} ${words.join(' ')}`;
  const env = { ...envIn(cwd, { TERM: 'xterm', ...more }) };
  const shown = promisify(execFile)('script', ['--quiet', '--return', '--command', script, '/dev/null'], {
    cwd,
    env,
  });
  const { stdout } = await shown.catch((error: { stdout: string }) => error);
  return stdout.replaceAll('\r\n', '\n');
}
