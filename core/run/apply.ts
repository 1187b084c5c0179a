/** One task made true: looked at, and changed where it differs. */
import type { ApplyContext } from './converge.ts';
import { decide } from './decide.ts';
import type { Work } from './engine.ts';
import { foundAs, look } from './look.ts';

export type { ApplyContext };

/** Loaded when something has to change, so that other runs start sooner; asking Node each time takes a while itself. */
const loadConverge = (): Promise<typeof import('./converge.ts')> => {
  loaded ??= import('./converge.ts');
  return loaded;
};
let loaded: Promise<typeof import('./converge.ts')> | undefined;

export function applying(context: ApplyContext): Work {
  return async (task, to) => {
    const first = await look(task, context);
    // What an interrupted run left behind may still be changing what was just looked at.
    const orphans =
      first.stamp?.state === 'applying' &&
      (await (await loadConverge()).endOrphans(task, first.session, first.stamp, context)) > 0;
    const looked = orphans ? await look(task, context) : first;
    const decision = decide(looked.changes, looked.stamp, looked.last);
    if (decision.kind === 'run')
      return (await loadConverge()).converge(task, looked, decision.reason, to, context);
    const found = foundAs(looked.facts, looked.stamp);
    context.found.set(task.id, found);
    if (decision.kind === 'adopted')
      await (await loadConverge()).commit(
        task,
        looked,
        { state: 'applied', found, ours: looked.stamp?.ours ?? false },
        context,
      );
    const report = looked.stamp?.report;
    return { state: decision.kind, ...(report === undefined ? {} : { report }) };
  };
}
