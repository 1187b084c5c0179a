/** Code of a plugin that ends the process does not end it well. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { cc, folder, MOD } from '../rig/cc.ts';

const probe = `import { plugin, recipe, step, v } from '${MOD}';
const p = plugin({ name: 'p', help: '', options: v.strictObject({}), build: () => ({ steps: [
  step({ name: 'a', where: 'controller', root: false, probe: async () => process.exit(0), plan: () => [] }),
] }) });
export default recipe({ name: 'site', plugins: [p()] });
`;

for (const [where, config] of [
  ['a probe', probe],
  ['the configuration', 'process.exit(0);'],
] as const)
  test(`process.exit(0) in ${where} is told, and is no success`, async (t) => {
    const cwd = await folder(t, { 'cc.config.ts': config });
    for (const words of [['plan'], ['run', 'all']]) {
      const { code, stderr } = await cc(cwd, ...words);
      assert.equal(code, 1);
      assert.match(stderr, /^Cannot finish: code of a plugin or of the configuration has ended cc/m);
    }
  });
