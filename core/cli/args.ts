/** What was typed, by the table of commands: each takes its own options and no others, and none is ignored. */
import { parseArgs } from 'node:util';
import { nearest } from '../graph/near.ts';
import { quoted } from '../model/command.ts';
import { fail } from '../model/failure.ts';
import { isName } from '../model/task.ts';
import type { OnFailure } from '../run/halts.ts';
import { COMMANDS, type Command, OFFERED, shapeOf, type Verb } from './commands.ts';
import { EITHER, flagOf, OPTIONS, type OptionName } from './options.ts';

export interface Options {
  readonly config?: string;
  readonly recipe?: string;
  readonly set?: readonly string[];
  readonly concurrency?: number;
  /** Hosts, roles and labels, between commas. */
  readonly limit?: string;
  /** Names as of tasks, between commas. */
  readonly skip?: string;
  readonly onFailure: OnFailure;
  /** Seconds. */
  readonly lockTimeout: number;
  readonly askBecomePass: boolean;
  readonly format?: GraphFormat;
  readonly bundle?: string;
  readonly accept: boolean;
  readonly firstUse: boolean;
  readonly json: boolean;
}

export type GraphFormat = (typeof OPTIONS.format.oneOf)[number];

export type Typed =
  | { readonly kind: 'help'; readonly command?: Command }
  | { readonly kind: 'version' }
  | {
      readonly kind: 'verb';
      readonly verb: Verb;
      readonly names: readonly string[];
      readonly options: Options;
    };

/** What stands in a word of the command line where its bytes were no UTF-8. */
const REPLACED = '\ufffd';

/** Reads the words after `cc`; fails with `usage` or `unknown-name`, never with a stack trace. */
export function parsed(words: readonly string[]): Typed {
  const garbled = words.find((word) => word.includes(REPLACED));
  if (garbled !== undefined) usage(`Cannot read "${garbled}": it is not UTF-8`);
  const at = commandAt(words);
  if (at < words.length && !isCommand(words[at]!)) return offered(words, at); // it is below their number
  const { values, positionals, tokens } = split(words);
  const [first, ...names] = positionals;
  const command = COMMAND_NAMES.find((name) => name === first);
  if (values.version) return { kind: 'version' };
  if (values.help) return command ? { kind: 'help', command } : { kind: 'help' };
  const given = givenIn(tokens);
  if (command === undefined)
    return given.length === 0 ? { kind: 'help' } : usage('Cannot tell what to do: no command is named');
  counted(command, names, positionals.length - passed(tokens));
  taken(command, shapeOf(command).options, given);
  if (command === 'version') return { kind: 'version' };
  if (command !== 'help') return { kind: 'verb', verb: command, names, options: optionsOf(values) };
  const about = COMMAND_NAMES.find((name) => name === names[0]);
  if (names[0] === undefined || about) return about ? { kind: 'help', command: about } : { kind: 'help' };
  return { kind: 'verb', verb: 'offer-help', names, options: optionsOf(values) };
}

const COMMAND_NAMES = Object.keys(COMMANDS) as Command[];

/** Where the command stands, behind options of cc and their values; at the end where there is none. */
function commandAt(words: readonly string[]): number {
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at]!; // below their number
    if (word === '--') return at + 1;
    if (word === '-' || !word.startsWith('-')) return at;
    if (takesNext(word)) at += 1;
  }
  return words.length;
}

/** `--config`, and not `--config=FILE`. */
function takesNext(word: string): boolean {
  const name = word.slice(2);
  return Object.hasOwn(OPTIONS, name) && OPTIONS[name as OptionName].type === 'string'; // it is one of them
}

/** A command that cc does not have, and a plugin may offer: what follows is for its program. */
function offered(words: readonly string[], at: number): Typed {
  const [name = '', ...rest] = words.slice(at);
  if (!isName(name)) fail({ kind: 'unknown-name', what: 'command', name });
  const { values, tokens } = split(words.slice(0, at));
  if (values.version) return { kind: 'version' };
  const given = givenIn(tokens);
  const options = optionsOf(values);
  if (values.help) return { kind: 'verb', verb: 'offer-help', names: [name], options };
  taken(name, OFFERED, given);
  return { kind: 'verb', verb: 'offered', names: [name, ...rest], options };
}

/** An option as it stands in the command line; `parseArgs` knows no others. */
interface Given {
  readonly name: OptionName;
  readonly value?: string;
}

function givenIn(tokens: ReturnType<typeof split>['tokens']): readonly Given[] {
  return tokens.flatMap((token) => (token.kind === 'option' ? [token as Given] : [])); // of a name that is known
}

/** How many words stand after `--`. */
function passed(tokens: ReturnType<typeof split>['tokens']): number {
  const end = tokens.findIndex(({ kind }) => kind === 'option-terminator');
  return end < 0 ? 0 : tokens.length - end - 1;
}

/** `open` words of the line stand before `--`, the command among them. */
function counted(command: Command, all: readonly string[], open: number): void {
  const { names: shape, passes } = shapeOf(command);
  const names = passes === undefined ? all : all.slice(0, Math.max(open - 1, 0));
  if (passes !== undefined && names.length > shape.most) {
    const [name, ...words] = all.map(quoted);
    usage(`${shape.mistake}; to run a command there: cc ${command} ${name} -- ${words.join(' ')}`, command);
  }
  if (names.length < shape.least || names.length > shape.most) usage(shape.mistake, command);
  if (names.includes('')) usage(`Cannot use an empty name with cc ${command}`, command);
}

/** Refuses options of other commands, and those of which one would have no effect. */
function taken(command: string, options: readonly OptionName[], given: readonly Given[]): void {
  for (const { name, value } of given) {
    if (!options.includes(name)) usage(`Cannot use --${name} with cc ${command}: ${takersOf(name)}`, command);
    if (value === '') usage(`Cannot use --${name} without a value: expected ${flagOf(name)}`, command);
    if ((name === 'limit' || name === 'skip') && value !== undefined) listed(name, value, command);
  }
  const told = given.flatMap(({ name, value }) => {
    if (value === undefined) return [];
    return 'multiple' in OPTIONS[name] ? `--${name} ${value.split('=', 1)[0]}` : `--${name}`;
  });
  const twice = told.find((each, index) => told.indexOf(each) < index);
  if (twice) usage(`Cannot tell which ${twice} is meant: it is given more than once`, command);
  const both = EITHER.find((pair) => pair.every((name) => given.some((each) => each.name === name)));
  if (both) usage(`Cannot use --${both[0]} and --${both[1]} at once: give one of them`, command);
}

/** A comma with nothing before or behind it is a slip: of a shell's variable that is empty, maybe. */
function listed(name: OptionName, value: string, command: string): void {
  const words = value.split(',').map((word) => word.trim());
  const whole = words.filter((word) => word !== '');
  if (whole.length === words.length) return;
  const way = whole.length === 0 ? flagOf(name) : `--${name} ${whole.join(',')}`;
  usage(`Cannot use --${name} "${value}": a word is missing beside a comma; write ${way}`, command);
}

function takersOf(name: OptionName): string {
  const takers = (Object.keys(COMMANDS) as Command[]).filter((each) => shapeOf(each).options.includes(name));
  const last = takers.at(-1);
  return takers.length === 1
    ? `only cc ${last} takes it`
    : `only cc ${takers.slice(0, -1).join(', ')} and ${last} take it`;
}

function optionsOf(values: ReturnType<typeof split>['values']): Options {
  const {
    'keep-going': keepGoing = false,
    'on-failure': onFailure = keepGoing ? 'continue' : 'finish',
    'first-use': firstUse = false,
    'lock-timeout': lockTimeout = '0',
    'ask-become-pass': askBecomePass = false,
    accept = false,
    json = false,
  } = values;
  const { bundle, concurrency, config, limit, skip, recipe, set, format } = values;
  return {
    onFailure: halting(onFailure),
    accept,
    firstUse,
    lockTimeout: seconds(lockTimeout),
    askBecomePass,
    json,
    ...(bundle === undefined ? {} : { bundle }),
    ...(config === undefined ? {} : { config }),
    ...(limit === undefined ? {} : { limit }),
    ...(skip === undefined ? {} : { skip }),
    ...(recipe === undefined ? {} : { recipe }),
    ...(set === undefined ? {} : { set }),
    ...(format === undefined ? {} : { format: drawn(format) }),
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
    return parseArgs({
      args: [...words],
      options: OPTIONS,
      allowPositionals: true,
      strict: true,
      tokens: true,
    });
  } catch (error) {
    return usage(
      `Cannot read the command: ${error instanceof Error ? error.message.split(/[.\n]/)[0] : error}`,
    );
  }
}

function drawn(text: string): GraphFormat {
  const { oneOf } = OPTIONS.format;
  return (
    oneOf.find((format) => format === text) ?? usage(`Cannot draw "${text}": expected ${oneOf.join(', ')}`)
  );
}

function halting(text: string): OnFailure {
  const { oneOf } = OPTIONS['on-failure'];
  return (
    oneOf.find((each) => each === text) ??
    usage(`Cannot "${text}" on a failure: expected ${oneOf.join(', ')}`, 'run')
  );
}

/** Decimal digits alone: `1e9` and `0x10` are slips more often than numbers. */
function places(text: string): number {
  return /^[1-9]\d{0,2}$|^1000$/.test(text)
    ? Number(text)
    : usage(`Cannot run "${text}" tasks at once: expected a whole number from 1 to 1000`);
}

function seconds(text: string): number {
  return /^\d{1,9}(\.\d+)?$/.test(text)
    ? Number(text)
    : usage(`Cannot wait "${text}" seconds: expected a number from 0, in digits`);
}

function isCommand(word: string): word is Command {
  return Object.hasOwn(COMMANDS, word);
}

export function usage(message: string, command?: string): never {
  return fail({ kind: 'usage', message, ...(command ? { command } : {}) });
}
