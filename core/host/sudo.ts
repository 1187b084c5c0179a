/** Becoming root: without a password, or with one that was asked for at the start. */

export interface Become {
  /** undefined: sudo must want none. */
  readonly password?: string | undefined;
}

/** Words before those that root is to run, and what to say when sudo asks. `nonce` keeps its prompt from being anybody else's. */
export function sudo({ password }: Become, nonce: string) {
  if (password === undefined) return { words: ['sudo', '-n', '--'], password: undefined };
  const prompt = `${nonce}-password`;
  // -k: it always asks, so that a password is never sent to whatever else reads.
  return { words: ['sudo', '-k', '-S', '-p', prompt, '--'], password: { prompt, text: password } };
}
