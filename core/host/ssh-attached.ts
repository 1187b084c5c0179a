/** A shell or a program on a host behind ssh, with the terminal or the pipes of cc itself; cc waits, and tells what failed. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { quoted } from '../model/command.ts';
import { codeOf, fail, unwritten } from '../model/failure.ts';
import { attached, codeFor, isAttended } from './attached.ts';
import { NO_SSH, plainOptions, type SshTarget, sshArguments, unreachable } from './ssh.ts';

/** What ssh ends with when it fails itself; a program may do so, too. */
const FAILED = 255;

/** Answers the exit code of the words, or of the shell where there are none; fails with `unreachable`. */
export async function sshAttached(
  host: string,
  target: SshTarget,
  words: readonly string[],
): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'cc-ssh-')).catch((error) => unwritten(tmpdir(), error));
  const log = join(folder, 'log');
  try {
    const tty = isAttended();
    const options = plainOptions(['LogLevel=DEBUG1', ...(tty ? [] : ['EscapeChar=none'])]);
    const line = words.length === 0 ? [] : [lineOf(words)];
    // What ssh says itself goes to a file, since what it prints else is the host's.
    const way = ['ssh', tty ? '-t' : '-T', '-E', log, ...options, ...sshArguments(target)];
    const { code, passed } = await attached([...way, ...line], NO_SSH);
    if (code !== FAILED) return code;
    if (passed !== undefined) return codeFor(passed);
    const why = troubleIn(await said(log));
    return why === undefined ? code : fail(unreachable(host, target, why));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Signs that some login shells read otherwise within quotes, and a beginning that some read otherwise without. */
const AMBIGUOUS = /[!\\'\n]|^[=%]/;

/** Words for the login shell of the host, whichever it is: bash, dash, zsh, fish and tcsh read this alike. */
export function lineOf(words: readonly string[]): string {
  const line = `exec ${words.map(quoted).join(' ')}`;
  if (!words.some((word) => AMBIGUOUS.test(word))) return line;
  return `exec sh -c 'eval "$(echo ${Buffer.from(line).toString('base64')} | base64 -d)"'`;
}

async function said(log: string): Promise<readonly string[]> {
  const text = await readFile(log, 'utf8').catch((error) => {
    if (codeOf(error) === 'ENOENT') return '';
    throw error;
  });
  return text.split(/\r?\n/).filter(Boolean);
}

/** OpenSSH says this, which is not translated: when it is let in, and when it is told how a program ended. */
const LET_IN = /^Authenticated to /;
const ENDED = /^debug1: client_input_channel_req: channel \d+ rtype exit-/;
/** What is for those who look for a mistake in ssh itself. */
const DETAIL = /^(debug\d: |OpenSSH_|Authenticated to |Transferred: |Bytes per second: )/;

/** Why nobody was let in, or the connection was lost; undefined: the program ended so by itself. */
function troubleIn(lines: readonly string[]): string | undefined {
  if (lines.some((line) => ENDED.test(line))) return undefined;
  const words = lines.filter((line) => !DETAIL.test(line));
  if (words.length > 0) return words.join('\n');
  return lines.some((line) => LET_IN.test(line)) ? 'the connection was lost' : `ssh ended: exit ${FAILED}`;
}
