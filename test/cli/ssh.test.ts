/** `cc ssh` where the host is this machine, or none: what is typed, what is passed on, and how it ends. */
import assert from 'node:assert/strict';
import { chmod, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ccWith, folder, MOD } from '../rig/cc.ts';

const CONFIG = `import { plugin, recipe, step, v } from '${MOD}';
const p = plugin({ name: 'p', help: '', options: v.strictObject({}), build: () => ({
  steps: [step({ name: 's', probe: async () => null, plan: () => [] })] }) });
export default recipe({ name: 'site', plugins: [p()], hosts: [
  { name: 'here', roles: [], connection: { kind: 'local' } },
  { name: 'node-1', roles: [], connection: { kind: 'ssh', address: '192.0.2.1' } },
  { name: 'node-2', roles: [], connection: { kind: 'ssh', address: '192.0.2.2', port: 1 } },
  { name: 'node-3', roles: [], connection: { kind: 'ssh', address: '192.0.2.2', port: 2 } },
] });
`;

async function site(test: TestContext) {
  const cwd = await folder(test, { 'cc.config.ts': CONFIG });
  const run = (...words: readonly string[]) => ccWith({}, cwd, 'ssh', ...words);
  return { cwd, run };
}

test('ssh passes words to a local host as they are, and streams and exit codes back', async (t) => {
  const { cwd, run } = await site(t);
  const nasty = ['', ' ', '$HOME', "a'b", '"', '\n', '--recipe', '-h', '~', '\\', '!', 'ö', '--'];
  for (const host of ['here', 'controller']) {
    const words = [host, '--', 'sh', '-c', 'printf "%s|" "$@"; echo err >&2; exit 7', 'sh', ...nasty];
    assert.deepEqual(await run(...words), {
      code: 7,
      stdout: nasty.map((word) => `${word}|`).join(''),
      stderr: 'err\n',
    });
  }
  assert.deepEqual((await readdir(cwd)).toSorted(), ['cc.config.ts']);
});

test('ssh ends as a shell says where a signal ended the command, or there is no such command', async (t) => {
  const { run } = await site(t);
  assert.equal((await run('here', '--', 'sh', '-c', 'kill -TERM $$')).code, 143);
  const { code, stderr } = await run('here', '--', 'cc-no-such-program');
  assert.deepEqual([code, /not found/.test(stderr)], [127, true]);
});

test('ssh without a command opens the shell of the user', async (t) => {
  const { cwd } = await site(t);
  const shell = join(cwd, 'shell');
  await writeFile(shell, '#!/bin/sh\necho "a shell with $# words"; exit 3\n');
  await chmod(shell, 0o755);
  const ran = await ccWith({ SHELL: shell }, cwd, 'ssh', 'controller');
  assert.deepEqual(ran, { code: 3, stdout: 'a shell with 0 words\n', stderr: '' });
  assert.equal((await ccWith({ SHELL: undefined }, cwd, 'ssh', 'controller')).code, 0); // it reads the end of its input
});

test('ssh without an ssh on this machine says what is missing', async (t) => {
  const { cwd, run } = await site(t);
  const bin = join(cwd, 'bin');
  assert.deepEqual(await ccWith({ PATH: bin }, cwd, 'ssh', 'node-1'), {
    code: 77,
    stdout: '',
    stderr: `Cannot go on without "ssh" on controller
  it is not installed, and no package of this host provides it
  fix: install the Debian package openssh-client, or use a host of the Debian family
`,
  });
  assert.equal((await run('here', '--', 'true')).code, 0);
});

const REFUSED: readonly (readonly [words: readonly string[], stderr: string])[] = [
  [['nod-1'], 'Cannot find a host "nod-1"\n  did you mean "node-1"?\n  fix: see the names: cc list\n'],
  [['zzzzzz'], 'Cannot find a host "zzzzzz"\n  fix: see the names: cc list\n'],
  [
    ['192.0.2.2'],
    'Cannot tell which host is meant by 192.0.2.2: node-2 at 192.0.2.2:1, node-3 at 192.0.2.2:2; name a host\n  fix: see: cc help ssh\n',
  ],
];

for (const [words, stderr] of REFUSED) {
  test(`ssh ${words.join(' ')} is refused`, async (t) => {
    const { run } = await site(t);
    assert.deepEqual(await run(...words), { code: 64, stdout: '', stderr });
  });
}
