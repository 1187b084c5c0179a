/** Ends the processes of a run wherever they hide: descendants are known by a mark in their environment. */
import type { Transport } from './transport.ts';

/** The name of the mark; its value is a run and a task. Daemons that shall outlive a run are started without it. */
export const MARK = 'CC_RUN';

/** REAP MARK: TERM to all that carry it, KILL to what is left after five seconds; prints how many there were. */
const REAP = `pids() { grep -lzxF -- "$1" /proc/[0-9]*/environ 2>/dev/null | cut -d/ -f3; }
found=$(pids "$1")
[ -n "$found" ] || { echo 0; exit; }
kill -TERM $found 2>/dev/null
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25; do
  [ -n "$(pids "$1")" ] || break
  sleep 0.2
done
left=$(pids "$1")
[ -z "$left" ] || kill -KILL $left 2>/dev/null
echo $found | wc -w`;

/** Ends every process with this mark; answers how many there were. */
export async function reap({ exec }: Pick<Transport, 'exec'>, mark: string): Promise<number> {
  const { stdout } = await exec(['sh', '-c', REAP, 'cc', `${MARK}=${mark}`]);
  return Number(stdout.trim());
}
