/** A task on this machine whose commands run until they are ended, and a process that runs it, for tests that kill it. */
import { join } from 'node:path';
import { local } from '../../core/host/local.ts';
import { step } from '../../core/model/step.ts';
import type { Task } from '../../core/model/task.ts';
import { CONTROLLER, type Running, runTasks, taskOf } from './context.ts';

/**
 * The first command ends in order and leaves a daemon, which nobody finds but by its mark; the second says who it is and
 * waits. With `quick` there they are quick.
 */
const COMMANDS = [
  `[ -e quick ] || setsid sh -c 'echo $$ >"$0/escaped"; exec sleep 1000' "$PWD" >/dev/null 2>&1 &`,
  '[ -e quick ] && exec touch done; echo $$ >pid; exec sleep 1000',
];

export interface Slow {
  readonly timeout?: number;
}

/** True once there is a file `done`; the last command leaves its pid in `pid`, the daemon its own in `escaped`. */
export function slowTask(folder: string, { timeout }: Slow = {}): Task {
  return taskOf(
    step<{ done: boolean }>({
      name: 'slow',
      root: false,
      ...(timeout === undefined ? {} : { timeout }),
      probe: async (view) => ({ done: (await view.stat(join(folder, 'done'))) !== undefined }),
      plan: ({ done }) =>
        done
          ? []
          : COMMANDS.map((text) => {
              const command = { argv: ['sh', '-c', text], cwd: folder };
              return { kind: 'run', command, why: 'it is not done' };
            }),
    }),
    { host: CONTROLLER },
  );
}

export function here(folder: string): Running {
  return { folder, hosts: { controller: local('controller', join(folder, 'base')) } };
}

const [folder, run] = process.argv.slice(2);
if (import.meta.main && folder && run) await runTasks([slowTask(folder)], { ...here(folder), run });
