/** What the exit codes of cc mean, for the help and docs/commands.md. */
export const EXITS: Readonly<Record<number, string>> = {
  0: 'done, or nothing differs',
  1: 'a task failed, or cc could not find out how things are',
  2: '"cc plan" and "cc status": "cc run" would change something',
  64: 'the command line is wrong, or names something unknown',
  65: 'cc refuses the configuration, cc.lock, an archive, a bundle, a signature or a host of another site; bytes differ from cc.lock; or cc cannot write a file',
  70: 'cc itself has a bug; the message says what to send to its makers',
  75: 'another run is at work on this recipe or on one of its hosts, or somebody else is installing packages',
  77: 'cc cannot become root, cannot work on a host, lacks a program, or cannot install a package; or Node or Deno is too old',
  130: 'SIGINT (Ctrl-C) or SIGHUP stopped cc; the next run goes on from there',
  143: 'SIGTERM stopped cc; the next run goes on from there',
};
