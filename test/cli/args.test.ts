/** What can be typed, every way to mistype it, and the help that comes from the same tables. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { help, parsed, VERBS } from '../../core/cli/args.ts';
import type { Failure } from '../../core/model/failure.ts';
import { failureIn } from '../graph/recipes.ts';

const words = (line: string) => line.split(' ').filter(Boolean);
const plain = {
  keepGoing: false,
  lockTimeout: 0,
  askBecomePass: false,
  accept: false,
  firstUse: false,
  json: false,
};

test('no verb at all means help', () => {
  for (const line of ['', '--json', '-h', '--help', 'run all --help', 'run -h', 'nonsense --help'])
    assert.deepEqual(parsed(words(line)), { kind: 'help' });
});

test('--version is answered whatever else is there', () => {
  for (const line of ['--version', 'run all --version'])
    assert.deepEqual(parsed(words(line)), { kind: 'version' });
});

test('a verb takes names and options in any order', () => {
  assert.deepEqual(
    parsed(words('--json run runc --concurrency 4 crio --set a.b=1 --config f --set c.d=2 --keep-going')),
    {
      kind: 'verb',
      verb: 'run',
      names: ['runc', 'crio'],
      options: {
        ...plain,
        keepGoing: true,
        json: true,
        concurrency: 4,
        set: ['a.b=1', 'c.d=2'],
        config: 'f',
      },
    },
  );
  assert.deepEqual(parsed(words('graph --format=dot --recipe lab')), {
    kind: 'verb',
    verb: 'graph',
    names: [],
    options: { ...plain, format: 'dot', recipe: 'lab' },
  });
});

test('what may be trusted is said word by word', () => {
  assert.deepEqual(parsed(words('lock runc --accept --first-use')), {
    kind: 'verb',
    verb: 'lock',
    names: ['runc'],
    options: { ...plain, accept: true, firstUse: true },
  });
});

test('how long to wait is said in seconds, and that sudo wants a password', () => {
  assert.deepEqual(parsed(words('run all --lock-timeout 1.5 --ask-become-pass')), {
    kind: 'verb',
    verb: 'run',
    names: ['all'],
    options: { ...plain, lockTimeout: 1.5, askBecomePass: true },
  });
});

test('of a repeated option the last one counts', () => {
  assert.deepEqual(parsed(words('plan --config a --config b')), {
    kind: 'verb',
    verb: 'plan',
    names: [],
    options: { ...plain, config: 'b' },
  });
});

test('what follows -- is a name', () => {
  assert.deepEqual(parsed(words('run -- --json')), {
    kind: 'verb',
    verb: 'run',
    names: ['--json'],
    options: plain,
  });
});

const usage = (message: string): Failure => ({ kind: 'usage', message });
const unknown = (what: string, name: string, near?: string): Failure => ({
  kind: 'unknown-name',
  what,
  name,
  ...(near ? { near } : {}),
});
const count = (text: string) => usage(`Cannot run "${text}" tasks at once: expected a whole number from 1`);
const patience = (text: string) => usage(`Cannot wait "${text}" seconds: expected a number from 0`);

const MISTAKES: readonly (readonly [string, Failure])[] = [
  ['run', usage('Cannot run nothing: name a task, a plugin, or all')],
  ['why', usage('Cannot tell which task: cc why takes one')],
  ['why a b', usage('Cannot tell which task: cc why takes one')],
  ['logs', usage('Cannot tell which task: cc logs takes one')],
  ['logs a b', usage('Cannot tell which task: cc logs takes one')],
  ['list a', usage('Cannot list single tasks: cc list takes no names')],
  ['rnu all', unknown('command', 'rnu', 'run')],
  ['zzzzzzzz', unknown('command', 'zzzzzzzz')],
  ['constructor', unknown('command', 'constructor')],
  ['run all --jsno', unknown('option', '--jsno', '--json')],
  ['run all --keep-goign', unknown('option', '--keep-goign', '--keep-going')],
  ['run all --zzzzzzzz=1', unknown('option', '--zzzzzzzz')],
  ['run all --__proto__', unknown('option', '--__proto__')],
  ['run all -x', usage("Cannot read the command: Unknown option '-x'")],
  ['run all --config', usage("Cannot read the command: Option '--config <value>' argument missing")],
  ['run all --json=1', usage("Cannot read the command: Option '--json' does not take an argument")],
  ['run all --concurrency 0', count('0')],
  ['run all --concurrency=-1', count('-1')],
  ['run all --concurrency 1.5', count('1.5')],
  ['run all --concurrency many', count('many')],
  ['run all --concurrency=', count('')],
  ['run all --lock-timeout=-1', patience('-1')],
  ['run all --lock-timeout soon', patience('soon')],
  ['run all --lock-timeout Infinity', patience('Infinity')],
  ['run all --lock-timeout=', patience('')],
];

for (const [line, failure] of MISTAKES) {
  test(`cc ${line} is refused`, () => {
    assert.deepEqual(
      failureIn(() => parsed(words(line))),
      failure,
    );
  });
}

test('an option in place of a value is refused in one line', () => {
  assert.deepEqual(
    failureIn(() => parsed(words('run all --config --json'))),
    usage("Cannot read the command: Option '--config' argument is ambiguous"),
  );
});

test('help names every verb and every option', () => {
  assert.equal(
    help(),
    `cc turns Linux hosts into Kubernetes nodes whose pods run in virtual machines

  cc run TASK...                  make tasks true, with all they need: all, a plugin, plugin/step; cleanup takes everything back
  cc plan [TASK...]               show what run would do; exit 2 when there is something
  cc status [TASK...]             compare the hosts with the recipe; exit 2 on any difference
  cc why TASK                     explain why a task would run, or would not
  cc lock [ARTIFACT...]           write into cc.lock what releases are; with names, fetch these again to see
  cc bundle FILE                  write what the recipe takes from the network into one file, for where there is none
  cc list                         list tasks with what they need
  cc graph [TASK...]              print the graph as text, dot, mermaid or json (--format)
  cc logs TASK                    print the log of the last time a task did something

  --config FILE                   the configuration, instead of the one found from here upwards
  --recipe NAME                   a shipped recipe, or a file, instead of a configuration
  --set PLUGIN.OPTION=VALUE       an option of a plugin; may be repeated
  --concurrency N                 tasks at once (run)
  --keep-going                    after a failure go on with what does not depend on it (run)
  --lock-timeout SECONDS          wait so long for another run that is at work here or on a host (run)
  --ask-become-pass               ask once for the password that sudo wants
  --format FORMAT                 text, dot, mermaid or json (graph)
  --bundle FILE                   take from this file what would come from the network (run)
  --accept                        take bytes that changed behind the address of a named artifact (lock)
  --first-use                     trust the first bytes of what nobody publishes a digest of (lock)
  --json                          print JSON: one document, or one event a line (run)
  --help                          print this help
  --version                       print the version
`,
  );
});

test('every verb can be typed', () => {
  for (const verb of Object.keys(VERBS)) {
    const names = verb === 'list' ? [] : ['x'];
    assert.deepEqual(parsed([verb, ...names]), { kind: 'verb', verb, names, options: plain });
  }
});
