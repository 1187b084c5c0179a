/** TypeScript of a site is read as ES modules, whatever its package.json says. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { loadConfig } from '../../../core/cli/config.ts';
import { cc, ccByNode, folder, MOD } from '../../rig/cc.ts';

const SITE = {
  'cc.config.ts': `import { name } from './lib/name.ts'; import type { Name } from './lib/name.ts';
const typed: Name = name; export default { name: typed };`,
  'lib/name.ts': `import { readFileSync } from 'node:fs'; export type Name = string; export const name: Name = 'a';`,
};

/** What `npm init -y` writes, by the version of npm, and what somebody may have changed. */
const PACKAGES = ['{"type":"commonjs"}', '{"type":"module"}', '{}'];

for (const text of PACKAGES)
  test(`a TypeScript configuration and what it imports load beside a package.json that reads ${text}`, async (t) => {
    const cwd = await folder(t, { ...SITE, 'package.json': text });
    assert.deepEqual((await loadConfig({}, cwd)).layers, [{ name: 'a' }]);
  });

test('nothing but the command is told on standard error, beside any package.json', async (t) => {
  for (const text of PACKAGES) {
    const config = `import { plugin, recipe, v } from '${MOD}';
const p = plugin({ name: 'p', help: '', options: v.strictObject({}), build: () => ({ steps: [] }) });
export default recipe({ name: 'a' as string, plugins: [p()] });`;
    const cwd = await folder(t, { 'cc.config.ts': config, 'package.json': text });
    assert.deepEqual((await cc(cwd, 'list')).stderr, '');
  }
});

test('TypeScript that calls itself CommonJS is, and JavaScript is what package.json says', async (t) => {
  const cwd = await folder(t, {
    'package.json': '{"type":"commonjs"}',
    'cc.config.ts': `import part from './part.cts'; import plain from './plain.js'; export default { name: part.name + plain.name };`,
    'part.cts': `const name: string = 'a'; module.exports = { name };`,
    'plain.js': `module.exports = { name: 'b' };`,
  });
  assert.deepEqual((await loadConfig({}, cwd)).layers, [{ name: 'ab' }]);
});

const NEVER = 'await new Promise(() => {});';

test('a file is named whose await never settles, and the line where only one waits', async (t) => {
  const cwd = await folder(t, {
    'cc.config.ts': `import './lib/never.ts';\nexport default {};`,
    'lib/never.ts': `async function f() { await 1; }\n${NEVER}`,
  });
  const said = async () => (await ccByNode({}, cwd, 'list')).stderr.replaceAll(cwd, '~');
  assert.equal(
    await said(),
    `Cannot load ~/lib/never.ts
  its await never comes to its end
  at ~/lib/never.ts:2:1
    2 | ${NEVER}
      | ^
  which ~/cc.config.ts imports
`,
  );
  await writeFile(join(cwd, 'lib/never.ts'), `${NEVER}\n${NEVER}`);
  assert.equal(
    await said(),
    `Cannot load ~/cc.config.ts
  it never comes to its end: an await in it, or in what it imports, waits for ever
`,
  );
  assert.equal((await ccByNode({}, cwd, 'list')).code, 65);
});
