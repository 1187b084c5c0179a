/** Debian's kernel, booted by Debian's QEMU without help of the processor: what `kata` takes for the proof of machines. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runProcess } from '../../core/host/own-agent.ts';
import { BOOT, NO_ROOT, WITHIN, withoutRoot } from '../../plugins/vm/boot.ts';
import { debianRoot } from '../rig/debian-root.ts';

const root =
  process.getuid?.() === 0 ? await debianRoot(['qemu-system-x86', 'linux-image-cloud-amd64']) : undefined;
const skip = root === undefined ? 'only root enters another Debian' : root.kind === 'missing' && root.why;

/** A root has no devices of its own. */
const INSIDE = 'mount --rbind /dev "$0/dev" && exec chroot "$0" "$@"';

test('kernel boots in an emulated machine as far as it can without a disk', { skip }, async () => {
  assert.ok(root?.kind === 'here'); // else it is skipped
  const kernel = readdirSync(join(root.folder, 'boot')).find((name) => name.startsWith('vmlinuz-'));
  const words = withoutRoot(`/boot/${kernel}`, 'tcg', 'q35');
  const boot = ['sh', '-c', BOOT, 'cc', String(WITHIN.tcg), '/usr/bin/qemu-system-x86_64', ...words];
  const { stdout, stderr } = await runProcess([
    'unshare',
    '--mount',
    'sh',
    '-c',
    INSIDE,
    root.folder,
    ...boot,
  ]);
  assert.ok(stdout.includes(NO_ROOT), stdout + stderr);
});
