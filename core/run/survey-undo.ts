/** What taking back would find and do, without doing it. */
import type { Change } from '../model/change.ts';
import { fail, failureOf } from '../model/failure.ts';
import { enteredOrNot } from './elsewhere.ts';
import type { Work } from './engine.ts';
import type { RunContext } from './look.ts';
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
      const entered = await enteredOrNot(task, context);
      if ('elsewhere' in entered) {
        findings.set(id, would(id, entered.elsewhere, true));
        return { state: 'verified' };
      }
      const { session } = entered;
      const taken = await taking(task, session, context);
      if (taken.untold.length > 0) fail(noWayBack(task, taken.untold));
      const left = leftIn(taken);
      if (left.length > 0) findings.set(id, would(id, left, taken.stamp !== undefined));
    } catch (error) {
      findings.set(id, { kind: 'unknown', id, failure: failureOf(error) });
    }
    return { state: 'verified' };
  };
  return { work, findings };
}

function would(id: Finding['id'], changes: readonly Change[], stamped: boolean): Finding {
  const details = [...new Set(changes.map(({ why }) => why))];
  return { kind: 'would', id, reason: { kind: 'undo', details }, changes, stamped };
}
