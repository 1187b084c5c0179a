/** A terminal of any kind: what it is told, and that nobody but cc moves its cursor. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import test from 'node:test';
import { cc, ccWith, folder, MOD } from '../rig/cc.ts';
import { onTerminal } from '../rig/terminal.ts';
import { missing } from '../rig/tools.ts';

const skip = missing('script');

/** A command that clears the screen, sets a title and goes back to the start of the line, before it fails. */
const HOSTILE = `import { built, cmd, plugin, recipe, v } from '${MOD}';
const here = import.meta.dirname;
const p = plugin({ name: 'p', help: '', options: v.strictObject({}), build: () => ({ steps: [
  built({ name: 'bad', outputs: [here + '/never'], where: 'controller', root: false,
    make: [cmd\`sh -c \${String.raw\`printf '\\033[2J\\033]0;title\\007no\\ryes \\342\\200\\256txet\\n\\302\\2332J' | tee /dev/stderr; exit 3\`}\`] })] }) });
export default recipe({ name: 'hostile', plugins: [p()] });`;

const SAID = '\\u001b[2J\\u001b]0;title\\u0007no\\u000dyes \\u202etxet\n';
const LAST = '\\u009b2J';

test('what a command says reaches a pipe as signs, the log as it was, and JSON unchanged', async (t) => {
  const cwd = await folder(t, { 'cc.config.ts': HOSTILE });
  const { code, stdout } = await cc(cwd, 'run', 'all');
  assert.equal(code, 1);
  assert.ok(stdout.includes(`\n    | ${SAID}    | ${LAST}\n`), stdout);
  const logged = await cc(cwd, 'logs', 'p/bad');
  assert.ok(logged.stdout.includes(`\n| ${SAID}| ${LAST}`), logged.stdout);
  const json = JSON.parse((await cc(cwd, 'logs', 'p/bad', '--json')).stdout) as [{ text: string }];
  assert.ok(json[0].text.includes('\x1b[2J\x1b]0;title\x07no\ryes \u202etxet\n| \u009b2J'));
});

test('what a command says does not clear a terminal', { skip }, async (t) => {
  const cwd = await folder(t, { 'cc.config.ts': HOSTILE });
  const shown = await onTerminal(cwd, {}, 'run', 'all');
  assert.ok(shown.includes(`\n    | ${SAID}    | ${LAST}\n`), shown);
  for (const sequence of ['\x1b[2J', '\x1b]', '\x07', '\u202e', '\u009b'])
    assert.ok(!shown.includes(sequence), sequence);
});

test('what another run wrote about itself is one line without control characters', async (t) => {
  const stat = await readFile(`/proc/${process.pid}/stat`, 'utf8');
  const owner = {
    pid: process.pid,
    started: stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19],
    boot: (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim(),
    run: '1',
    command: 'cc run\x1b[2J\n✔ all is well',
    since: '2026',
    user: 'me\u202e',
    from: 'here',
  };
  const cwd = await folder(t, {
    'cc.config.ts': HOSTILE,
    'state/cc/hostile/hold': JSON.stringify(owner),
  });
  const { code, stderr } = await cc(cwd, 'run', 'all', '--lock-timeout', '0.5');
  const line = (indent: string) =>
    `cc run\\u001b[2J\n${indent}✔ all is well (me\\u202e on here, pid ${process.pid}, run 1), since 2026\n`;
  assert.equal(code, 75);
  assert.ok(stderr.startsWith(`waiting up to 0.5 s for this recipe: ${line('    ')}`), stderr);
  assert.ok(stderr.includes(`\n  ${line('      ')}`), stderr);
});

/** Some tasks that succeed, one after another. */
const CALM = `import { plugin, recipe, v, written } from '${MOD}';
const here = import.meta.dirname;
const p = plugin({ name: 'p', help: '', options: v.strictObject({}), build: () => ({ steps: ['a', 'b', 'c'].map((name) =>
  written(name, { name, path: here + '/' + name, where: 'controller', root: false })) }) });
export default recipe({ name: 'calm', plugins: [p()] });`;

const timeless = (text: string) =>
  text
    .replaceAll(/\b(\d+ ms|\d+\.\d s)\b/g, 'TIME')
    .replaceAll(/\d{8}-\d{6}-\d+/g, 'RUN')
    .replaceAll(/^critical path .*\n/gm, '');

const STILL: readonly Readonly<Record<string, string>>[] = [
  { TERM: 'dumb' },
  { TERM: '' },
  { CI: 'true' },
  { CI: '1', FORCE_COLOR: '1' },
];

for (const env of STILL) {
  test(`a terminal with ${JSON.stringify(env)} gets the lines that a pipe gets, and no more`, {
    skip,
  }, async (t) => {
    const [one, other] = await Promise.all([0, 1].map(() => folder(t, { 'cc.config.ts': CALM })));
    const piped = await ccWith({ FORCE_COLOR: '1' }, one!, 'run', 'all');
    const shown = await onTerminal(other!, env, 'run', 'all');
    assert.equal(timeless(shown.replaceAll(other!, '~')), timeless(piped.stdout.replaceAll(one!, '~')));
    assert.equal(piped.stdout.split('\n').filter((line) => line.startsWith('✔')).length, 3);
    assert.equal(piped.stderr, '');
  });
}

const MOVING: readonly (readonly [env: Readonly<Record<string, string>>, coloured: boolean])[] = [
  [{}, true],
  [{ NO_COLOR: '' }, true],
  [{ CI: 'false' }, false], // what draws the line takes any CI for one without colours
  [{ NO_COLOR: '1' }, false],
  [{ NO_COLOR: '1', FORCE_COLOR: '1' }, false],
  [{ FORCE_COLOR: '0' }, false],
];

for (const [env, coloured] of MOVING) {
  test(`a terminal with ${JSON.stringify(env)} has a moving line, ${coloured ? 'in' : 'without'} colour`, {
    skip,
  }, async (t) => {
    const shown = await onTerminal(await folder(t, { 'cc.config.ts': CALM }), env, 'run', 'all');
    assert.ok(shown.includes('\x1b[?25l'), 'its cursor is not hidden');
    assert.ok(shown.includes('\x1b[?25h'), 'its cursor stays hidden');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the sequence that sets a colour
    assert.equal(/\x1b\[[\d;]*m/.test(shown), coloured);
  });
}

/** A promise that fails where nobody waits for it, while the line moves. */
const STRAY = `import { plugin, recipe, step, v } from '${MOD}';
const p = plugin({ name: 'p', help: '', options: v.strictObject({}), build: () => ({ steps: [
  step({ name: 's', where: 'controller', root: false, plan: () => [], probe: async () => {
    const failed = new Promise((heard) => process.prependOnceListener('unhandledRejection', () => setImmediate(heard)));
    const alive = setInterval(() => {}, 1000); // a promise keeps no process alive
    void Promise.reject(new Error('lost'));
    await failed;
    clearInterval(alive);
    return null;
  } })] }) });
export default recipe({ name: 'stray', plugins: [p()] });`;

test('what is told while the line moves begins on a line of its own', { skip }, async (t) => {
  const shown = await onTerminal(await folder(t, { 'cc.config.ts': STRAY }), {}, 'run', 'all');
  const before = shown.split('Cannot vouch for')[0] ?? '';
  assert.match(shown, /lost/);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what empties a line, or shows the cursor after that
  assert.match(before, /(\n|\x1b\[0K|\x1b\[\?25h)$/);
});
