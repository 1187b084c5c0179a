/** What was typed: one table of commands and options, read by the parser and by the help. */
import { parseArgs } from 'node:util';
import { nearest } from '../graph/near.ts';
import { fail } from '../model/failure.ts';

export const VERBS = {
  run: {
    names: 'TASK...',
    help: 'make tasks true, with all they need: all, a plugin, plugin/step; cleanup takes everything back',
  },
  plan: { names: '[TASK...]', help: 'show what run would do; exit 2 when there is something' },
  status: { names: '[TASK...]', help: 'compare the hosts with the recipe; exit 2 on any difference' },
  why: { names: 'TASK', help: 'explain why a task would run, or would not' },
  lock: {
    names: '[ARTIFACT...]',
    help: 'write into cc.lock what releases are; with names, fetch these again to see',
  },
  bundle: {
    names: 'FILE',
    help: 'write what the recipe takes from the network into one file, for where there is none',
  },
  list: { names: '', help: 'list tasks with what they need' },
  graph: { names: '[TASK...]', help: 'print the graph as text, dot, mermaid or json (--format)' },
  logs: { names: 'TASK', help: 'print the log of the last time a task did something' },
} as const;

export type Verb = keyof typeof VERBS;

const OPTIONS = {
  config: {
    type: 'string',
    value: 'FILE',
    help: 'the configuration, instead of the one found from here upwards',
  },
  recipe: { type: 'string', value: 'NAME', help: 'a shipped recipe, or a file, instead of a configuration' },
  set: {
    type: 'string',
    multiple: true,
    value: 'PLUGIN.OPTION=VALUE',
    help: 'an option of a plugin; may be repeated',
  },
  concurrency: { type: 'string', value: 'N', help: 'tasks at once (run)' },
  'keep-going': { type: 'boolean', help: 'after a failure go on with what does not depend on it (run)' },
  'lock-timeout': {
    type: 'string',
    value: 'SECONDS',
    help: 'wait so long for another run that is at work here or on a host (run)',
  },
  'ask-become-pass': { type: 'boolean', help: 'ask once for the password that sudo wants' },
  format: { type: 'string', value: 'FORMAT', help: 'text, dot, mermaid or json (graph)' },
  bundle: {
    type: 'string',
    value: 'FILE',
    help: 'take from this file what would come from the network (run)',
  },
  accept: { type: 'boolean', help: 'take bytes that changed behind the address of a named artifact (lock)' },
  'first-use': { type: 'boolean', help: 'trust the first bytes of what nobody publishes a digest of (lock)' },
  json: { type: 'boolean', help: 'print JSON: one document, or one event a line (run)' },
  help: { type: 'boolean', short: 'h', help: 'print this help' },
  version: { type: 'boolean', help: 'print the version' },
} as const;

export interface Options {
  readonly config?: string;
  readonly recipe?: string;
  readonly set?: readonly string[];
  readonly concurrency?: number;
  readonly keepGoing: boolean;
  /** Seconds. */
  readonly lockTimeout: number;
  readonly askBecomePass: boolean;
  readonly format?: string;
  readonly bundle?: string;
  readonly accept: boolean;
  readonly firstUse: boolean;
  readonly json: boolean;
}

export type Typed =
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  | {
      readonly kind: 'verb';
      readonly verb: Verb;
      readonly names: readonly string[];
      readonly options: Options;
    };

/** Reads the words after `cc`; fails with `usage` or `unknown-name`, never with a stack trace. */
export function parsed(words: readonly string[]): Typed {
  const { values, positionals } = split(words);
  if (values.help) return { kind: 'help' };
  if (values.version) return { kind: 'version' };
  const [verb, ...names] = positionals;
  if (verb === undefined) return { kind: 'help' };
  if (!isVerb(verb)) {
    const near = nearest(verb, Object.keys(VERBS));
    return fail({ kind: 'unknown-name', what: 'command', name: verb, ...(near ? { near } : {}) });
  }
  if (verb === 'run' && names.length === 0) usage('Cannot run nothing: name a task, a plugin, or all');
  if ((verb === 'why' || verb === 'logs') && names.length !== 1)
    usage(`Cannot tell which task: cc ${verb} takes one`);
  if (verb === 'bundle' && names.length !== 1) usage('Cannot tell where to: cc bundle takes one file');
  if (verb === 'list' && names.length > 0) usage('Cannot list single tasks: cc list takes no names');
  return { kind: 'verb', verb, names, options: optionsOf(values) };
}

function optionsOf(values: ReturnType<typeof split>['values']): Options {
  const {
    'keep-going': keepGoing = false,
    'first-use': firstUse = false,
    'lock-timeout': lockTimeout = '0',
    'ask-become-pass': askBecomePass = false,
    accept = false,
    json = false,
  } = values;
  const { bundle, concurrency, config, recipe, set, format } = values;
  return {
    keepGoing,
    accept,
    firstUse,
    lockTimeout: seconds(lockTimeout),
    askBecomePass,
    json,
    ...(bundle === undefined ? {} : { bundle }),
    ...(config === undefined ? {} : { config }),
    ...(recipe === undefined ? {} : { recipe }),
    ...(set === undefined ? {} : { set }),
    ...(format === undefined ? {} : { format }),
    ...(concurrency === undefined ? {} : { concurrency: places(concurrency) }),
  };
}

function split(words: readonly string[]) {
  for (const word of words) {
    if (word === '--') break;
    const name = /^--([^=]+)/.exec(word)?.[1];
    if (name === undefined || Object.hasOwn(OPTIONS, name)) continue;
    const near = nearest(name, Object.keys(OPTIONS));
    fail({ kind: 'unknown-name', what: 'option', name: `--${name}`, ...(near ? { near: `--${near}` } : {}) });
  }
  try {
    return parseArgs({ args: [...words], options: OPTIONS, allowPositionals: true, strict: true });
  } catch (error) {
    return usage(
      `Cannot read the command: ${error instanceof Error ? error.message.split(/[.\n]/)[0] : error}`,
    );
  }
}

function places(text: string): number {
  const count = Number(text);
  return Number.isInteger(count) && count > 0
    ? count
    : usage(`Cannot run "${text}" tasks at once: expected a whole number from 1`);
}

function seconds(text: string): number {
  const count = Number(text);
  return text !== '' && count >= 0 && Number.isFinite(count)
    ? count
    : usage(`Cannot wait "${text}" seconds: expected a number from 0`);
}

function isVerb(word: string): word is Verb {
  return Object.hasOwn(VERBS, word);
}

export function usage(message: string): never {
  return fail({ kind: 'usage', message });
}

/** The help, from the same tables. */
export function help(): string {
  const verbs = Object.entries(VERBS).map(([verb, { names, help }]) => row(`cc ${verb} ${names}`, help));
  const options = Object.entries(OPTIONS).map(([name, option]) =>
    row(`--${name}${'value' in option ? ` ${option.value}` : ''}`, option.help),
  );
  return [
    'cc turns Linux hosts into Kubernetes nodes whose pods run in virtual machines',
    '',
    ...verbs,
    '',
    ...options,
    '',
  ].join('\n');
}

function row(left: string, right: string): string {
  return `  ${left.padEnd(30)}  ${right}`;
}
