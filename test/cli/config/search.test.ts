/** What the search for a configuration reads: the configuration, and nothing that others have put beside it. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { cc, folder } from '../../rig/cc.ts';

/** What a search by cosmiconfig itself would run. */
const STRANGER = `require('node:fs').writeFileSync(__dirname + '/ran', ''); module.exports = { cosmiconfig: {} };`;

for (const [what, files] of [
  ['nothing', {}],
  ['JSON', { 'cc.config.json': '{ "extends": "lab" }' }],
  ['YAML', { 'cc.config.yaml': 'extends: lab\n' }],
  ['a key of package.json', { 'package.json': '{ "cc": { "extends": "lab" } }' }],
] as const)
  test(`a search that finds ${what} runs no .config/config.cjs`, async (t) => {
    const cwd = await folder(t, { ...files, '.config/config.cjs': STRANGER });
    const { code } = await cc(cwd, 'list');
    assert.equal(code, what === 'nothing' ? 65 : 0);
    assert.equal(existsSync(join(cwd, '.config/ran')), false);
  });

for (const file of ['cc.config.json', 'cc.config.yaml'])
  test(`$import is no key of ${file}, however it is found`, async (t) => {
    const cwd = await folder(t, {
      [file]: '{ "$import": "./other.yml", "extends": "lab" }',
      'other.yml': '{}',
    });
    for (const words of [['list'], ['list', '--config', file]]) {
      const { code, stderr } = await cc(cwd, ...words);
      assert.equal(code, 65);
      assert.match(stderr, /\$import: is not known/);
    }
  });

for (const file of ['cc.config.yaml', 'package.json'])
  test(`a search does not pass by a ${file} that cannot be looked at`, async (t) => {
    const cwd = await folder(t, { 'cc.config.json': '{ "extends": "lab" }', 'a/b': '' });
    await symlink(file, join(cwd, 'a', file));
    assert.deepEqual(await cc(join(cwd, 'a'), 'list'), {
      code: 65,
      stdout: '',
      stderr: `Cannot load ${join(cwd, 'a', file)}\n  it cannot be looked at: ELOOP\n`,
    });
  });

test('a configuration above is found up to the next package.json, and no further', async (t) => {
  const cwd = await folder(t, {
    'cc.config.json': '{ "extends": "lab" }',
    'a/b/x': '',
    'p/package.json': '{}',
    'p/q/x': '',
  });
  assert.equal((await cc(join(cwd, 'a/b'), 'list')).code, 0);
  assert.equal((await cc(join(cwd, 'p/q'), 'list')).code, 65);
});
