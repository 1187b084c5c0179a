/** `cc` and a host that has another processor than its recipe says: this machine, said to be one. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { cc, folder, MOD } from '../rig/cc.ts';

const [ARCH, OTHER] = process.arch === 'arm64' ? ['arm64', 'amd64'] : ['amd64', 'arm64'];

/** A recipe that writes one file on a host, which is this machine. */
function config(path: string, arch: string): string {
  return `import { plugin, recipe, v, written } from '${MOD}';
const note = plugin({
  name: 'note', help: 'a note', options: v.strictObject({}),
  build: ({}, { arch }) => ({
    steps: [{ ...written(arch, { name: 'text', path: '${path}' }), root: false }],
  }),
});
export default recipe({
  name: 'site', plugins: [note()],
  hosts: [{ name: 'n', roles: [], connection: { kind: 'local' }, ${arch} }],
});`;
}

for (const words of [['run', 'all'], ['plan']]) {
  test(`${words[0]} refuses a host with another processor than declared, and leaves it as it is`, async (t) => {
    const cwd = await folder(t);
    const note = join(cwd, 'note');
    const site = await folder(t, { 'cc.config.ts': config(note, `arch: '${OTHER}'`) });
    const { code, stdout, stderr } = await cc(site, ...words);
    assert.equal(code, 77);
    assert.match(stdout + stderr, new RegExp(`Cannot work on n: found ${ARCH}, expected ${OTHER}\n`));
    assert.match(stdout + stderr, new RegExp(`fix: .*\\{ name: 'n', arch: '${ARCH}', … \\}`));
    assert.equal(existsSync(note), false);
  });
}
