/** Processes that left their group and lost their parent, and are known by their mark alone. */
import { join } from 'node:path';
import { local } from '../../core/host/local.ts';
import { MARK } from '../../core/host/transport.ts';
import { type Lasting, tempFolder } from '../rig/temp.ts';
import { isRunning, numberIn } from './second-process.ts';

export async function place(t: Lasting) {
  const folder = await tempFolder(t);
  return { folder, host: local('controller', join(folder, 'base')) };
}

/** Starts one with a mark; answers its pid. */
export async function escaped(
  t: Lasting,
  { folder, host }: Awaited<ReturnType<typeof place>>,
  mark: string,
  body: string,
) {
  const file = join(folder, `pid-${mark.replaceAll('/', '-')}`);
  const text = `setsid sh -c 'echo $$ >"$0"; ${body}' "$0" </dev/null >/dev/null 2>&1 &`;
  await host.exec(['sh', '-c', text, file], { env: { [MARK]: mark } });
  const pid = await numberIn(file);
  t.after(async () => {
    if (await isRunning(pid)) process.kill(pid, 'SIGKILL');
  });
  return pid;
}
