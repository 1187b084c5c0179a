/** What a stamp says, and the text it is kept as. */
import type { Kept } from '../model/change.ts';
import type { Command } from '../model/command.ts';
import type { Json } from '../model/json.ts';
import type { TaskId } from '../model/task.ts';

/** Everything that should determine a task's result, by name, so that every "why" is a difference of two of these. */
export type Manifest = { readonly [component: string]: Json };

export type Stamp = {
  readonly format: typeof FORMAT;
  readonly task: TaskId;
  /** `applying` is written before the first change; only a proven task becomes `applied`. */
  readonly state: 'applying' | 'applied' | 'failed';
  readonly run: string;
  /** Whether cc ever changed anything for it; what was merely found as declared is not cc's to take away. */
  readonly ours: boolean;
  /**
   * What takes it back, as the step said when it was proven, so that this can be done when the step is no longer declared. An
   * older cc wrote none.
   */
  readonly undo?: readonly Kept[];
  /** Of a task that is not proven: the inputs that all of `undo` is of, if it is of one declaration. */
  readonly undoFor?: Json;
  /** Whether that takes root; default true. */
  readonly root?: boolean;
  readonly manifest: Manifest;
  /** What the last probe of the application found; with `report`, what a check learnt. */
  readonly facts: Json;
  readonly report?: Json;
  /** The digest of `facts`: what dependents see of this task. */
  readonly result: string;
  readonly at: string;
};

export const FORMAT = 3;

export function text(stamp: Stamp): string {
  return JSON.stringify(stamp);
}

/**
 * A torn, foreign or older record counts as none: the task then runs, which is always safe. No digest seals it: whatever is
 * cut off is no JSON, and the way to a host is checked there; to digest each would be most of a run that changes nothing.
 */
export function parsed(task: string, content: string | undefined): Stamp | undefined {
  if (content === undefined) return undefined;
  try {
    const stamp: unknown = JSON.parse(content);
    return isWhole(stamp) && stamp.task === task ? stamp : undefined;
  } catch {
    return undefined;
  }
}

type Unchecked<Shape> = { readonly [Key in keyof Shape]?: unknown };

/** Whether all of it is there that others go by. What facts and inputs are like is up to their step. */
function isWhole(stamp: unknown): stamp is Stamp {
  if (!isObject<Stamp>(stamp) || stamp.format !== FORMAT) return false;
  return (
    [stamp.task, stamp.run, stamp.result, stamp.at].every((each) => typeof each === 'string') &&
    ['applying', 'applied', 'failed'].some((state) => state === stamp.state) &&
    typeof stamp.ours === 'boolean' &&
    ['boolean', 'undefined'].includes(typeof stamp.root) &&
    isObject(stamp.manifest) &&
    stamp.facts !== undefined &&
    (stamp.undo === undefined || (Array.isArray(stamp.undo) && stamp.undo.every(isKept)))
  );
}

function isKept(value: unknown): value is Kept {
  if (!isObject<Kept>(value)) return false;
  const { kind, why } = value;
  const is = Object.hasOwn(KEPT, String(kind)) && KEPT[kind as Kept['kind']];
  return typeof why === 'string' && is !== false && is(value);
}

const hasPath = ({ path }: { readonly path?: unknown }) => typeof path === 'string';

const KEPT: { readonly [K in Kept['kind']]: (value: Unchecked<Extract<Kept, { kind: K }>>) => boolean } = {
  run: ({ command }) => isObject<Command>(command) && isWords(command.argv),
  write: (value) => hasPath(value) && typeof value.text === 'string' && typeof value.mode === 'number',
  folder: hasPath,
  remove: hasPath,
  unit: ({ unit, state }) =>
    typeof unit === 'string' && ['started', 'restarted', 'stopped'].some((each) => each === state),
  packages: ({ names }) => isWords(names),
  'by-plugin': ({ title }) => typeof title === 'string',
};

function isWords(value: unknown): boolean {
  return Array.isArray(value) && value.every((word) => typeof word === 'string');
}

function isObject<Shape = object>(value: unknown): value is Unchecked<Shape> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
