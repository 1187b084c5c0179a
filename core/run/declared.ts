/** What the recipe declares as a whole, and what of a task's last application it does not declare any more. */
import { machineOf } from '../graph/place.ts';
import type { Change, Kept } from '../model/change.ts';
import { sameData } from '../model/digest.ts';
import type { Json } from '../model/json.ts';
import type { Host } from '../model/plugin.ts';
import { withSecrets } from '../model/secret.ts';
import type { Task, TaskId } from '../model/task.ts';
import type { View } from '../model/view.ts';
import type { Stamp } from '../store/stamp.ts';

export interface Declared {
  readonly hosts: readonly Host[];
  has(id: TaskId): boolean;
  /** Whether a task of this machine is about that path or unit. */
  claims(host: Host, what: string): boolean;
}

export function declaredBy(hosts: readonly Host[], tasks: readonly Task[]): Declared {
  let ids: ReadonlySet<string> | undefined; // most runs never ask
  let claimed: ReadonlySet<string> | undefined;
  const keyOf = (host: Host, what: string) => `${machineOf(host)} ${what}`;
  return {
    hosts,
    has: (id) => {
      ids ??= new Set(tasks.map((task) => task.id));
      return ids.has(id);
    },
    claims: (host, what) => {
      claimed ??= new Set(
        tasks.flatMap((task) => (task.step.claims ?? []).map((each) => keyOf(task.host, each))),
      );
      return claimed.has(keyOf(host, what));
    },
  };
}

/**
 * What a stamp says to take back and the step, whose inputs are others now, does not: a file at another path, another unit.
 * `undone` is what the step would take back today.
 */
export async function former(
  { host, step }: Task,
  stamp: Stamp | undefined,
  undone: () => readonly Change[],
  view: View,
  declared: Declared,
): Promise<readonly Change[]> {
  if (!stamp?.undo || stamp.undo.length === 0 || !step.undo) return [];
  // Where secrets are in them, they are never the same, and the long way answers.
  if (sameData(stamp.manifest['inputs'] ?? null, withSecrets(step.inputs ?? null, String))) return [];
  const today = undone();
  const others = stamp.undo.filter((each) => !today.some((other) => same(each, other)));
  return (await standing(others, host, view, declared)).flatMap((each) =>
    each.kind === 'by-plugin' ? [] : [notDeclared(each)],
  );
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
      if (each.kind === 'remove') return !declared.claims(host, each.path) && view.owned(each.path);
      if (each.kind === 'unit') return !declared.claims(host, each.unit) && runs(each.unit, view);
      return true;
    }),
  );
  return all.filter((_, index) => found[index]);
}

async function runs(unit: Extract<Kept, { kind: 'unit' }>['unit'], view: View): Promise<boolean> {
  const { active, enabled } = await view.unit(unit);
  return !['inactive', 'failed'].includes(active) || enabled === 'enabled';
}

/** A change whose reason is that nobody declares any more what it takes back. */
export function notDeclared<Each extends { readonly why: string }>(change: Each): Each {
  return { ...change, why: 'no longer declared' };
}

function same({ why: _, ...a }: Kept, { why: __, ...b }: Change): boolean {
  return b.kind !== 'script' && sameData(a as unknown as Json, b as unknown as Json); // all else is data
}
