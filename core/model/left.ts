/** What stays of cc on a host because nobody can tell how to take it back. */

/** What only code of a plugin can take back, and the recipe has that plugin no more. */
export type NoWayBack = {
  readonly kind: 'no-way-back';
  readonly host: string;
  readonly task: string;
  readonly plugin: string;
  readonly what: readonly string[];
};

/** Records of tasks that nobody can read; `gone`: cleanup has taken them away, and its log has what they say. */
export type TornRecords = {
  readonly kind: 'torn-records';
  readonly host: string;
  readonly records: readonly string[];
  readonly gone: boolean;
};

/** A command that a stamp keeps, to take a task back, and that fails. */
export type NotUndone = {
  readonly kind: 'not-undone';
  readonly host: string;
  readonly task: string;
  readonly command: string;
  readonly code: number | null;
  readonly signal: string | null;
  readonly stderr: string;
};
