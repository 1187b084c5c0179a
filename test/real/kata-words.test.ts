/** The words of Kata's runtimes, taken by the QEMUs of Debian through the adapter: a kernel boots by each. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { adapted } from '../../plugins/vm/adapter.ts';
import { BOOT, NO_ROOT, WITHIN } from '../../plugins/vm/boot.ts';
import { wordsOfGo, wordsOfRust } from '../plugins/kata-words.ts';
import { tempFolder } from '../rig/temp.ts';
import { inside, virtual } from './virtual.ts';

/** The kernel of one Debian boots in the QEMU of each. */
const kernels = await virtual();

for (const suite of ['bookworm', 'trixie']) {
  const root = await virtual(suite);
  const missing = [kernels, root].find(({ kind }) => kind === 'missing');
  const skip = missing?.kind === 'missing' && missing.why;
  for (const [runtime, wordsOf] of Object.entries({ Go: wordsOfGo, Rust: wordsOfRust })) {
    test(`QEMU of ${suite} boots a kernel by the words of the runtime in ${runtime}`, { skip }, async (t) => {
      assert.ok(kernels.kind === 'here' && root.kind === 'here'); // else it is skipped
      const folder = await tempFolder(t);
      const boot = join(kernels.folder, 'boot');
      const kernel = readdirSync(boot).find((name) => name.startsWith('vmlinuz-'))!; // the package has one
      await copyFile(join(boot, kernel), join(folder, 'kernel'));
      await writeFile(join(folder, 'image'), new Uint8Array(4 * 1024 ** 2));
      const script = adapted({ qemu: '/usr/bin/qemu-system-x86_64', accel: 'tcg' });
      await writeFile(join(folder, 'adapter'), script, { mode: 0o755 });
      const words = wordsOf({ kernel: '/mnt/kernel', image: '/mnt/image' });
      const spoken = words.map((word) => (word.endsWith(' quiet') ? `${word} console=ttyS0` : word));
      const heard = ['-chardev', 'stdio,id=own', '-serial', 'chardev:own'];
      const command = ['sh', '-c', BOOT, 'cc', `${WITHIN.tcg}`, '/mnt/adapter', ...spoken, ...heard];
      const { stdout, stderr } = await inside(root.folder, folder, ...command);
      assert.ok(stdout.includes(NO_ROOT), stdout + stderr);
    });
  }
}
