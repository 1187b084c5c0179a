/** The process: what goes to which stream, and the exit code. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { readFile, readlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';
import { help } from '../../core/cli/help.ts';
import { digestOf } from '../../core/model/digest.ts';
import { lockText } from '../../core/store/lock.ts';
import { CC, CC_LINE, cc, folder, MOD, node, startCc } from '../rig/cc.ts';
import { missing } from '../rig/tools.ts';
import { served } from '../rig/web.ts';
import { notes } from './notes.ts';
import { releases } from './releases.ts';

test('help and version go to standard output', async (t) => {
  const cwd = await folder(t);
  for (const words of [[], ['--help'], ['-h']])
    assert.deepEqual(await cc(cwd, ...words), { code: 0, stdout: help(), stderr: '' });
  const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  for (const words of ['--version', 'version'])
    assert.deepEqual(await cc(cwd, words), { code: 0, stdout: `${version}\n`, stderr: '' });
  for (const words of [
    ['help', 'run'],
    ['run', '--help'],
  ])
    assert.deepEqual(await cc(cwd, ...words), { code: 0, stdout: help('run'), stderr: '' });
});

const REFUSED: readonly (readonly [words: string, code: number, stderr: string])[] = [
  ['rnu all', 64, 'Cannot find command "rnu"\n  did you mean "run"?\n  fix: see: cc --help\n'],
  ['run', 64, 'Cannot run nothing: name a task, a plugin, or all\n  fix: see: cc help run\n'],
  ['run noet', 64, 'Cannot find task "noet"\n  did you mean "note"?\n  fix: see the names: cc list\n'],
  [
    'plan copy/fiel',
    64,
    'Cannot find task "copy/fiel"\n  did you mean "copy/file"?\n  fix: see the names: cc list\n',
  ],
  ['why zzzzzzzzzz', 64, 'Cannot find task "zzzzzzzzzz"\n  fix: see the names: cc list\n'],
  ['list --jsno', 64, 'Cannot find option "--jsno"\n  did you mean "--json"?\n  fix: see: cc --help\n'],
  ['graph --format svg', 64, 'Cannot draw "svg": expected text, dot, mermaid, json\n  fix: see: cc --help\n'],
  [
    'list --format json',
    64,
    'Cannot use --format with cc list: only cc graph takes it\n  fix: see: cc help list\n',
  ],
  [
    'run all --bundle none.tar',
    64,
    'Cannot use --bundle: none of these tasks takes anything from the network\n  fix: see: cc help run\n',
  ],
  [
    'run cleanup --bundle none.tar',
    64,
    'Cannot use --bundle with cleanup: it takes nothing from the network\n  fix: see: cc help run\n',
  ],
  ['run cleanup note', 64, 'Cannot take everything back and run tasks at once\n  fix: see: cc help run\n'],
  ['list --recipe lba', 64, 'Cannot find recipe "lba"\n  did you mean "lab"?\n  fix: see: cc --help\n'],
  ['list --config x.ts', 65, 'Cannot load ~/x.ts\n  there is no such file\n'],
  [
    'list --set note.txt=x --set noet.text=x',
    65,
    'Cannot use the options of the command: 2 mistakes\n' +
      '  --set noet.text=x: the recipe has no such plugin; did you mean "note"?\n' +
      '  --set note.txt=x: is not known; did you mean "text"?\n    known: text\n',
  ],
  [
    'list --set note.text.a=1',
    65,
    'Cannot use the options of the command: 1 mistake\n  --set note.text.a=1: note.text: expected string, found Object\n',
  ],
];

test('what cannot be done is told on standard error, and by the exit code', async (t) => {
  const { run } = await notes(t);
  const ran = await Promise.all(REFUSED.map(([words]) => run(...words.split(' '))));
  for (const [index, [words, code, stderr]] of REFUSED.entries())
    assert.deepEqual(ran[index], { code, stdout: '', stderr }, `cc ${words}`);
});

test('a cycle ends every verb that follows the graph, with its path and exit code 65', async (t) => {
  const cwd = await folder(t, {
    'cc.config.ts': `import { plugin, recipe, step, v } from '${MOD}';
const p = (name: string, needs: string[]) => plugin({ name, help: '', options: v.strictObject({}), build: () => ({
  needs, steps: [step({ name: 's', where: 'controller', root: false, probe: async () => null, plan: () => [] })] }) })();
export default recipe({ name: 'round', plugins: [p('a', ['c']), p('b', ['a']), p('c', ['b'])] });`,
  });
  for (const words of [['plan'], ['status'], ['graph'], ['why', 'a']]) {
    assert.deepEqual(await cc(cwd, ...words), {
      code: 65,
      stdout: '',
      stderr: `Cannot order the tasks: they need each other
  controller/a/s → controller/b/s → controller/c/s → controller/a/s
  fix: remove one of these needs
`,
    });
  }
});

test('a run of a cycle does not begin', async (t) => {
  const cwd = await folder(t, {
    'cc.config.ts': `import { plugin, recipe, step, v } from '${MOD}';
const p = plugin({ name: 'p', help: '', options: v.strictObject({}), build: () => ({ steps: [
  step({ name: 's', needs: ['p'], where: 'controller', root: false, probe: async () => null, plan: () => [] })] }) });
export default recipe({ name: 'round', plugins: [p()] });`,
  });
  assert.deepEqual(await cc(cwd, 'run', 'all'), {
    code: 65,
    stdout: '',
    stderr: `Cannot order the tasks: they need each other
  controller/p/s needs itself
  fix: remove one of these needs
`,
  });
});

test('no configuration at all is told with what to do', async (t) => {
  const cwd = await folder(t, { 'package.json': '{}' });
  assert.deepEqual(await cc(cwd, 'plan'), {
    code: 65,
    stdout: '',
    stderr: `Cannot find a configuration from ${cwd} upwards
  looked for cc.config.{ts,mjs,js,json,yaml} and the "cc" key of package.json
  fix: write cc.config.ts, or name a recipe: --recipe lab
`,
  });
});

test('a shipped recipe without hosts says what to write, and that can be used', async (t) => {
  const cwd = await folder(t);
  const { code, stderr } = await cc(cwd, 'list', '--recipe', 'kata');
  assert.equal(code, 65);
  const [, what, write = ''] = stderr.split('\n').map((line) => line.trim());
  assert.match(what ?? '', /^hosts: the recipe has none, and \d+ steps are for hosts$/);
  const [, config = ''] = /^write: cc\.config\.ts: (export default .*)$/.exec(write) ?? [];
  await writeFile(join(cwd, 'cc.config.ts'), config);
  assert.equal((await cc(cwd, 'list')).code, 0);
});

test('--set of a plugin called __proto__ is not lost', async (t) => {
  const { run } = await notes(t);
  assert.deepEqual(await run('list', '--set', '__proto__.x=1'), {
    code: 65,
    stdout: '',
    stderr:
      'Cannot use the options of the command: 1 mistake\n  --set __proto__.x=1: the recipe has no such plugin\n',
  });
});

/** A recipe whose graph is longer than any pipe. */
const LONG = `import { plugin, recipe, step, v } from '${MOD}';
const p = plugin({ name: 'p', help: '', options: v.strictObject({}), build: () => ({ steps: Array.from({ length: 5000 },
  (_, i) => step({ name: 'step-with-a-long-name-' + i, where: 'controller', root: false,
    probe: async () => null, plan: () => [] })) }) });
export default recipe({ name: 'long', plugins: [p()] });`;

test('nothing is kept where others could put it, and a command that only looks keeps code alone', async (t) => {
  const cwd = await folder(t, { 'cc.config.ts': LONG });
  const own = 'unset NODE_COMPILE_CACHE; mkdir shared cache'; // the tests may have one
  await sh(cwd, `${own}; TMPDIR=$PWD/shared XDG_CACHE_HOME=$PWD/cache '${node()}' '${CC}' list`);
  const { stdout } = await sh(cwd, 'ls shared; cd cache; ls; ls cc');
  assert.equal(stdout, 'cc\ncode\n');
});

test('a reader that leaves early is no failure', async (t) => {
  const cwd = await folder(t, { 'cc.config.ts': LONG });
  const script = `{ ${CC_LINE} graph; echo "$?" >code; } | head -n 1`;
  const { stdout } = await sh(cwd, script);
  assert.match(stdout, /^controller\/p\/step-with-a-long-name-0\n$/);
  assert.equal(await readFile(join(cwd, 'code'), 'utf8'), '0\n');
});

test('a reader of errors that leaves early does not change the exit code', async (t) => {
  const { child, ended } = startCc({}, await folder(t), 'rnu');
  child.stderr?.destroy();
  assert.equal((await ended).code, 64);
});

/** A run that tells that it is at work, and ends when it is asked to. */
const WAITING = `import { built, cmd, plugin, recipe, v } from '${MOD}';
const here = import.meta.dirname;
const p = plugin({ name: 'p', help: '', options: v.strictObject({}), build: () => ({ steps: [
  built({ name: 's', outputs: [here + '/never'], where: 'controller', root: false,
    make: [cmd\`sh -c \${'echo begun >' + here + '/begun; exec sleep 1000'}\`] })] }) });
export default recipe({ name: 'waiting', plugins: [p()] });`;

test('a run whose terminal is closed stops, and writes its journal to the end', {
  skip: missing('script'),
}, async (t) => {
  const cwd = await folder(t, { 'cc.config.ts': WAITING });
  await sh(cwd, 'mkfifo begun ended');
  const env = { PATH: process.env['PATH'], HOME: cwd, XDG_STATE_HOME: join(cwd, 'state'), TERM: 'xterm' };
  const script = `stty cols 80; exec ${CC_LINE} run all 3>ended`;
  const words = ['--quiet', '--command', script, '/dev/null'];
  const terminal = spawn('script', words, { cwd, env, stdio: ['pipe', 'ignore', 'ignore'] });
  const ended = readFile(join(cwd, 'ended'));
  await readFile(join(cwd, 'begun'));
  terminal.kill('SIGKILL');
  await ended;
  const state = join(cwd, 'state/cc/waiting');
  const events = await readFile(join(state, await readlink(join(state, 'latest')), 'events.ndjson'), 'utf8');
  assert.match(events, /"kind":"run-ended".*"exit":130/);
});

test('a run whose output finds no room is done all the same', async (t) => {
  const { cwd } = await notes(t);
  await assert.rejects(sh(cwd, `XDG_STATE_HOME=state ${CC_LINE} run note >/dev/full`), {
    code: 1,
    stderr: /^Cannot write the output on controller: no space is left on the device\n/,
  });
  assert.equal(await readFile(join(cwd, 'note'), 'utf8'), 'one');
  await readlink(join(cwd, 'state/cc/notes/latest')); // the last thing that a run writes
});

/** A recipe whose first look at a host ends cc, and whose second one is not done. */
const ENDING = `import { plugin, recipe, step, v } from '${MOD}';
const p = plugin({ name: 'p', help: '', options: v.strictObject({}), build: () => ({ steps: ['a', 'b'].map((name) =>
  step({ name, where: 'controller', root: false, plan: () => [], probe: () => new Promise((seen) => {
    const alive = setInterval(() => {}, 1000); // a signal that is waited for keeps no process alive
    process.once('SIGTERM', () => seen(clearInterval(alive) ?? null));
    process.kill(process.pid, 'SIGTERM');
  }) })) }) });
export default recipe({ name: 'ending', plugins: [p()] });`;

test('a look that is cut off by a signal says so, and shows nothing of what it found', async (t) => {
  const cwd = await folder(t, { 'cc.config.ts': ENDING });
  for (const words of [['plan'], ['status'], ['why', 'p/a']]) {
    const { code, stdout, stderr } = await cc(cwd, ...words);
    assert.deepEqual([code, stdout], [143, ''], words[0]);
    assert.match(stderr, /^Interrupted by SIGTERM\n/);
  }
});

for (const [signal, code] of [
  ['SIGTERM', 143],
  ['SIGINT', 130],
] as const) {
  test(`lock and bundle that end by ${signal} exit with ${code}`, async (t) => {
    let pid = 0;
    const stop = () => void process.kill(pid, signal); // by child.kill, Deno would report the signal instead of the exit code
    const { url } = await served(t, { '/tool': stop });
    const locked = { url: `${url}/tool`, sha256: digestOf(''), trust: 'sums' } as const;
    const cwd = await folder(t, {
      'cc.config.ts': releases({ tool: `${url}/tool` }),
      'cc.lock': lockText(new Map([['tool', { amd64: locked, arm64: locked }]])),
    });
    for (const words of [
      ['lock', 'tool'],
      ['bundle', 'b.tar'],
    ]) {
      const { child, ended } = startCc({}, cwd, ...words);
      pid = child.pid!; // it can be started
      assert.equal((await ended).code, code, words[0]);
    }
  });
}

test('output reaches a pipe that another program made non-blocking, whole', async (t) => {
  const cwd = await folder(t, { 'cc.config.ts': LONG });
  const [whole, piped] = await Promise.all([
    sh(cwd, `${CC_LINE} graph >whole; cat whole`),
    sh(
      cwd,
      `{ '${node()}' -e 'new (require("net").Socket)({ fd: 1, readable: false })'; ${CC_LINE} graph; } | cat`,
    ),
  ]);
  assert.ok(whole.stdout.length > 200_000);
  assert.equal(piped.stderr, '');
  assert.ok(piped.stdout === whole.stdout);
});

function sh(cwd: string, script: string) {
  return promisify(execFile)('sh', ['-c', script], { cwd, maxBuffer: 1024 ** 3 });
}
