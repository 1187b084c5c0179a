/** Debian's kernel, booted by Debian's QEMU without help of the processor: what `kata` takes for the proof of machines. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { BOOT, NO_ROOT, WITHIN, withoutRoot } from '../../plugins/vm/boot.ts';
import { tempFolder } from '../rig/temp.ts';
import { inside, virtual } from './virtual.ts';

const root = await virtual();
const skip = root.kind === 'missing' && root.why;

test('kernel boots in an emulated machine as far as it can without a disk', { skip }, async (t) => {
  assert.ok(root.kind === 'here'); // else it is skipped
  const kernel = readdirSync(join(root.folder, 'boot')).find((name) => name.startsWith('vmlinuz-'));
  const words = withoutRoot(`/boot/${kernel}`, 'tcg', 'amd64');
  const boot = ['sh', '-c', BOOT, 'cc', String(WITHIN.tcg), '/usr/bin/qemu-system-x86_64', ...words];
  const { stdout, stderr } = await inside(root.folder, await tempFolder(t), ...boot);
  assert.ok(stdout.includes(NO_ROOT), stdout + stderr);
});
