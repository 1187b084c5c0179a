/** What taking back would find and do, without doing it. */
import { fail, failureOf } from '../model/failure.ts';
import type { Work } from './engine.ts';
import { type RunContext, sessionFor } from './look.ts';
import { noWayBack } from './orphans.ts';
import { refuse } from './refusal.ts';
import type { Finding, Survey } from './survey.ts';
import { leftIn, taking } from './undo.ts';

/** ensures: nothing is written anywhere. Tasks that leave nothing to take back are not found. */
export function surveyingUndo(context: RunContext, leaving: ReadonlySet<string>): Survey {
  const findings = new Map<Finding['id'], Finding>();
  const work: Work = async (task) => {
    if (leaving.has(task.host.name) || !task.step.undo) return { state: 'verified' };
    const { id } = task;
    try {
      await refuse(task, context);
      const session = await sessionFor(task, context);
      const taken = await taking(task, session, context);
      if (taken.untold.length > 0) fail(noWayBack(task, taken.untold));
      const left = leftIn(taken);
      const details = [...new Set(left.map(({ why }) => why))];
      if (left.length > 0)
        findings.set(id, {
          ...{ kind: 'would', id, reason: { kind: 'undo', details } },
          ...{ changes: left, stamped: taken.stamp !== undefined },
        });
    } catch (error) {
      findings.set(id, { kind: 'unknown', id, failure: failureOf(error) });
    }
    return { state: 'verified' };
  };
  return { work, findings };
}
