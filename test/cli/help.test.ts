/** The help and the page of commands: whole, true to the table, and as wide as a terminal. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { COMMANDS, type Command, shapeOf } from '../../core/cli/commands.ts';
import { EXITS } from '../../core/cli/exits.ts';
import { help, markdown } from '../../core/cli/help.ts';
import { OPTIONS } from '../../core/cli/options.ts';
import { EXIT } from '../../core/model/failure.ts';

const ALL = Object.keys(COMMANDS) as Command[];

test('the help of a command is exactly this', () => {
  assert.equal(
    help('graph'),
    `Usage: cc graph [TASK...] [OPTIONS]

cc graph prints which tasks need which others.
With a TASK, cc prints this task and all that it needs. cc looks at no host for this.
TASK names a plugin (runc), a step of it (runc/runc), a host (node-1), a plugin on a host
(node-1/runc), or one task (node-1/runc/runc): a step on one host. "all" stands for every task.

Options:
  --config FILE              reads the configuration FILE. Without it, cc looks for a configuration
                             in the current folder and the folders above it
  --recipe NAME              uses a recipe that cc brings, or the recipe in the file NAME, in place
                             of a configuration
  --set PLUGIN.OPTION=VALUE  changes one option of a plugin for this command. A list or an object
                             is JSON. You can repeat it
  --json                     prints JSON: one document, or one event on each line for "cc run"
  --limit HOST|ROLE|LABEL    chooses hosts by name, role or label (KEY=VALUE); several with commas.
                             Other hosts stay as they are: what is needed there is looked at. For
                             "cleanup", a HOST may have left the recipe
  --skip HOST|TASK           leaves out hosts and tasks by their names, several with commas. What
                             is needed on such a host is looked at; a task that others need cannot
                             be left out
  --format FORMAT            prints the graph as text (the default), dot, mermaid or json
  -h, --help                 prints the help of the command
  --version                  prints the version of cc

Exit codes:
  0   done, or nothing differs
  1   a task failed, or cc could not find out how things are
  64  the command line is wrong, or names something unknown
  65  cc refuses the configuration, cc.lock, an archive, a bundle, a signature or a host of another
      site; bytes differ from cc.lock; or cc cannot write a file
  70  cc itself has a bug; the message says what to send to its makers
  77  cc cannot become root, cannot work on a host, lacks a program, or cannot install a package;
      or Node or Deno is too old

Example:
  cc graph --format dot
      prints the graph for Graphviz to draw
`,
  );
});

test('the help names every command, and the help of each its options, codes and an example', () => {
  const { length } = ALL.filter((command) => help().includes(`\n  cc ${command}`));
  assert.equal(length, ALL.length);
  for (const command of ALL) {
    const text = help(command);
    for (const name of shapeOf(command).options) assert.match(text, new RegExp(`^  --${name}\\b`, 'm'));
    for (const code of shapeOf(command).exits) assert.match(text, new RegExp(`^  ${code} +\\S`, 'm'));
    assert.ok(text.endsWith(`\n      ${shapeOf(command).example[1]}\n`));
  }
});

test('no line of any help is wider than a hundred columns, or ends in a space', () => {
  for (const text of [help(), ...ALL.map((command) => help(command))])
    assert.deepEqual(
      text.split('\n').filter((line) => line.length > 100 || line.endsWith(' ')),
      [],
    );
});

test('every exit code that a failure has is explained, and no other', () => {
  const codes = new Set([0, 2, 143, ...Object.values(EXIT)]); // 143 is what SIGTERM makes of 130
  assert.deepEqual(
    Object.keys(EXITS).map(Number),
    [...codes].toSorted((a, b) => a - b),
  );
});

test('every option is taken by a command, but for those that all take', () => {
  const taken = new Set(ALL.flatMap((command) => shapeOf(command).options));
  const others = Object.keys(OPTIONS).filter((name) => !taken.has(name as keyof typeof OPTIONS));
  assert.deepEqual(others, ['help', 'version']);
});

test('the page has a section for each command, with its options', () => {
  const sections = markdown().split('\n### ').slice(1);
  assert.deepEqual(
    sections.map((text) => /^`cc (\w+)/.exec(text)?.[1]),
    ALL,
  );
  for (const [index, command] of ALL.entries())
    assert.deepEqual(
      [...(sections[index] ?? '').matchAll(/^\| `--([\w-]+)/gm)].map(([, name]) => name),
      shapeOf(command).options,
    );
});
