/** What the engine says while it works; reporters turn it into text, `--json` prints it as it is. */
import type { Difference } from './difference.ts';
import type { Attempt, Failure } from './failure.ts';
import type { Json } from './json.ts';
import type { State, TaskId } from './task.ts';

/** Why a task had something to do. */
export type Reason = {
  readonly kind:
    | 'new'
    | 'drifted'
    | 'changed'
    | 'interrupted'
    | 'failed-before'
    /** Others would disturb its host: it is as it was declared itself. */
    | 'turn'
    | 'undo'
    | 'undeclared';
  readonly details: readonly Detail[];
};

/** What differs from the last application, or what a change is for in the words of its plugin. */
export type Detail = Difference | string;

export type Counts = { readonly [S in State]?: number };

/** A host with tasks that did not end well: how many are left, of how many. */
export type Behind = { readonly host: string; readonly left: number; readonly of: number };

/** Hosts that take turns: whose turn ended well, whose did not, and whose never began because of that. */
export type Rolled = {
  readonly done: readonly string[];
  readonly inside: readonly string[];
  readonly left: readonly string[];
};

/** Times are milliseconds; `at` counts from the start of the run. */
export type Event =
  | {
      readonly kind: 'run-started';
      readonly run: string;
      readonly verb: string;
      readonly recipe: string;
      /** The configuration that is used. */
      readonly config?: string;
      readonly tasks: readonly TaskId[];
      readonly logs: string;
    }
  | {
      readonly kind: 'task';
      readonly at: number;
      readonly id: TaskId;
      readonly state: State;
      readonly took?: number;
      readonly reason?: Reason;
      readonly because?: TaskId;
      readonly failure?: Failure;
      readonly report?: Json;
    }
  | {
      readonly kind: 'change';
      readonly at: number;
      readonly id: TaskId;
      readonly what: string;
      readonly why: string;
    }
  /** A command of a change, as it can be pasted. */
  | { readonly kind: 'command'; readonly at: number; readonly id: TaskId; readonly command: string }
  | { readonly kind: 'output'; readonly id: TaskId; readonly text: string }
  | { readonly kind: 'notice'; readonly id: TaskId; readonly text: string }
  /** An address would not do; the next one is tried, or the same once more. */
  | { readonly kind: 'attempt'; readonly id: TaskId; readonly attempt: Attempt }
  /** Bytes that have arrived, a few times a second; for the moment only, so no record keeps it. */
  | { readonly kind: 'progress'; readonly id: TaskId; readonly done: number; readonly total?: number }
  | {
      readonly kind: 'run-ended';
      readonly took: number;
      readonly counts: Counts;
      readonly path: readonly { readonly id: TaskId; readonly took: number }[];
      /** Where tasks are on several hosts. */
      readonly behind?: readonly Behind[];
      /** Where a turn did not end well. */
      readonly rolled?: Rolled;
      readonly exit: number;
      readonly logs: string;
    };

export type Emit = (event: Event) => void;
