/** The table of commands as text for a terminal, and as a page. */
import type { Offered } from '../graph/offers.ts';
import { firstReached } from '../report/words.ts';
import { COMMANDS, type Command, GROUPS, OFFERED, shapeOf, TASK } from './commands.ts';
import { EXITS } from './exits.ts';
import { flagOf, OPTIONS, type OptionName } from './options.ts';

const ALL = Object.keys(COMMANDS) as Command[];

const OFFERED_EXITS = [1, 64, 65, 70, 77];

/** What every command takes. */
const ALWAYS: readonly OptionName[] = ['help', 'version'];

const ABOUT = [
  'cc turns a Linux host into a Kubernetes node, proves that it works, and can remove everything again.',
  'A recipe declares what should be: hosts, plugins and their options. A configuration (cc.config.ts) holds one. cc compares the hosts with it, and changes only what differs.',
];

/** All commands, or one with its options. */
export function help(command?: Command): string {
  return command === undefined ? overview() : page(command);
}

function overview(): string {
  const groups = Object.entries(GROUPS).flatMap(([group, title]) => [
    `${title}:`,
    ...rows(
      ALL.filter((each) => shapeOf(each).group === group).map((each) => [callOf(each), shapeOf(each).does]),
    ),
    '',
  ]);
  return lines([
    ...ABOUT.flatMap((text) => wrapped(text, '')),
    '',
    'Usage: cc COMMAND [NAMES] [OPTIONS]',
    '',
    ...groups,
    ...wrapped(TASK, ''),
    'The options of a command: cc help COMMAND. A recipe may offer more commands: cc list',
    '',
    'Exit codes:',
    ...rows(Object.entries(EXITS)),
    '',
    'Example:',
    ...exampleOf('run'),
  ]);
}

function page(command: Command): string {
  const { does, more, options, exits, names, passes = '' } = shapeOf(command);
  const call = ['cc', command, names.as, options.length > 0 ? '[OPTIONS]' : '', passes];
  return lines([
    `Usage: ${call.filter(Boolean).join(' ')}`,
    '',
    ...wrapped(`cc ${command} ${does}.`, ''),
    ...more.flatMap((text) => wrapped(text, '')),
    ...(names.as.includes('TASK') ? wrapped(TASK, '') : []),
    '',
    'Options:',
    ...optionRows(options),
    '',
    'Exit codes:',
    ...exitRows(exits),
    '',
    'Example:',
    ...exampleOf(command),
  ]);
}

function optionRows(options: readonly OptionName[]): readonly string[] {
  return rows([...options, ...ALWAYS].map((name) => [shortOf(name) + flagOf(name), OPTIONS[name].does]));
}

function exitRows(exits: readonly number[]): readonly string[] {
  return rows(exits.map((code) => [`${code}`, EXITS[code] ?? '']));
}

/** The help of a command that a plugin offers. */
export function offerPage(offered: Offered, recipe: string): string {
  const { plugin, offer } = offered;
  const { name, does, takes = '' } = offer;
  const about = `The plugin "${plugin}" of the recipe "${recipe}" offers it. Its program runs as root${offer.here ? '' : ', with your terminal,'} on ${whereOf(offered)}. All words after "${name}" are for it, so options of cc stand before "${name}".`;
  return lines([
    `Usage: ${['cc', '[OPTIONS]', name, takes].filter(Boolean).join(' ')}`,
    '',
    ...wrapped(`cc ${name} ${does}.`, ''),
    ...wrapped(about, ''),
    '',
    'Options:',
    ...optionRows(OFFERED),
    '',
    'Exit codes:',
    ...wrapped('That of the program, or one of these:', ''),
    ...exitRows(OFFERED_EXITS),
  ]);
}

/** On which of its hosts its program runs. */
export function whereOf({ host, others }: Offered): string {
  return firstReached([host, ...others.map((way) => way.host)].map(({ name }) => name));
}

/** The page docs/commands.md. */
export function markdown(): string {
  const sections = Object.entries(GROUPS).flatMap(([group, title]) => [
    `## ${title}`,
    '',
    ...ALL.filter((each) => shapeOf(each).group === group).flatMap(section),
  ]);
  return lines([
    '# Commands',
    '',
    '<!-- npm run docs writes this page from core/cli/commands.ts -->',
    '',
    ...ABOUT,
    '',
    `${TASK} After \`--\` every word is a name, or is for COMMAND where a command takes one. Every command takes \`--help\` (\`-h\`) and \`--version\`.`,
    '',
    ...sections,
    '## Commands that recipes offer',
    '',
    'Plugins of a recipe may offer further commands. `cc list` names them at its end, and `cc help NAME` tells what one does.',
    '',
    '## Exit codes',
    '',
    ...table(['code', 'means'], Object.entries(EXITS)),
  ]);
}

function section(command: Command): readonly string[] {
  const { does, more, options, exits, example } = shapeOf(command);
  const [line, effect] = example;
  return [
    `### \`${callOf(command)}\``,
    '',
    [`\`cc ${command}\` ${does}.`, ...more].join(' '),
    '',
    ...(options.length === 0
      ? []
      : [
          ...table(
            ['option', 'does'],
            options.map((name) => [`\`${flagOf(name)}\``, OPTIONS[name].does]),
          ),
          '',
        ]),
    `It ends with one of these codes: ${exits.join(', ')}. Example: \`${line}\` ${effect}.`,
    '',
  ];
}

function table(
  head: readonly [string, string],
  body: readonly (readonly [string, string])[],
): readonly string[] {
  const cells = [head, ...body].map((row) => row.map((text) => text.replaceAll('|', '\\|')));
  const widths = [0, 1].map((column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const rule = widths.map((width) => '-'.repeat(width));
  const [first, ...others] = cells;
  return [first ?? [], rule, ...others].map(
    (row) => `| ${row.map((text, column) => text.padEnd(widths[column] ?? 0)).join(' | ')} |`,
  );
}

function callOf(command: Command): string {
  const { names, passes = '' } = shapeOf(command);
  return ['cc', command, names.as, passes].filter(Boolean).join(' ');
}

function shortOf(name: OptionName): string {
  const option = OPTIONS[name];
  return 'short' in option ? `-${option.short}, ` : '';
}

function exampleOf(command: Command): readonly string[] {
  const [line, does] = shapeOf(command).example;
  return [`  ${line}`, `      ${does}`];
}

/** Columns of a terminal that everybody has. */
const WIDTH = 100;
const LEFT = 28;

/** Two columns; a left side that is too long stands on a line of its own. */
function rows(pairs: readonly (readonly [string, string])[]): readonly string[] {
  const width = Math.min(LEFT, Math.max(...pairs.map(([left]) => left.length)));
  return pairs.flatMap(([left, right]) => {
    const [first = '', ...others] = wrapped(right, ' '.repeat(width + 4));
    if (left.length > width) return [`  ${left}`, first, ...others];
    return [`  ${left.padEnd(width)}  ${first.trimStart()}`, ...others];
  });
}

function wrapped(text: string, indent: string): readonly string[] {
  const made: string[] = [];
  let line = indent;
  for (const word of text.split(' ')) {
    if (line.length + word.length >= WIDTH && line.trim() !== '') {
      made.push(line.trimEnd());
      line = indent;
    }
    line += `${word} `;
  }
  return [...made, line.trimEnd()];
}

function lines(all: readonly string[]): string {
  return `${all.join('\n').trimEnd()}\n`;
}
