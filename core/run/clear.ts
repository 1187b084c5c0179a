/** What is left on hosts once all tasks are taken back: files that cc's notes alone know of, and records that cannot be read. */
import { CONTROLLER } from '../graph/place.ts';
import type { Change } from '../model/change.ts';
import { type Failure, fail } from '../model/failure.ts';
import type { Host } from '../model/plugin.ts';
import { step } from '../model/step.ts';
import { hostOf, isGood, type Task, type TaskId, taskId } from '../model/task.ts';
import { performAll, remainingOf } from './converge.ts';
import { keyOf } from './declared.ts';
import { type Outcome, type Outcomes, outcomeOf } from './engine.ts';
import type { RunContext } from './look.ts';
import type { Session } from './session-pool.ts';
import type { Finding } from './survey.ts';
import type { ApplyContext } from './task-context.ts';

export interface Cleared {
  readonly outcomes: Outcomes;
  /** Hosts on which nothing of cc is left. */
  readonly empty: readonly Host[];
}

type Rights = (host: Host) => boolean;

/** Clears hosts on which everything was taken back; what was not is told already, and may need what stands there. */
export async function cleared(
  hosts: readonly Host[],
  ended: Outcomes,
  rights: Rights,
  context: ApplyContext,
): Promise<Cleared> {
  const bad = [...ended].filter(([, { state }]) => !isGood(state)).map(([id]) => id);
  const outcomes = new Map<TaskId, Outcome>();
  const did = async (task: Task, work: () => Promise<Outcome>) => {
    const { emit, at } = context;
    const outcome = await outcomeOf(work, (text) => emit({ kind: 'output', id: task.id, text }));
    if (outcome.state === 'verified') return true; // there was nothing to do
    if (outcome.state === 'cancelled') return false; // what keeps a stamp has said so
    outcomes.set(task.id, outcome);
    emit({ kind: 'task', at: at(), id: task.id, ...outcome });
    return isGood(outcome.state);
  };
  const empty = await Promise.all(
    machinesOf(hosts, bad).map(async (names): Promise<readonly Host[]> => {
      const host = names[0]!; // no group is empty
      const notes = taskFor(host, 'notes');
      const record = taskFor(host, 'record');
      const open = () => context.pool.session(host, rights(host));
      const done =
        (await did(notes, async () => clearNotes(notes, await open(), context))) &&
        (await did(record, async () => clearRecords(record, await open(), context)));
      return done ? names.filter(({ name }) => name !== CONTROLLER) : [];
    }),
  );
  return { outcomes, empty: empty.flat() };
}

/** What `cleared` would find once all of this is done. requires: the hosts of what is not unknown can be looked at. */
export async function restFindings(
  hosts: readonly Host[],
  found: readonly Finding[],
  rights: Rights,
  context: RunContext,
): Promise<readonly Finding[]> {
  const bad = found.flatMap(({ kind, id }) => (kind === 'unknown' ? [id] : []));
  const rest = await Promise.all(
    machinesOf(hosts, bad).map(async (names): Promise<readonly Finding[]> => {
      const host = names[0]!; // no group is empty
      const session = await context.pool.session(host, rights(host));
      const going = goingFrom(names, hosts, found);
      const changes = (await noted(host, session)).filter(({ path }) => !going.has(path));
      const torn = [...(await session.stamps.torn()).keys()];
      const { id } = taskFor(host, 'notes');
      const reason = { kind: 'undo', details: [WHY] } as const;
      return [
        ...(changes.length > 0 ? [{ kind: 'would', id, reason, changes, stamped: false } as const] : []),
        ...(torn.length > 0 ? [tornFinding(host, torn)] : []),
      ];
    }),
  );
  return rest.flat();
}

/** Paths that findings take away from a machine; those of a name that no host has any more may be of any. */
function goingFrom(
  names: readonly Host[],
  hosts: readonly Host[],
  found: readonly Finding[],
): ReadonlySet<string> {
  const others = hosts.filter((host) => !names.includes(host)).map(({ name }) => name);
  const here = found.filter(({ id }) => !others.includes(hostOf(id)));
  const changes = here.flatMap((each) => (each.kind === 'would' ? each.changes : []));
  return new Set(changes.flatMap((change) => (change.kind === 'remove' ? [change.path] : [])));
}

/** The hosts by machine, without those on which something went wrong. */
function machinesOf(hosts: readonly Host[], bad: readonly TaskId[]): readonly (readonly Host[])[] {
  const isBad = ({ name }: Host) => bad.some((id) => hostOf(id) === name);
  return [...Map.groupBy(hosts, keyOf).values()].filter((names) => !names.some(isBad));
}

function taskFor(host: Host, name: string): Task {
  const spec = step<null>({ name, probe: async () => null, plan: () => [] });
  return {
    ...{ id: taskId(host.name, 'cc', name), host, plugin: 'cc', epoch: 1 },
    ...{ step: spec, needs: [], arch: host.arch ?? 'amd64' },
  };
}

const WHY = 'it was put there by cc, and no stamp knows of it any more';

async function clearNotes(task: Task, session: Session, context: ApplyContext): Promise<Outcome> {
  const { host, id } = task;
  const isController = host.name === CONTROLLER; // it remembers what it has built
  if (!isController && (await session.stamps.all(() => true)).length > 0) return { state: 'cancelled' };
  const changes = await noted(host, session);
  if (changes.length === 0) return { state: 'verified' };
  const reason = { kind: 'undo', details: [WHY] } as const;
  context.emit({ kind: 'task', at: context.at(), id, state: 'performing', reason });
  await performAll(changes, task, session, context);
  const left = await noted(host, session);
  if (left.length > 0) fail({ kind: 'not-converged', host: host.name, within: 0, left: remainingOf(left) });
  return { state: 'applied', reason };
}

/** What they said is kept in the log, for somebody who can read it. */
async function clearRecords(
  { host, id }: Task,
  { stamps }: Session,
  { emit }: ApplyContext,
): Promise<Outcome> {
  const torn = await stamps.torn();
  for (const [name, text] of torn) emit({ kind: 'output', id, text: `${name}: ${text}\n` });
  await stamps.clear();
  return torn.size > 0 ? fail(tornFailure(host, [...torn.keys()], true)) : { state: 'verified' };
}

type Removal = Extract<Change, { kind: 'remove' }>;

/** Notes on the machine cc runs on are of all recipes there, so they stay. */
async function noted({ connection }: Host, { transport }: Session): Promise<readonly Removal[]> {
  if (connection.kind === 'local') return [];
  return (await transport.files.noted()).map((path) => ({ kind: 'remove', path, why: WHY }));
}

function tornFinding(host: Host, records: readonly string[]): Finding {
  return {
    kind: 'unknown',
    id: taskId(host.name, 'cc', 'record'),
    failure: tornFailure(host, records, false),
  };
}

function tornFailure({ name: host }: Host, records: readonly string[], gone: boolean): Failure {
  return { kind: 'torn-records', host, records, gone };
}
