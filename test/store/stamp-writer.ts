/** Writes stamps without end, for tests that kill it: `stamp-writer.ts FOLDER local|remote`. */
import { local } from '../../core/host/local.ts';
import { taskId } from '../../core/model/task.ts';
import { FORMAT, localStamps, remoteStamps, type Stamp } from '../../core/store/stamp.ts';

const [folder = '', kind = ''] = process.argv.slice(2);
const stamps =
  kind === 'local' ? localStamps(folder) : remoteStamps(local('node-1', `${folder}.base`), folder);
const task = taskId('node-1', 'runc', 'binary');

/** Every record says in each field which one it is, so that a mixture of two would show. */
export function numbered(n: number): Stamp {
  const text = String(n);
  const manifest = { inputs: text.repeat(2000) };
  return {
    format: FORMAT,
    task,
    state: 'applied',
    run: text,
    ours: true,
    key: text,
    manifest,
    facts: n,
    result: text,
    at: text,
  };
}

if (folder) {
  process.stdout.write('writing\n');
  for (let n = 1; ; n++) await stamps.write(numbered(n));
}
