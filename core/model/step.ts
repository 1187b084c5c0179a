/** One thing that should be true on a host: how to see it, what would make it true, how to take it back. */
import type { Artifact, Need } from './artifact.ts';
import type { Change } from './change.ts';
import type { Json } from './json.ts';
import type { Inputs } from './secret.ts';
import type { Pending, Turn } from './turn.ts';
import type { View } from './view.ts';

/**
 * On which hosts a step is a task. `hosts` are all hosts of the recipe, without the controller, where cc runs. What a host
 * gets is what its plugin was built with for the host's processor; on the controller a step whose inputs or artifacts differ
 * from processor to processor is a task for each. A role that is `optional` may have no host: then there is no task, and what
 * needs it waits for nothing. So may a recipe that has no host but the first one of a role.
 */
export type Where =
  | 'hosts'
  | 'controller'
  | { readonly role: string; readonly optional?: true }
  | { readonly firstOf: string }
  | { readonly butFirstOf: string };

/** Whether a recipe may have no host for it. */
export function isOptional(where: Where | undefined): boolean {
  if (typeof where !== 'object') return false;
  return 'butFirstOf' in where || ('role' in where && where.optional === true);
}

/** What is remembered of the last time a step was applied. */
export interface Last {
  /** True when this very declaration was the last one applied, or has just been performed. */
  readonly current: boolean;
  /** Why it is not current, in words: `never applied`, `inputs.version: 1.1 → 1.2`. */
  readonly why: string;
  /** True when the last application began and did not end well. */
  readonly unfinished: boolean;
  /** The facts that the last application ended with; undefined when there was none or it has just been performed. */
  readonly facts: Json | undefined;
  /** For a step that opens a turn: what would disturb its host in it. For one that disturbs by paths, in a plan: what would change these. */
  readonly pending?: readonly Pending[];
}

/** What is taken back beside a task: a node that leaves a cluster is another matter than one whose cluster goes with it. */
export interface Undoing {
  /** The hosts of the recipe that keep what they have. */
  readonly staying: readonly { readonly name: string; readonly roles: readonly string[] }[];
}

export interface StepSpec<Facts extends Json> {
  readonly name: string;
  readonly where?: Where;
  /** True: every other task on its host waits for it, because it may refuse the host as it is. */
  readonly first?: boolean;
  /** Exactly what it waits for. Default: the step before it, and for a first step what its plugin needs. */
  readonly needs?: readonly Need[];
  /**
   * What it waits for on all hosts, and does without where a host cannot be reached: others have the same, or it is about what is
   * there. None of it is in the version stamp.
   */
  readonly spares?: readonly Need[];
  /**
   * What else belongs in the version stamp; the artifacts, the needs' results and the platform always do. Of a secret it has
   * what tells whether it changed.
   */
  readonly inputs?: Inputs;
  readonly artifacts?: readonly Artifact[];
  /**
   * Paths and units that it is about: none of them is taken back for another task as long as this one is declared. The
   * ready-made steps name theirs.
   */
  readonly claims?: readonly string[];
  /**
   * Names of steps of its plugin whose work on the same host this one goes on with, as declared today: a host that joined a cluster
   * may be its first one now. Nothing that they did is taken back.
   */
  readonly heirOf?: readonly string[];
  /** Named resources that only one task may use at a time on a host: `apt`. */
  readonly locks?: readonly string[];
  /** A role whose hosts do it one after the other, because they are members of one thing. */
  readonly oneByOne?: string;
  /** False: done as the user who runs cc. Default: as root. */
  readonly root?: boolean;
  /** Seconds that the host may take to look right after the changes; default 10. */
  readonly settles?: number;
  /** Seconds that the changes may take together; default 1800. */
  readonly timeout?: number;
  /** A check proves something and leaves nothing; it runs again whenever something before it changed. */
  readonly check?: boolean;
  /** What it is where hosts take turns. */
  readonly turn?: Turn;
  probe(view: View): Promise<Facts>;
  /** What `cc doctor` finds in its place: what would be too much to ask in every run. */
  examine?(view: View): Promise<Facts>;
  plan(facts: Facts, last: Last): readonly Change[];
  undo?(facts: Facts, undoing: Undoing): readonly Change[];
  /**
   * Scripts that take it back as far as other hosts have it, where its own cannot be reached and is taken back all the same. They
   * start on the controller.
   */
  undoElsewhere?(host: string, undoing: Undoing): readonly Change[];
  /** What undoing leaves to something else, and why, for a notice. */
  leaves?(facts: Facts, undoing: Undoing): string | undefined;
  /** True: taken back before all other tasks of its host. */
  readonly undoFirst?: boolean;
  /** A step of its plugin: where cc has made what that is about, this one takes its part of it back, although it was never applied. */
  readonly partOf?: string;
  /** Fails where taking it back would harm what stays. All tasks are asked before anything is taken back. */
  beforeUndo?(view: View, undoing: Undoing): Promise<void>;
  /** What the facts mean to people, in lines: `cc doctor` prints them, and `cc status` where it is as declared. */
  tells?(facts: Facts): readonly string[];
  /** For a step that opens a turn: whether its host is in one that an earlier run began and did not end. */
  isInside?(facts: Facts): boolean;
}

/** A step whose facts are its own business. */
export type Step = Omit<StepSpec<Json>, 'plan' | 'undo' | 'leaves' | 'tells' | 'isInside'> & {
  plan(facts: Json, last: Last): readonly Change[];
  undo?(facts: Json, undoing: Undoing): readonly Change[];
  leaves?(facts: Json, undoing: Undoing): string | undefined;
  tells?(facts: Json): readonly string[];
  isInside?(facts: Json): boolean;
};

/** Hides the type of a step's facts: only the step reads what its own probe wrote. */
export function step<Facts extends Json>(spec: StepSpec<Facts>): Step {
  return spec as unknown as Step; // sound because the engine only hands back what this spec's probe returned
}
