/** What is wrong in what a person wrote, and where it stands. */

/** A place in somebody's code, and the line that stands there. */
export type Place = {
  readonly file: string;
  readonly line: number;
  readonly column?: number;
  readonly source?: string;
};

/** One mistake in a configuration: where in it, what is wrong, and the known name that was probably meant. */
export type Problem = {
  readonly path: string;
  readonly message: string;
  readonly near?: string;
  /** The names that would do. */
  readonly known?: readonly string[];
  /** What to write instead. */
  readonly hint?: string;
  /** What `--set` was given, where it was said so. */
  readonly given?: string;
  readonly at?: Place;
};

/** A task that is needed on a host that the command leaves out, and what it would do there. */
export type LeftOut = {
  readonly kind: 'left-out';
  readonly host: string;
  readonly task: string;
  readonly changes: readonly string[];
};

/** A word that names nothing; `near` is the name that was probably meant. */
export type UnknownName = {
  readonly kind: 'unknown-name';
  readonly what: string;
  readonly name: string;
  readonly near?: string;
  /** Where more is known of it than where names are listed. */
  readonly fix?: string;
};

/** What a plugin brings that cc calls. */
export type PluginCode = 'probe' | 'plan' | 'undo' | 'tells' | 'script' | 'change';

/** A change that is still to be done, and why. */
export type Remaining = { readonly what: string; readonly why: string };
