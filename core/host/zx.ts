/** zx's `$`, with the process that it would start on this machine replaced by one on the host of a step. */
import type { ChildProcess, spawn } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import { maskedOutput } from '../model/mask.ts';
import type { Dollar } from '../model/shell.ts';
import type { Exit, Transport } from './transport.ts';

type Exec = Transport['exec'];

/** `exec` is stopped when the task is. */
export async function dollar(exec: Exec, log: (text: string) => void): Promise<Dollar> {
  const { $ } = await import('zx/core');
  return $({
    verbose: false,
    // What was said is logged where it comes from, stream by stream.
    log: () => {},
    spawn: ((line: string) => child(exec, line, log)) as unknown as typeof spawn,
  }) as unknown as Dollar; // zx's promise has far more than cc promises
}

/** As much of a child process as zx uses. */
function child(exec: Exec, line: string, log: (text: string) => void): ChildProcess {
  const events = new EventEmitter();
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const streams = { stdout, stderr };
  const told = maskedOutput(log);
  const ended = ({ code, signal }: Pick<Exit, 'code' | 'signal'>) => {
    told.end();
    events.emit('exit', code, signal);
    for (const stream of [stdout, stderr]) stream.end();
    setImmediate(() => events.emit('close', code, signal)); // once what was written last has been read
  };
  const onOutput = (text: string, stream: 'stdout' | 'stderr') => {
    told.add(text, stream);
    streams[stream].write(text);
  };
  exec(['bash', '-c', line], { onOutput }).then(ended, (error: unknown) => {
    events.emit('error', error);
    ended({ code: null, signal: 'SIGKILL' });
  });
  return Object.assign(events, { stdin, ...streams, pid: undefined }) as unknown as ChildProcess;
}
