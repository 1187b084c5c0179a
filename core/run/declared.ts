/** What the recipe declares as a whole, and what of a task's last application it does not declare any more. */
import { CONTROLLER } from '../graph/place.ts';
import { machineOf } from '../model/address.ts';
import { type Change, describe, isSame, isTold, type Kept, kept } from '../model/change.ts';
import { cmd } from '../model/command.ts';
import { sameData } from '../model/digest.ts';
import type { Json } from '../model/json.ts';
import type { Host } from '../model/plugin.ts';
import { withSecrets } from '../model/secret.ts';
import type { Step, Undoing } from '../model/step.ts';
import type { Task, TaskId } from '../model/task.ts';
import type { View } from '../model/view.ts';
import type { Stamp } from '../store/stamp.ts';

export interface Declared {
  readonly hosts: readonly Host[];
  readonly tasks: readonly Task[];
  /** Whether everything is taken back, folders with whatever is in them included. */
  readonly undo: boolean;
  /** What stays where a task of this host is taken back now: where nothing is, that would be for its host alone. */
  undoing(host: Host): Undoing;
  has(id: TaskId): boolean;
  /** Whether a task opens or closes the turn of its host: what it was found to be is of a moment, and nobody else's matter. */
  isEnd(id: TaskId): boolean;
  /** Whether a task of this machine is about that path or unit, or about something below that path. */
  claims(host: Host, what: string): boolean;
}

/** `taken` are the hosts that are taken back, where any are. */
export function declaredBy(
  hosts: readonly Host[],
  tasks: readonly Task[],
  taken?: readonly Host[],
): Declared {
  let ids: ReadonlySet<string> | undefined; // most runs never ask
  let claimed: readonly string[] | undefined;
  let ends: ReadonlySet<string> | undefined;
  const place = (host: Host, what: string) => `${machineOf(host)} ${what}`;
  return {
    hosts,
    tasks,
    undo: taken !== undefined,
    undoing: (host) => ({ staying: staying(hosts, taken ?? [host]) }),
    has: (id) => {
      ids ??= new Set(tasks.map((task) => task.id));
      return ids.has(id);
    },
    isEnd: (id) => {
      const turning = ({ step: { turn } }: Task) => turn !== undefined && turn.kind !== 'disturbs';
      ends ??= new Set(tasks.filter(turning).map((task) => task.id));
      return ends.has(id);
    },
    claims: (host, what) => {
      claimed ??= tasks.flatMap((task) => (task.step.claims ?? []).map((each) => place(task.host, each)));
      const key = place(host, what);
      return claimed.some((each) => each === key || each.startsWith(`${key}/`));
    },
  };
}

/** Hosts of the recipe without those that are taken back. */
function staying(hosts: readonly Host[], taken: readonly Host[]): Undoing['staying'] {
  const gone = new Set([CONTROLLER, ...taken.map(({ name }) => name)]);
  return hosts.filter(({ name }) => !gone.has(name)).map(({ name, roles }) => ({ name, roles }));
}

/** What stays where a host is taken back alone. */
export function alone(host: Host, { hosts }: Pick<Declared, 'hosts'>): Undoing {
  return { staying: staying(hosts, [host]) };
}

/** Hosts with the same stamps; the controller has its own, also where a host is the same machine. */
export function keyOf(host: Host): string {
  return host.name === CONTROLLER ? CONTROLLER : `host ${machineOf(host)}`;
}

/**
 * What a stamp says to take back and the step, whose inputs are others now, does not: a file at another path, another unit.
 * What only code can take back is known by its title. `undone` is what the step would take back today.
 */
export async function former(
  { host, step }: Task,
  stamp: Stamp | undefined,
  undone: () => readonly Change[],
  view: View,
  declared: Declared,
): Promise<readonly Kept[]> {
  if (!stamp?.undo || stamp.undo.length === 0 || isOfToday(stamp, step)) return [];
  const others = besides(stamp.undo, undone());
  return (await standing(others, host, view, declared)).map(notDeclared);
}

/** Whether what a stamp keeps is of the very declaration that the step has. Secrets are never the same: the long way answers. */
export function isOfToday(stamp: Stamp, step: Step): boolean {
  return isFor(stamp, withSecrets(step.inputs ?? null, String));
}

/** Whether all that a stamp keeps is of a declaration with these inputs. */
export function isFor(stamp: Stamp, inputs: Json): boolean {
  const told = stamp.state === 'applied' ? (stamp.manifest['inputs'] ?? null) : stamp.undoFor;
  return told !== undefined && sameData(told, inputs);
}

/** What of it the step does not do by what it says today. */
export function besides(all: readonly Kept[], today: readonly Change[]): readonly Kept[] {
  return all.filter((each) => !today.some((other) => isTakenBack(each, other)));
}

/** What of it is still to be done: a file that cc put there, a unit that is not stopped, and what cannot be seen. */
export async function standing(
  all: readonly Kept[],
  host: Host,
  view: View,
  declared: Declared,
): Promise<readonly Kept[]> {
  const found = await Promise.all(
    all.map((each) => {
      if (each.kind === 'remove') return isRemovable(each, host, view, declared);
      if (each.kind === 'unit') return !declared.claims(host, each.unit) && runs(each.unit, view);
      return true;
    }),
  );
  return all.filter((_, index) => found[index]);
}

async function isRemovable(
  { path, folder }: Extract<Kept, { kind: 'remove' }>,
  host: Host,
  view: View,
  declared: Declared,
): Promise<boolean> {
  if (declared.claims(host, path) || !(await view.owned(path))) return false;
  return !folder || declared.undo || !(await isFilled(path, view));
}

/** Whether something stands in a folder. */
export async function isFilled(path: string, view: View): Promise<boolean> {
  const facts = await view.stat(path);
  return facts?.kind === 'directory' && (await view.read(cmd`find ${path} -maxdepth 0 -empty`)) === '';
}

async function runs(unit: Extract<Kept, { kind: 'unit' }>['unit'], view: View): Promise<boolean> {
  const { active, enabled } = await view.unit(unit);
  return !['inactive', 'failed'].includes(active) || enabled === 'enabled';
}

/** A change whose reason is that nobody declares any more what it takes back. */
function notDeclared(change: Kept): Kept {
  return { ...change, why: 'no longer declared' };
}

/** Whether what a stamp keeps is what the step does today. */
function isTakenBack(each: Kept, today: Change): boolean {
  if (each.kind === 'by-plugin') return each.title === describe(today);
  const now = kept(today);
  return isTold(now) && isSame(each, now);
}
