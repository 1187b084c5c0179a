/** All options of cc: what they are called, and what they do. */

export const OPTIONS = {
  config: {
    type: 'string',
    value: 'FILE',
    does: 'reads the configuration FILE. Without it, cc looks for a configuration in the current folder and the folders above it',
  },
  recipe: {
    type: 'string',
    value: 'NAME',
    does: 'uses a recipe that cc brings, or the recipe in the file NAME, in place of a configuration',
  },
  set: {
    type: 'string',
    multiple: true,
    value: 'PLUGIN.OPTION=VALUE',
    does: 'changes one option of a plugin for this command. A list or an object is JSON. You can repeat it',
  },
  concurrency: {
    type: 'string',
    value: 'N',
    does: 'works on at most N tasks at once, from 1 to 1000. Without it, the recipe decides',
  },
  'on-failure': {
    type: 'string',
    value: 'WHAT',
    oneOf: ['stop', 'finish', 'continue'],
    does: 'says what still starts after a failure: nothing (stop), all on other hosts (finish, the default), or all that does not need the failed task (continue). "cleanup" always continues',
  },
  'keep-going': { type: 'boolean', does: 'the same as --on-failure continue' },
  limit: {
    type: 'string',
    value: 'HOST|ROLE|LABEL',
    does: 'chooses hosts by name, role or label (KEY=VALUE); several with commas. Other hosts stay as they are: what is needed there is looked at. For "cleanup", a HOST may have left the recipe',
  },
  skip: {
    type: 'string',
    value: 'HOST|TASK',
    does: 'leaves out hosts and tasks by their names, several with commas. What is needed on such a host is looked at; a task that others need cannot be left out',
  },
  'lock-timeout': {
    type: 'string',
    value: 'SECONDS',
    does: 'waits at most SECONDS for another run on this recipe or on one of its hosts. Without it, cc does not wait',
  },
  'ask-become-pass': {
    type: 'boolean',
    does: 'asks you once, on the terminal, for the password of sudo',
  },
  format: {
    type: 'string',
    value: 'FORMAT',
    oneOf: ['text', 'dot', 'mermaid', 'json'],
    does: 'prints the graph as text (the default), dot, mermaid or json',
  },
  bundle: {
    type: 'string',
    value: 'FILE',
    does: 'takes from FILE, which "cc bundle" wrote, what the tasks would download',
  },
  accept: {
    type: 'boolean',
    does: 'accepts the new bytes of the named artifacts, although their address is the same',
  },
  'first-use': {
    type: 'boolean',
    does: 'trusts the first bytes that arrive, where the makers publish no digest',
  },
  json: {
    type: 'boolean',
    does: 'prints JSON: one document, or one event on each line for "cc run"',
  },
  help: { type: 'boolean', short: 'h', does: 'prints the help of the command' },
  version: { type: 'boolean', does: 'prints the version of cc' },
} as const;

export type OptionName = keyof typeof OPTIONS;

/** An option as it is typed: `--config FILE`. */
export function flagOf(name: OptionName): string {
  const option = OPTIONS[name];
  return `--${name}${'value' in option ? ` ${option.value}` : ''}`;
}

/** Options that say different things about the same. */
export const EITHER: readonly (readonly [OptionName, OptionName])[] = [
  ['config', 'recipe'],
  ['json', 'format'],
  ['keep-going', 'on-failure'],
];
