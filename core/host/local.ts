/** The machine cc runs on. */
import { readFileSync } from 'node:fs';
import { machine as processor, type, userInfo } from 'node:os';
import { localFiles } from './files.ts';
import { type DigestMemo, digestMemo } from './memo.ts';
import type { Transport } from './transport.ts';

/** `base` is the folder where cc notes what it put on this machine. */
export function local(host: string, base: string, memo: DigestMemo = digestMemo()): Transport {
  return {
    host,
    exec,
    through: (line) => ['bash', '-c', line],
    files: localFiles(host, exec, base, memo),
    about: async () => `${type()} ${processor()}\n${username()}\n${release()}`,
    [Symbol.asyncDispose]: async () => {},
  };
}

/** Loaded when the first process is started, because a run that finds nothing to do starts none. */
const exec: Transport['exec'] = async (argv, options) => {
  loaded ??= import('./process.ts');
  return (await loaded).runProcess(argv, options);
};
let loaded: Promise<typeof import('./process.ts')> | undefined;

/** A user may have no name. */
function username(): string {
  try {
    return userInfo().username;
  } catch {
    return 'a user without a name';
  }
}

function release(): string {
  try {
    return readFileSync('/etc/os-release', 'utf8');
  } catch {
    return '';
  }
}
