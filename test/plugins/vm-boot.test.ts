/** The boot of a kernel as the proof of virtualisation. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { BOOT, type Boot, boots, withoutRoot } from '../../plugins/vm/boot.ts';
import { steps } from '../graph/recipes.ts';
import { laws } from '../rig/laws.ts';
import { type Lasting, tempFolder } from '../rig/temp.ts';
import { benchOf } from './bench.ts';
import { booting } from './virtual.ts';

const run = promisify(execFile);

const WORDS = withoutRoot('/boot/guest', 'kvm', 'amd64');
const boot: Boot = {
  ...{ qemu: '/usr/bin/qemu', kernel: '/boot/guest', accel: 'kvm' },
  ...{ words: WORDS, reached: 'guest is up', needs: [] },
};
const recipe = { plugins: [steps('vm', boots(boot))] };

laws('vm', recipe, { does: () => [booting('guest is up\n')] });

test('machine that stays silent is refused with what its console said', async (t) => {
  const bench = await benchOf(t, recipe, { does: () => [booting('one\ntwo\nthree\nqemu: killed\n')] });
  const { outcomes } = await bench.run();
  assert.deepEqual([...outcomes.values()][0]?.failure, {
    kind: 'check-failed',
    host: 'node-1',
    what: 'a kernel boots in a virtual machine within 30 s',
    reasons: [
      'its console said: two / three / qemu: killed',
      'give the host virtualisation that works: bare metal, or a VM with nested virtualisation',
    ],
  });
});

/** A program that stands for QEMU. */
async function program(t: Lasting, text: string): Promise<string> {
  const path = join(await tempFolder(t), 'qemu');
  await writeFile(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return path;
}

async function booted(qemu: string, ...words: readonly string[]): Promise<string> {
  return (await run('sh', ['-c', BOOT, 'cc', '5', qemu, ...words])).stdout;
}

test('QEMU that is missing is told by what the shell says of it', async () => {
  assert.match(
    await booted('/nowhere/qemu', ...WORDS),
    /^timeout: .*\/nowhere\/qemu.*No such file or directory\n$/,
  );
});

test('QEMU gets its words as they are, in a folder of its own that has a folder to share and goes with it', async (t) => {
  const qemu = await program(t, 'printf "<%s>\\n" "$PWD" "$@"; [ -d shared ] && echo shared');
  const [folder = '', ...said] = (await booted(qemu, '-append', 'a  b', '')).trimEnd().split('\n');
  assert.match(folder, /^<\/var\/tmp\/cc-boot\.\w{6}>$/);
  assert.ok(!existsSync(folder.slice(1, -1)));
  assert.deepEqual(said, ['<-append>', '<a  b>', '<>', 'shared']);
});

test('console in the file of that folder is told after what QEMU says itself', async (t) => {
  const qemu = await program(t, 'printf "guest\\r\\n" >console; printf "QEMU\\r\\n" >&2');
  assert.equal(await booted(qemu), 'QEMU\nguest\n');
});
