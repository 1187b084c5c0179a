/**
 * Looking ahead: what the probes of all tasks of a host ask is asked together, when the first of them is looked at. A run
 * that finds everything as declared then costs a host a handful of round trips, however many tasks it has. What was found so
 * counts until anything is changed anywhere in the run, because a change may be seen from where nobody expects it.
 */
import type { Answers, Known } from '../host/view.ts';
import type { Task } from '../model/task.ts';
import type { View } from '../model/view.ts';
import type { Session } from './session-pool.ts';

export interface Ahead {
  /** What was looked at ahead and still counts. */
  known(task: Task, session: Session, view: ViewMaker): Promise<Known | undefined>;
  /** What commands on a host have answered that still counts; undefined once anything was changed. */
  answers(session: Session): Answers | undefined;
  /** Does what may change a host. */
  changing<Value>(work: () => Promise<Value>): Promise<Value>;
}

/** Makes the view of a task that keeps what it asks, and runs no command. */
export type ViewMaker = (task: Task, kept: Map<string, Promise<unknown>>) => View;

interface Taken {
  readonly changes: number;
  readonly known: Promise<Known>;
}

export function lookingAhead(tasks: readonly Task[]): Ahead {
  const taken = new WeakMap<Session, Taken>();
  const answers = new WeakMap<Session, Answers>();
  /** How often a change has begun or ended. */
  let changes = 0;
  let underWay = 0;
  return {
    known: async ({ host, step }, session, view) => {
      if (host.connection.kind === 'local') return undefined; // looking there costs no round trip
      if (!taken.has(session) && underWay === 0) {
        const alike = tasks.filter((each) => each.host.name === host.name && each.step.root === step.root);
        taken.set(session, { changes, known: take(alike, view) });
      }
      const ahead = taken.get(session);
      const known = await ahead?.known;
      return ahead?.changes === changes ? known : undefined;
    },
    answers: (session) => {
      if (changes > 0) return undefined;
      const known = answers.get(session) ?? new Map();
      answers.set(session, known);
      return known;
    },
    changing: async (work) => {
      changes += 1;
      underWay += 1;
      try {
        return await work();
      } finally {
        changes += 1;
        underWay -= 1;
      }
    },
  };
}

/**
 * A probe that cannot go on without a command has asked what it could; each task is probed in its turn anyway. So none is waited
 * for to its end: once all is answered, and nobody asks more because of that, all has been asked.
 */
async function take(tasks: readonly Task[], view: ViewMaker): Promise<Known> {
  const kept = new Map<string, Promise<unknown>>();
  for (const task of tasks) void asked(task, view(task, kept));
  for (let before = -1; before !== kept.size; ) {
    before = kept.size;
    await Promise.allSettled(kept.values());
    await new Promise(setImmediate);
  }
  return kept;
}

async function asked({ step }: Task, view: View): Promise<void> {
  try {
    await step.probe(view);
  } catch {
    // It is told when it is this task's turn.
  }
}
