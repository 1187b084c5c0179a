/** Folders of cc's own that somebody else may write, and what they could have it do. */
import assert from 'node:assert/strict';
import { chown, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { ccWith, folder, MOD } from '../rig/cc.ts';
import { rootless } from '../rig/tools.ts';

const skip = rootless('may give files away');
const NOBODY = 65534;
const CONFIG = `import { plugin, recipe, v, written } from '${MOD}';
const at = { where: 'controller', root: false };
const p = plugin({ name: 'p', help: '', options: v.strictObject({}), build: () => ({
  steps: [written('a', { name: 'a', path: import.meta.dirname + '/a', ...at })] }) });
export default recipe({ name: 'site', plugins: [p()] });
`;

test('a state folder that somebody else may write is refused before anything in it is believed', {
  skip,
}, async (t) => {
  const cwd = await folder(t, { 'cc.config.ts': CONFIG });
  const state = join(cwd, 'theirs');
  await mkdir(state, { mode: 0o755 });
  await chown(state, NOBODY, NOBODY);
  for (const words of [['status'], ['plan'], ['run', 'all'], ['run', 'cleanup']]) {
    const { code, stderr } = await ccWith({ XDG_STATE_HOME: state }, cwd, ...words);
    assert.equal(code, 65);
    assert.match(stderr, /theirs belongs to nobody\n/);
    assert.match(
      stderr,
      /fix: read \S+ first, because cc does what it says; then chown -h root \S+theirs, or rm -r /,
    );
  }
});

test('stamps that somebody else may write are not believed', { skip }, async (t) => {
  const cwd = await folder(t, { 'cc.config.ts': CONFIG });
  assert.equal((await ccWith({}, cwd, 'run', 'all')).code, 0);
  const stamps = join(cwd, 'state/cc/site/stamps.tsv');
  await chown(stamps, NOBODY, NOBODY);
  assert.equal((await ccWith({}, cwd, 'run', 'all')).code, 65);
  assert.ok(await readFile(stamps));
});

test('a hold that cannot be read ends in a sentence, not in waiting for ever', async (t) => {
  const cwd = await folder(t, { 'cc.config.ts': CONFIG });
  await mkdir(join(cwd, 'state/cc/site/hold'), { recursive: true });
  const { code, stderr } = await ccWith({}, cwd, 'run', 'all');
  assert.equal(code, 1);
  assert.match(stderr, /^Cannot read .*hold on controller\n/);
});

test('a message that quotes a frame shows no line of the file that it names', async (t) => {
  const cwd = await folder(t, { secret: 'do not show\n' });
  const thrown = `throw new Error('they said: no\\n    at x (file://${join(cwd, 'secret')}:1:1)');\n`;
  await writeFile(join(cwd, 'cc.config.ts'), thrown);
  const { stderr } = await ccWith({}, cwd, 'plan');
  assert.doesNotMatch(stderr, /do not show/);
  assert.match(stderr, /cc\.config\.ts:1/);
});
