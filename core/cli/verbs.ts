/** Where each command is done. All but the most used are loaded when asked for, because start-up is a feature. */
import type { Options } from './args.ts';
import type { Verb } from './commands.ts';
import type { CliContext } from './project.ts';
import { run } from './run.ts';

type Command = (names: readonly string[], options: Options, cli: CliContext) => Promise<number>;

export const VERBS: { readonly [V in Verb]: () => Promise<Command> } = {
  run: async () => run,
  forget: async () => (await import('./forget.ts')).forget,
  plan: async () => (await import('./survey.ts')).plan,
  status: async () => (await import('./survey.ts')).status,
  why: async () => (await import('./survey.ts')).why,
  doctor: async () => (await import('./doctor.ts')).doctor,
  ssh: async () => (await import('./ssh.ts')).ssh,
  offered: async () => (await import('./offered.ts')).offered,
  'offer-help': async () => (await import('./offered.ts')).offerHelp,
  lock: async () => (await import('./lock.ts')).lock,
  bundle: async () => (await import('./bundle.ts')).bundle,
  list: async () => (await import('./read.ts')).list,
  graph: async () => (await import('./read.ts')).graph,
  logs: async () => (await import('./read.ts')).logs,
};
