/** Ends the processes of a run wherever they hide: descendants are known by a mark in their environment. */
import type { Transport } from './transport.ts';

/** The name of the mark; its value is the id of the run. Daemons that shall outlive a run are started without it. */
export const MARK = 'CC_RUN';

const REAP = `mark=$1 signal=$2 found=
for file in /proc/[0-9]*/environ; do
  pid=\${file#/proc/} pid=\${pid%/environ}
  [ "$pid" != "$$" ] || continue
  if tr '\\0' '\\n' <"$file" 2>/dev/null | grep -qxF -- "$mark"; then
    kill -s "$signal" "$pid" 2>/dev/null && found="$found $pid"
  fi
done
echo $found`;

/** Sends TERM, and KILL to what is still there; answers how many processes were found. */
export async function reap(transport: Transport, run: string): Promise<number> {
  const send = async (signal: string) => {
    const { stdout } = await transport.exec(['sh', '-c', REAP, 'cc', `${MARK}=${run}`, signal]);
    return stdout.trim().split(' ').filter(Boolean).length;
  };
  const found = await send('TERM');
  for (let tries = 0; tries < 3 && (await send('KILL')) > 0; tries++);
  return found;
}
