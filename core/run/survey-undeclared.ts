/** What stands on hosts that is no longer declared. */
import { isTold } from '../model/change.ts';
import { failureOf } from '../model/failure.ts';
import type { Host } from '../model/plugin.ts';
import { taskId } from '../model/task.ts';
import { undeclaredOn } from './heir.ts';
import { type RunContext, sessionFor } from './look.ts';
import { heirsOf, leftOf, noWayBack, sorted } from './orphans.ts';
import type { Finding } from './survey.ts';
import { type Entering, isOfHost, isOther } from './sweep.ts';

/** What is no longer declared on a host, and would be taken back there. Fails where the host cannot be looked at. */
export async function undeclaredFindings(
  host: Host,
  rights: boolean,
  context: RunContext,
): Promise<readonly Finding[]> {
  const session = await context.pool.session(host, rights);
  const stamps = await undeclaredOn(host, session, context.declared);
  const heirs = await heirsOf(stamps, host, context);
  const { orphans, older } = sorted(
    stamps.filter(({ task }) => !heirs.has(task)),
    host,
  );
  const findings = await Promise.all(
    orphans.map(async (orphan): Promise<readonly Finding[]> => {
      const { id } = orphan.task;
      const left = await leftOf(orphan, await sessionFor(orphan.task, context), context);
      const untold = left.filter((change) => !isTold(change));
      if (untold.length > 0) return [{ kind: 'unknown', id, failure: noWayBack(orphan.task, untold) }];
      if (left.length === 0) return [];
      const details = [...new Set(left.map(({ why }) => why))];
      return [
        {
          kind: 'would',
          id,
          reason: { kind: 'undeclared', details },
          changes: left.filter(isTold),
          stamped: true,
        },
      ];
    }),
  );
  const what = ['what an older cc did, which wrote nothing down of it'];
  const unknown = older.map((id): Finding => {
    const [, plugin = ''] = id.split('/');
    return { kind: 'unknown', id, failure: { kind: 'no-way-back', host: host.name, task: id, plugin, what } };
  });
  return [...findings.flat(), ...(context.declared.undo ? [] : unknown)];
}

/** The same of many hosts; one that cannot be looked at is told of where no task tells of it. */
export async function undeclared(
  hosts: readonly Host[],
  { rights, alone, left }: Entering,
  context: RunContext,
): Promise<readonly Finding[]> {
  const found = await Promise.all(
    hosts.map((host) =>
      undeclaredFindings(host, rights(host), context).catch((error: unknown): readonly Finding[] => {
        const failure = failureOf(error);
        if (left(host) && isOther(failure)) return [];
        const id = taskId(host.name, 'cc', 'record');
        return alone(host) || !isOfHost(failure) ? [{ kind: 'unknown', id, failure }] : [];
      }),
    ),
  );
  return [...new Map(found.flat().map((finding) => [finding.id, finding])).values()];
}

/** Without those that left, and that have turned out to be the machines of others. */
export async function withoutOthers(
  hosts: readonly Host[],
  { rights, left }: Entering,
  { pool }: RunContext,
): Promise<readonly Host[]> {
  const are = await Promise.all(
    hosts.map(async (host) => {
      if (!left(host)) return true;
      const failure = await pool.session(host, rights(host)).then(() => undefined, failureOf);
      return failure === undefined || !isOther(failure);
    }),
  );
  return hosts.filter((_, index) => are[index]);
}
