/** A task on this machine whose command runs until it is ended, and a process that runs it, for tests that kill it. */
import { join } from 'node:path';
import { local } from '../../core/host/local.ts';
import { step } from '../../core/model/step.ts';
import type { Task } from '../../core/model/task.ts';
import { CONTROLLER, type Running, runTasks, taskOf } from './context.ts';

/** The command: says who it is, starts a child that leaves the process group, and waits; with `quick` there it is quick. */
const COMMAND = `[ -e quick ] && exec touch done
setsid sh -c 'echo $$ >"$0/escaped"; exec sleep 1000' "$PWD" >/dev/null 2>&1 &
echo $$ >pid
exec sleep 1000`;

export interface Slow {
  readonly timeout?: number;
  /** Instead of the command above. */
  readonly text?: string;
}

/** True once there is a file `done`; the command leaves its pid in `pid`, that of its escaped child in `escaped`. */
export function slowTask(folder: string, { timeout, text = COMMAND }: Slow = {}): Task {
  return taskOf(
    step<{ done: boolean }>({
      name: 'slow',
      root: false,
      ...(timeout === undefined ? {} : { timeout }),
      probe: async (view) => ({ done: (await view.stat(join(folder, 'done'))) !== undefined }),
      plan: ({ done }) =>
        done
          ? []
          : [{ kind: 'run', command: { argv: ['sh', '-c', text], cwd: folder }, why: 'it is not done' }],
    }),
    { host: CONTROLLER },
  );
}

export function here(folder: string): Running {
  return { folder, hosts: { controller: local('controller', join(folder, 'base')) } };
}

const [folder, run] = process.argv.slice(2);
if (import.meta.main && folder && run) await runTasks([slowTask(folder)], { ...here(folder), run });
