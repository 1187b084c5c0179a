/** What taking back would find and do, without doing it. */
import { failureOf } from '../model/failure.ts';
import type { Work } from './engine.ts';
import { type RunContext, sessionFor } from './look.ts';
import type { Finding, Survey } from './survey.ts';
import { taking } from './undo.ts';

/** ensures: nothing is written anywhere. Tasks that leave nothing to take back are not found. */
export function surveyingUndo(context: RunContext, leaving: ReadonlySet<string>): Survey {
  const findings = new Map<Finding['id'], Finding>();
  const work: Work = async (task) => {
    if (leaving.has(task.host.name) || !task.step.undo) return { state: 'verified' };
    const { id } = task;
    try {
      const session = await sessionFor(task, context);
      const stamp = await session.stamps.read(id);
      const { left } = await taking(task, session, stamp, context);
      const details = [...new Set(left.map(({ why }) => why))];
      if (left.length > 0)
        findings.set(id, {
          ...{ kind: 'would', id, reason: { kind: 'undo', details } },
          ...{ changes: left, stamped: stamp !== undefined },
        });
    } catch (error) {
      findings.set(id, { kind: 'unknown', id, failure: failureOf(error) });
    }
    return { state: 'verified' };
  };
  return { work, findings };
}
