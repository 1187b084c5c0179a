/** How far a download has come, as events. */
import type { Emit } from '../model/event.ts';
import type { TaskId } from '../model/task.ts';
import type { Reporter } from '../store/download.ts';

interface Telling {
  readonly emit: Emit;
  /** Milliseconds since the run started. */
  readonly at: () => number;
}

/** Milliseconds between two words about how far a download has come. */
const BEAT = 250;

export function reporterOf(id: TaskId, { emit, at }: Telling): Reporter {
  let next = 0;
  return {
    log: (text) => emit({ kind: 'output', id, text: `${text}\n` }),
    attempt: (attempt) => emit({ kind: 'attempt', id, attempt }),
    progress: (done, total) => {
      if (at() < next) return;
      next = at() + BEAT;
      emit({ kind: 'progress', id, done, ...(total === undefined ? {} : { total }) });
    },
  };
}
