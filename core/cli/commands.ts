/** All commands and options of cc in one table: the parser, the help and docs/commands.md are made from it. */

/** The options of every command that reads a recipe. */
const RECIPE = ['config', 'recipe', 'set', 'json'] as const;
/** The options that choose tasks, and those that say how they are done. */
const SELECT = ['limit', 'skip'] as const;
const WORKING = ['concurrency', 'on-failure', 'keep-going'] as const;
/** The codes of what is wrong with a command line, a recipe or cc itself. */
const WRONG = [64, 65, 70] as const;
/** The codes of what signals have stopped. */
const STOPPED = [130, 143] as const;

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
    value: 'TASK',
    does: 'leaves out tasks by their names, several with commas. What other tasks need cannot be left out',
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

/** What a command is called with, what it does, and what it answers. */
interface CommandShape {
  readonly group: Group;
  /** How many names it takes, how the help writes them, and what is said of any other number. */
  readonly names: {
    readonly as: string;
    readonly least: number;
    readonly most: number;
    readonly mistake: string;
  };
  /** One line. */
  readonly does: string;
  /** Further sentences. */
  readonly more: readonly string[];
  readonly options: readonly OptionName[];
  readonly exits: readonly number[];
  readonly example: readonly [line: string, does: string];
}

export const GROUPS = {
  change: 'Commands that change hosts',
  look: 'Commands that only look',
  prepare: 'Commands that write a file',
  about: 'Commands about cc itself',
} as const;

type Group = keyof typeof GROUPS;

const ANY = Number.POSITIVE_INFINITY;

export const COMMANDS = {
  run: {
    group: 'change',
    names: {
      as: 'TASK...',
      least: 1,
      most: ANY,
      mistake: 'Cannot run nothing: name a task, a plugin, or all',
    },
    does: 'makes the hosts as the recipe declares: the named tasks, and the tasks that they need',
    more: [
      'cc looks first, and does only what differs. After each change it looks again, to prove the result.',
      '"cc run cleanup" removes everything that cc placed on the hosts, and proves that it is gone.',
    ],
    options: [...RECIPE, 'bundle', ...WORKING, ...SELECT, 'lock-timeout', 'ask-become-pass'],
    exits: [0, 1, ...WRONG, 75, 77, ...STOPPED],
    example: ['cc run all --keep-going', 'sets up everything, and goes on after a failure'],
  },
  forget: {
    group: 'change',
    names: { as: 'TASK', least: 1, most: 1, mistake: 'Cannot tell which task: cc forget takes one' },
    does: 'gives up the commands that take a task back, where they cannot be run any more',
    more: [
      'What they would have removed may stay on the host. Files and units of the task are still taken back.',
      'Here TASK is the whole name of one task, which may have left the recipe.',
    ],
    options: [...RECIPE, 'lock-timeout', 'ask-become-pass'],
    exits: [0, 1, ...WRONG, 75, 77, ...STOPPED],
    example: ['cc forget node-1/odd/made', 'gives up what "cc run" could not take back'],
  },
  plan: {
    group: 'look',
    names: { as: '[TASK...]', least: 0, most: ANY, mistake: '' },
    does: 'shows what "cc run" would change, and why',
    more: ['cc changes nothing. Without a TASK, it looks at all tasks.'],
    options: [...RECIPE, ...SELECT, 'ask-become-pass'],
    exits: [0, 1, 2, ...WRONG, 77, ...STOPPED],
    example: ['cc plan', 'shows what "cc run all" would change'],
  },
  status: {
    group: 'look',
    names: { as: '[TASK...]', least: 0, most: ANY, mistake: '' },
    does: 'compares the hosts with the recipe, and shows each difference',
    more: ['cc changes nothing. Without a TASK, it looks at all tasks.'],
    options: [...RECIPE, ...SELECT, 'ask-become-pass'],
    exits: [0, 1, 2, ...WRONG, 77, ...STOPPED],
    example: ['cc status --json', 'prints the state of every task as one JSON document'],
  },
  doctor: {
    group: 'look',
    names: { as: '[HOST...]', least: 0, most: ANY, mistake: '' },
    does: 'tells what a host can do, such as to run virtual machines, and which recipe fits it',
    more: [
      'A HOST is what ssh takes: an address, or user@address. Without one, cc looks at the computer that it runs on.',
      'cc reads no configuration and changes nothing. Where QEMU is there, cc boots a kernel in it, which takes some seconds.',
    ],
    options: ['json', 'ask-become-pass'],
    exits: [0, 1, ...WRONG, 77, ...STOPPED],
    example: ['cc doctor root@192.0.2.7', 'tells what this host can do'],
  },
  why: {
    group: 'look',
    names: { as: 'TASK', least: 1, most: 1, mistake: 'Cannot tell which task: cc why takes one' },
    does: 'explains why "cc run" would run a task, or would not',
    more: [],
    options: [...RECIPE, ...SELECT, 'ask-become-pass'],
    exits: [0, 1, ...WRONG, 77, ...STOPPED],
    example: ['cc why runc', 'explains each task of the plugin "runc"'],
  },
  list: {
    group: 'look',
    names: { as: '', least: 0, most: 0, mistake: 'Cannot list single tasks: cc list takes no names' },
    does: 'lists the tasks of the recipe by plugin',
    more: ['cc looks at no host for this.'],
    options: [...RECIPE, ...SELECT],
    exits: [0, 1, ...WRONG, 77],
    example: ['cc list --recipe lab', 'lists the tasks of a recipe that cc brings'],
  },
  graph: {
    group: 'look',
    names: { as: '[TASK...]', least: 0, most: ANY, mistake: '' },
    does: 'prints which tasks need which others',
    more: ['With a TASK, cc prints this task and all that it needs. cc looks at no host for this.'],
    options: [...RECIPE, ...SELECT, 'format'],
    exits: [0, 1, ...WRONG, 77],
    example: ['cc graph --format dot', 'prints the graph for Graphviz to draw'],
  },
  logs: {
    group: 'look',
    names: { as: 'TASK', least: 1, most: 1, mistake: 'Cannot tell which task: cc logs takes one' },
    does: 'prints the log of a task: what it did and printed when it last did something',
    more: [
      'A line that the task printed begins with "| ". A line that cc wrote begins with "#" or "$".',
      'cc shows control characters as \\u001b, also in a pipe. With --json the text is exactly that of the log.',
    ],
    options: [...RECIPE, ...SELECT],
    exits: [0, 1, ...WRONG, 77],
    example: ['cc logs runc', 'prints the logs of the plugin "runc"'],
  },
  lock: {
    group: 'prepare',
    names: { as: '[ARTIFACT...]', least: 0, most: ANY, mistake: '' },
    does: 'writes into cc.lock the digest of each release and image of the recipe, and who vouches for it',
    more: [
      'cc asks the makers for their checksums, and a mirror only if the makers do not answer. cc verifies signatures where a plugin holds the keys of the makers.',
      'An ARTIFACT is the name of a release or an image. cc fetches the named ones again and compares.',
    ],
    options: [...RECIPE, 'accept', 'first-use'],
    exits: [0, 1, ...WRONG, 77, ...STOPPED],
    example: [
      'cc lock --first-use',
      'locks everything, and trusts what arrives now where nobody publishes a digest',
    ],
  },
  bundle: {
    group: 'prepare',
    names: { as: 'FILE', least: 1, most: 1, mistake: 'Cannot tell where to: cc bundle takes one file' },
    does: 'writes what the recipe downloads into FILE, for "cc run --bundle" where there is no network',
    more: [
      'If the recipe uses Debian packages, cc first runs the tasks that find out which Debian archive to use.',
    ],
    options: [...RECIPE, 'lock-timeout', 'ask-become-pass'],
    exits: [0, 1, ...WRONG, 75, 77, ...STOPPED],
    example: ['cc bundle site.tar', 'writes site.tar, which you carry to a place without a network'],
  },
  help: {
    group: 'about',
    names: { as: '[COMMAND]', least: 0, most: 1, mistake: 'Cannot help with several: name one command' },
    does: 'prints the commands, or the help of one of them',
    more: [],
    options: [],
    exits: [0, 64],
    example: ['cc help run', 'prints the options of "cc run"'],
  },
  version: {
    group: 'about',
    names: { as: '', least: 0, most: 0, mistake: 'Cannot take names: cc version takes none' },
    does: 'prints the version of cc',
    more: [],
    options: [],
    exits: [0, 64],
    example: ['cc version', 'prints a number'],
  },
} as const satisfies Readonly<Record<string, CommandShape>>;

export type Command = keyof typeof COMMANDS;
/** Those that do something with a recipe. */
export type Verb = Exclude<Command, 'help' | 'version'>;

/** The same, with every entry seen alike. */
export function shapeOf(command: Command): CommandShape {
  return COMMANDS[command];
}

/** What stands for the names of tasks in the help. */
export const TASK =
  'TASK names a plugin (runc), a step of it (runc/runc), a host (node-1), a plugin on a host (node-1/runc), or one task (node-1/runc/runc): a step on one host. "all" stands for every task.';
