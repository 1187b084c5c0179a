/** A step on a host: its name, its states, and the only way from one state to another. */
import type { Arch } from './artifact.ts';
import type { Host } from './plugin.ts';
import type { Step } from './step.ts';

/** `host/plugin/step`. */
export type TaskId = string & { readonly [brand]: 'TaskId' };
declare const brand: unique symbol;

const NAME = /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/i;

const LONGEST = 64;

/** What `isName` asks for, in words. */
export const NAMING = `expected at most ${LONGEST} letters, digits, ".", "_" and "-", with a letter or a digit first and last`;

/** The same of a text that is no name. */
export function misnaming(text: string): string {
  const length = text.length > LONGEST ? `${text.length} in ` : '';
  return `${NAMING}, found ${length}${JSON.stringify(text)}`;
}

export function isName(text: string): boolean {
  return NAME.test(text);
}

/** requires: three names; a slash in the id keeps it apart from every key of Object.prototype. */
export function taskId(host: string, plugin: string, step: string): TaskId {
  for (const name of [host, plugin, step]) {
    if (!isName(name)) throw new Error(`"${name}" cannot be part of a task id`);
  }
  return `${host}/${plugin}/${step}` as TaskId;
}

/** The name of the host that a task is on. */
export function hostOf(id: TaskId): string {
  return id.slice(0, id.indexOf('/'));
}

export function isTaskId(text: string): text is TaskId {
  const names = text.split('/');
  return names.length === 3 && names.every(isName);
}

export interface Task {
  readonly id: TaskId;
  readonly host: Host;
  readonly plugin: string;
  readonly epoch: number;
  /** The processor that its artifacts are for. */
  readonly arch: Arch;
  readonly step: Step;
  readonly needs: readonly TaskId[];
  /** Those of the needs that it does without where their host cannot be reached. */
  readonly spares?: readonly TaskId[];
}

export type State =
  | 'waiting'
  | 'ready'
  | 'probing'
  | 'performing'
  | 'proving'
  | 'verified'
  | 'adopted'
  | 'applied'
  | 'failed'
  | 'timed-out'
  | 'interrupted'
  /** Its host, or the agent there, went away under it. */
  | 'lost'
  | 'skipped'
  | 'cancelled';

/** core/README.md draws this table; `moved` is the one setter. */
const NEXT: { readonly [S in State]: readonly State[] } = {
  waiting: ['ready', 'skipped', 'cancelled'],
  ready: ['probing', 'skipped', 'cancelled'],
  // It may have to wait for the turn of its host.
  probing: ['ready', 'verified', 'adopted', 'performing', 'failed', 'timed-out', 'interrupted', 'lost'],
  performing: ['proving', 'failed', 'timed-out', 'interrupted', 'lost'],
  proving: ['applied', 'failed', 'timed-out', 'interrupted', 'lost'],
  verified: [],
  adopted: [],
  applied: [],
  failed: [],
  'timed-out': [],
  interrupted: [],
  lost: [],
  skipped: [],
  cancelled: [],
};

export function moved(from: State, to: State): State {
  if (!NEXT[from].includes(to)) throw new Error(`a task cannot go from ${from} to ${to}`);
  return to;
}

export function isFinal(state: State): boolean {
  return NEXT[state].length === 0;
}

/** The states after which the tasks that need this one may start. */
export function isGood(state: State): boolean {
  return state === 'verified' || state === 'adopted' || state === 'applied';
}
