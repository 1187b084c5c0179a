/** `cc forget`: gives up what a record keeps to take a task back, where that cannot be done. */
import { CLEANUP } from '../graph/place.ts';
import { isSeen, titleOf } from '../model/change.ts';
import { fail } from '../model/failure.ts';
import { isTaskId } from '../model/task.ts';
import { textOf } from '../report/visible.ts';
import { type Options, usage } from './args.ts';
import { entering, jobOf } from './job.ts';
import type { CliContext } from './project.ts';
import { changing } from './run.ts';

const GIVEN_UP = 'Not done, and not tried again, so what it would have removed may stay, of';
const NOTHING =
  'cc can see whether everything is taken back that it has a record of, so nothing is forgotten of';

export async function forget(
  [id = '']: readonly string[],
  options: Options,
  cli: CliContext,
): Promise<number> {
  if (!isTaskId(id))
    usage('Cannot tell which task: name it as a whole, as "cc status" does: HOST/PLUGIN/STEP', 'forget');
  const job = await jobOf([CLEANUP], options, cli, { identify: true }); // what left the recipe is known to that
  const named = job.swept.filter(({ name }) => id.startsWith(`${name}/`));
  // A record may stand under a name that its host has no more.
  const hosts = named.length > 0 ? named : job.swept;
  return changing(job, { options, asked: new Set() }, cli, async (_, { pool }) => {
    for (const host of hosts) {
      const { stamps } = await pool.session(host, entering(job).rights(host));
      const stamp = await stamps.read(id);
      if (!stamp) continue;
      const { undo = [] } = stamp;
      await stamps.write({ ...stamp, undo: undo.filter(isSeen) });
      const gone = undo.filter((each) => !isSeen(each)).map(titleOf);
      if (options.json) cli.out(`${JSON.stringify({ task: id, forgotten: gone })}\n`);
      else cli.out(textOf(gone.length > 0 ? [`${GIVEN_UP} ${id}:`, ...gone] : [`${NOTHING} ${id}`]));
      return 0;
    }
    return fail({ kind: 'unknown-name', what: 'a record of', name: id });
  });
}
