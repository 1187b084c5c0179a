/** A host as root: as it is when it already is root, else through sudo without a password. */
import { quoted } from '../model/command.ts';
import { fail } from '../model/failure.ts';
import { scriptedFiles } from './files.ts';
import { MARK, reap } from './reap.ts';
import type { ExecOptions, Transport } from './transport.ts';

/** Where cc keeps what belongs to a host: stamps, notes of its files, what they replaced. */
export const ROOT_BASE = '/var/lib/cc';

/** Fails with `no-root` where neither way leads to root. */
export async function asRoot(transport: Transport, user: string): Promise<Transport> {
  const { host } = transport;
  if (user === 'root') return transport;
  const probe = await transport.exec(['sudo', '-n', 'true']);
  if (probe.code !== 0) return fail({ kind: 'no-root', host, user, why: probe.stderr.trim() });
  const exec: Transport['exec'] = (argv, { env, ...options }: ExecOptions = {}) => {
    const set = Object.entries(env ?? {}).map(([key, value]) => `${key}=${value}`);
    // sudo's children are root's: a signal from this user does not reach them.
    const mark = env?.[MARK];
    const stop = () => {
      // Where the host is gone, the command's own end says so.
      if (mark) reap({ exec }, mark).catch(() => 0);
    };
    options.signal?.addEventListener('abort', stop, { once: true });
    const running = transport.exec(['sudo', '-n', 'env', ...set, ...argv], options);
    if (options.signal?.aborted) stop();
    return running.finally(() => options.signal?.removeEventListener('abort', stop));
  };
  return {
    host,
    exec,
    through: (line) => transport.through(`sudo -n bash -c ${quoted(line)}`),
    files: scriptedFiles(host, exec, ROOT_BASE),
    [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose](),
  };
}
