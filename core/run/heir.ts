/** Tasks under another name: a step that moved to another plugin, was renamed, or whose host was, is the same task still. */
import { CONTROLLER } from '../graph/place.ts';
import { isSame, isSeen, type Kept, kept } from '../model/change.ts';
import { sameData } from '../model/digest.ts';
import type { Json } from '../model/json.ts';
import type { Host } from '../model/plugin.ts';
import { withSecrets } from '../model/secret.ts';
import { hostOf, type Task, type TaskId } from '../model/task.ts';
import type { Manifest, Stamp } from '../store/stamp.ts';
import { alone, type Declared } from './declared.ts';
import { undone } from './plugin-code.ts';
import type { Session } from './session-pool.ts';

/** The stamps of a host that are of no declared task. */
export async function undeclaredOn(
  host: Host,
  { stamps }: Session,
  declared: Declared,
): Promise<readonly Stamp[]> {
  return stamps.all((task) => isUndeclared(task, host, declared));
}

/**
 * A stamp under another name is of the machine that it stands on, too. Where that is the name of another declared host, the host
 * is entered only to take all back, and if the two are two machines (`machines.ts`).
 */
function isUndeclared(task: TaskId, host: Host, { hosts, undo, has }: Declared): boolean {
  const name = hostOf(task);
  if (host.name === CONTROLLER || name === host.name) return name === host.name && !has(task);
  return name !== CONTROLLER && (undo || hosts.every((other) => other.name !== name));
}

/** Whether a stamp has something to take back. */
export function isOpen({ ours, undo = [] }: Stamp): boolean {
  return ours && undo.length > 0;
}

/**
 * Whether a task takes back by itself all that a stamp of another name keeps. Paths and units are what they are; a command or a
 * script is the same where its step has the same inputs, and kept one of its names.
 */
export function isHeir(task: Task, undo: readonly Kept[], stamp: Stamp): boolean {
  const { plugin, step } = task;
  if (goesOn(task, stamp)) return true;
  const [, before, name] = stamp.task.split('/');
  const alike =
    (before === plugin || name === step.name) &&
    sameData(stamp.manifest['inputs'] ?? null, withSecrets(step.inputs ?? null, String));
  const all = stamp.undo ?? [];
  return all.every((each) => (isSeen(each) || alike) && undo.some((other) => isSame(each, other)));
}

/** Whether a task says itself that it goes on with what a stamp of another name is of. */
export function goesOn({ plugin, step }: Task, stamp: Stamp): boolean {
  const [, before, name = ''] = stamp.task.split('/');
  return before === plugin && step.heirOf?.includes(name) === true;
}

/** A stamp of another name as its heir has it: what the heir goes on with, it takes back in its own way. */
export function passedOn(stamp: Stamp, task: Task, undo: readonly Kept[]): Stamp {
  return goesOn(task, stamp) ? { ...stamp, undo } : stamp;
}

/** The stamp of a task, where it has none of its own that of the name that it had before. */
export async function stampOf(
  task: Task,
  facts: Json,
  session: Session,
  declared: Declared,
): Promise<Stamp | undefined> {
  const own = await session.stamps.read(task.id);
  if (own?.ours || !task.step.undo) return own;
  const open = (await undeclaredOn(task.host, session, declared)).filter(isOpen);
  if (open.length === 0) return own;
  const undo = undone(task, facts, alone(task.host, declared)).map(kept);
  const found = open.find((stamp) => isHeir(task, undo, stamp));
  const former = found && passedOn(found, task, undo);
  return own && former ? inherited(own, former) : (own ?? former);
}

/** The stamp of a task that was found as declared, and that cc had made under another name. */
export function inherited(own: Stamp, { undo = [] }: Stamp): Stamp {
  return { ...own, ours: true, undo };
}

/** The same stamp with the names of today, as far as they are all that differs. */
export function renamed(stamp: Stamp, today: Manifest): Stamp {
  const { plugin, needs = {} } = stamp.manifest;
  const results = (of: Json) =>
    Object.values(of as object)
      .map(String)
      .toSorted(); // a manifest has them by id
  const same = sameData(results(needs), results(today['needs'] ?? {}));
  const manifest = {
    ...stamp.manifest,
    plugin: { ...(plugin as object), name: (today['plugin'] as { name: string }).name }, // every manifest has it
    needs: same ? (today['needs'] ?? {}) : needs,
  };
  return { ...stamp, manifest };
}
