/** All commands of cc in one table: the parser, the help and docs/commands.md are made from it. */
import type { OptionName } from './options.ts';

/** The options of every command that reads a recipe. */
const RECIPE = ['config', 'recipe', 'set', 'json'] as const;
/** The options that choose tasks, and those that say how they are done. */
const SELECT = ['limit', 'skip'] as const;
const WORKING = ['concurrency', 'on-failure', 'keep-going'] as const;
/** The codes of what is wrong with a command line, a recipe or cc itself. */
const WRONG = [64, 65, 70] as const;
/** The codes of what signals have stopped. */
const STOPPED = [130, 143] as const;

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
  /** How the help writes the words after `--` that are for somebody else; without it they are names. */
  readonly passes?: string;
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
  enter: 'Commands that lead to a host',
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
    does: 'tells what hosts can do, and whether they fit each other, before anything is changed',
    more: [
      'A HOST is what ssh takes: an address, or user@address. cc reads no configuration then. Where QEMU is there, cc boots a kernel in it, which takes some seconds.',
      'Without a HOST, cc looks at the hosts of the configuration by all that "cc run" checks first. Where there is none, or all its hosts are made by the recipe, cc looks at the computer that it runs on.',
      'cc changes nothing. Of several hosts, each listens for at most 5 seconds on ports that nobody uses yet, and the others connect to them.',
    ],
    options: [...RECIPE, 'ask-become-pass'],
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
  ssh: {
    group: 'enter',
    names: { as: 'HOST', least: 1, most: 1, mistake: 'Cannot tell where to: cc ssh takes one host' },
    passes: '[-- COMMAND...]',
    does: 'opens a shell on a host of the recipe, or runs COMMAND there, by the way that cc itself takes',
    more: [
      'HOST is the name of a host, or its address; it may have left the recipe. For the "controller", and for a host with a local connection, the shell is one here.',
      'COMMAND is a program and its words. They arrive as they are: for what a shell does, name a shell (-- sh -c "…").',
      'cc changes nothing itself, and takes no lock. It ends with the exit code of the shell or the COMMAND, or with one of these.',
    ],
    options: ['config', 'recipe', 'set'],
    exits: [0, 1, ...WRONG, 77],
    example: ['cc ssh node-1 -- journalctl -u kubelet', 'prints the log of kubelet on that host'],
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

/** The options of commands that plugins offer; they stand before the command, since what follows is for its program. */
export const OFFERED = ['config', 'recipe', 'set', 'ask-become-pass'] as const;

export type Command = keyof typeof COMMANDS;
/** Those that do something with a recipe; two of them are about a command that a plugin offers. */
export type Verb = Exclude<Command, 'help' | 'version'> | 'offered' | 'offer-help';

/** The same, with every entry seen alike. */
export function shapeOf(command: Command): CommandShape {
  return COMMANDS[command];
}

/** What stands for the names of tasks in the help. */
export const TASK =
  'TASK names a plugin (runc), a step of it (runc/runc), a host (node-1), a plugin on a host (node-1/runc), or one task (node-1/runc/runc): a step on one host. "all" stands for every task.';
