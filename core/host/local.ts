/** The machine cc runs on. */
import { localFiles } from './files.ts';
import { type DigestMemo, digestMemo } from './memo.ts';
import { runProcess } from './process.ts';
import type { Transport } from './transport.ts';

/** `base` is the folder where cc notes what it put on this machine. */
export function local(host: string, base: string, memo: DigestMemo = digestMemo()): Transport {
  return {
    host,
    exec: runProcess,
    through: (line) => ['bash', '-c', line],
    files: localFiles(host, runProcess, base, memo),
    [Symbol.asyncDispose]: async () => {},
  };
}
