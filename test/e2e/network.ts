/** Network namespaces in which a test does something. */

/** Words that run a program, in the namespace that a file names, where one is given. */
export function inside(network: string | undefined, argv: readonly string[]): readonly string[] {
  return network === undefined ? argv : ['nsenter', `--net=${network}`, '--', ...argv];
}
