/** What can be typed, and every way to mistype it: no option is accepted and ignored. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { parsed } from '../../core/cli/args.ts';
import { COMMANDS, type Command, shapeOf } from '../../core/cli/commands.ts';
import { OPTIONS, type OptionName } from '../../core/cli/options.ts';
import type { Failure } from '../../core/model/failure.ts';
import { failureIn } from '../graph/recipes.ts';

const words = (line: string) => line.split(' ').filter(Boolean);
const plain = {
  onFailure: 'finish',
  lockTimeout: 0,
  askBecomePass: false,
  accept: false,
  firstUse: false,
  json: false,
};

test('help is asked for in many ways', () => {
  for (const line of ['', '-h', '--help', 'help']) assert.deepEqual(parsed(words(line)), { kind: 'help' });
  for (const line of ['help run', 'run all --help', 'run -h', '-h run', 'run --help'])
    assert.deepEqual(parsed(words(line)), { kind: 'help', command: 'run' }, line);
  for (const command of ['help', 'version', 'list'])
    assert.deepEqual(parsed(['help', command]), { kind: 'help', command });
});

test('the version is answered whatever else is there', () => {
  for (const line of ['version', '--version', 'run all --version'])
    assert.deepEqual(parsed(words(line)), { kind: 'version' });
});

test('a verb takes names and options in any order', () => {
  assert.deepEqual(
    parsed(
      words('--json run runc --concurrency 4 crio --set a.b=1 --config f --set c.d=2 --keep-going --json'),
    ),
    {
      kind: 'verb',
      verb: 'run',
      names: ['runc', 'crio'],
      options: {
        ...plain,
        onFailure: 'continue',
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

test('what a failure keeps from starting is one option, and its short form', () => {
  for (const [line, onFailure] of [
    ['run all', 'finish'],
    ['run all --on-failure stop', 'stop'],
    ['run all --on-failure=finish', 'finish'],
    ['run all --on-failure continue', 'continue'],
    ['run all --keep-going', 'continue'],
  ] as const) {
    const typed = parsed(words(line));
    assert.equal(typed.kind === 'verb' && typed.options.onFailure, onFailure, line);
  }
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

test('what follows -- is a name', () => {
  assert.deepEqual(parsed(words('run -- --json')), {
    kind: 'verb',
    verb: 'run',
    names: ['--json'],
    options: plain,
  });
});

test('what follows -- is for the command that ssh is given, with or without options of cc before it', () => {
  const ssh = (names: readonly string[], more = {}) => ({
    ...{ kind: 'verb', verb: 'ssh', names, options: { ...plain, ...more } },
  });
  assert.deepEqual(parsed(words('ssh w-1')), ssh(['w-1']));
  assert.deepEqual(parsed(words('ssh w-1 --')), ssh(['w-1']));
  assert.deepEqual(
    parsed([...words('ssh --recipe lab w-1 -- ls --recipe x -l --help --'), '']),
    ssh(['w-1', 'ls', '--recipe', 'x', '-l', '--help', '--', ''], { recipe: 'lab' }),
  );
  assert.deepEqual(parsed(words('ssh w-1 --help')), { kind: 'help', command: 'ssh' });
});

test('a command that cc does not have gets all words behind it, and options of cc stand before it', () => {
  const offered = (names: readonly string[], more = {}) => ({
    ...{ kind: 'verb', verb: 'offered', names, options: { ...plain, ...more } },
  });
  const all = ['kubectl', 'get', '--recipe', 'x', '-A', '-o', 'wide', '--', '--help', ''];
  assert.deepEqual(parsed(all), offered(all));
  for (const before of [['--recipe', 'lab'], ['--recipe=lab'], ['--recipe', 'lab', '--']])
    assert.deepEqual(parsed([...before, ...all]), offered(all, { recipe: 'lab' }));
  assert.deepEqual(
    parsed(words('--ask-become-pass --set a.b=run kubectl')),
    offered(['kubectl'], { askBecomePass: true, set: ['a.b=run'] }),
  );
  for (const line of ['rnu all', 'constructor', 'nonsense --help'])
    assert.deepEqual(parsed(words(line)), offered(words(line)));
  for (const line of ['help kubectl', '-h kubectl', '--help kubectl get'])
    assert.deepEqual(
      parsed(words(line)),
      { kind: 'verb', verb: 'offer-help', names: ['kubectl'], options: plain },
      line,
    );
  assert.deepEqual(parsed(words('--version kubectl')), { kind: 'version' });
});

const usage = (message: string, command?: string): Failure => ({
  kind: 'usage',
  message,
  ...(command ? { command } : {}),
});
const unknown = (what: string, name: string, near?: string): Failure => ({
  kind: 'unknown-name',
  what,
  name,
  ...(near ? { near } : {}),
});
const count = (text: string) =>
  usage(`Cannot run "${text}" tasks at once: expected a whole number from 1 to 1000`);
const patience = (text: string) =>
  usage(`Cannot wait "${text}" seconds: expected a number from 0, in digits`);

const MISTAKES: readonly (readonly [string, Failure])[] = [
  ['run', usage('Cannot run nothing: name a task, a plugin, or all', 'run')],
  ['why', usage('Cannot tell which task: cc why takes one', 'why')],
  ['why a b', usage('Cannot tell which task: cc why takes one', 'why')],
  ['logs', usage('Cannot tell which task: cc logs takes one', 'logs')],
  ['logs a b', usage('Cannot tell which task: cc logs takes one', 'logs')],
  ['run \ufffd', usage('Cannot read "\ufffd": it is not UTF-8')],
  ['list --set a.b=\ufffdx', usage('Cannot read "a.b=\ufffdx": it is not UTF-8')],
  ['list a', usage('Cannot list single tasks: cc list takes no names', 'list')],
  ...(
    [
      ['ssh a b', 'b'],
      ['ssh a b -- c d', 'b c d'],
    ] as const
  ).map(([line, words]) => {
    const way = `to run a command there: cc ssh a -- ${words}`;
    return [line, usage(`Cannot tell where to: cc ssh takes one host; ${way}`, 'ssh')] as const;
  }),
  ...['ssh', 'ssh -- a', '-- ssh a'].map(
    (line) => [line, usage('Cannot tell where to: cc ssh takes one host', 'ssh')] as const,
  ),
  ['-', unknown('command', '-')],
  ['a/b c', unknown('command', 'a/b')],
  ['--jsno kubectl', unknown('option', '--jsno', '--json')],
  ['--config kubectl', usage('Cannot tell what to do: no command is named')],
  ['--format dot kubectl', usage('Cannot use --format with cc kubectl: only cc graph takes it', 'kubectl')],
  [
    '--config a --recipe b kubectl',
    usage('Cannot use --config and --recipe at once: give one of them', 'kubectl'),
  ],
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
  ['run all --concurrency 1e9', count('1e9')],
  ['run all --concurrency 0x10', count('0x10')],
  ['run all --concurrency 1001', count('1001')],
  [
    'run all --concurrency=',
    usage('Cannot use --concurrency without a value: expected --concurrency N', 'run'),
  ],
  ['run all --lock-timeout=-1', patience('-1')],
  ['run all --lock-timeout soon', patience('soon')],
  ['run all --lock-timeout Infinity', patience('Infinity')],
  ['run all --lock-timeout 1e3', patience('1e3')],
  [
    'run all --lock-timeout=',
    usage('Cannot use --lock-timeout without a value: expected --lock-timeout SECONDS', 'run'),
  ],
  ...(
    [
      ['list --limit w-3,', 'limit', 'w-3,', '--limit w-3'],
      ['list --limit a,,b', 'limit', 'a,,b', '--limit a,b'],
      ['list --limit ,', 'limit', ',', '--limit HOST|ROLE|LABEL'],
      ['list --skip ,p', 'skip', ',p', '--skip p'],
    ] as const
  ).map(([line, name, value, way]) => {
    const why = 'a word is missing beside a comma';
    return [line, usage(`Cannot use --${name} "${value}": ${why}; write ${way}`, 'list')] as const;
  }),
  ['list --config=', usage('Cannot use --config without a value: expected --config FILE', 'list')],
  [
    'plan --config a --config b',
    usage('Cannot tell which --config is meant: it is given more than once', 'plan'),
  ],
  [
    'plan --set a.b=1 --set a.c=1 --set a.b=2',
    usage('Cannot tell which --set a.b is meant: it is given more than once', 'plan'),
  ],
  ['plan --config a --recipe b', usage('Cannot use --config and --recipe at once: give one of them', 'plan')],
  ['graph --json --format dot', usage('Cannot use --json and --format at once: give one of them', 'graph')],
  ['graph --format svg', usage('Cannot draw "svg": expected text, dot, mermaid, json')],
  ['graph --format constructor', usage('Cannot draw "constructor": expected text, dot, mermaid, json')],
  ['list --format json', usage('Cannot use --format with cc list: only cc graph takes it', 'list')],
  ['list --keep-going', usage('Cannot use --keep-going with cc list: only cc run takes it', 'list')],
  ['run all --on-failure kill', usage('Cannot "kill" on a failure: expected stop, finish, continue', 'run')],
  [
    'run all --on-failure stop --keep-going',
    usage('Cannot use --keep-going and --on-failure at once: give one of them', 'run'),
  ],
  [
    'list --lock-timeout 1',
    usage('Cannot use --lock-timeout with cc list: only cc run, forget and bundle take it', 'list'),
  ],
  [
    'logs a --ask-become-pass',
    usage(
      'Cannot use --ask-become-pass with cc logs: only cc run, forget, plan, status, doctor, why and bundle take it',
      'logs',
    ),
  ],
  ['--recipe lab', usage('Cannot tell what to do: no command is named')],
  ['help list run', usage('Cannot help with several: name one command', 'help')],
  ['version 2', usage('Cannot take names: cc version takes none', 'version')],
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

test('words of nothing and of spaces are no numbers and no commands', () => {
  assert.deepEqual(
    failureIn(() => parsed(['run', 'all', '--concurrency', ' 5'])),
    count(' 5'),
  );
  assert.deepEqual(
    failureIn(() => parsed([''])),
    unknown('command', ''),
  );
  assert.deepEqual(
    failureIn(() => parsed(['run', ''])),
    usage('Cannot use an empty name with cc run', 'run'),
  );
});

test('the smallest and the largest numbers are taken', () => {
  const typed = (line: string) => {
    const all = parsed(words(line));
    return all.kind === 'verb' ? all.options : undefined;
  };
  assert.equal(typed('run all --concurrency 1')?.concurrency, 1);
  assert.equal(typed('run all --concurrency 1000')?.concurrency, 1000);
  assert.equal(typed('run all --lock-timeout 0')?.lockTimeout, 0);
});

/** Each command with as many names as it wants. */
const CALLS = Object.keys(COMMANDS).map((command) => {
  const { least, most } = shapeOf(command as Command).names;
  return { command: command as Command, call: [command, ...(most === 0 ? [] : Array(least || 1).fill('x'))] };
});

/** A value that is not the default. */
const valueFor = (option: (typeof OPTIONS)[OptionName]): readonly string[] =>
  'oneOf' in option ? option.oneOf.slice(-1) : 'value' in option ? ['1'] : [];

for (const { command, call } of CALLS.filter(({ command }) => !['help', 'version'].includes(command))) {
  test(`cc ${command} takes the options that its help names, and refuses all others by name`, () => {
    for (const [name, option] of Object.entries(OPTIONS)) {
      if (name === 'help' || name === 'version') continue;
      const given = [...call, `--${name}`, ...valueFor(option)];
      if (shapeOf(command).options.includes(name as OptionName)) {
        const typed = parsed(given);
        assert.equal(typed.kind, 'verb');
        assert.notDeepEqual(typed.kind === 'verb' && typed.options, plain, `--${name} changes nothing`);
      } else {
        const failure = failureIn(() => parsed(given));
        assert.ok(failure.kind === 'usage');
        assert.match(
          failure.message,
          new RegExp(`^Cannot use --${name} with cc ${command}: only cc .* takes? it$`),
        );
      }
    }
  });
}
