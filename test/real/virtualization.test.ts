/** What `cc doctor` finds where Debian's QEMU and kernel are: machines that it has really booted. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runProcess } from '../../core/host/own-agent.ts';
import { told } from '../../plugins/virtualization/advice.ts';
import { facts } from '../../plugins/virtualization/look.ts';
import { paperView } from '../rig/view.ts';
import { virtual } from './virtual.ts';

const root = await virtual();
const skip = root.kind === 'missing' && root.why;

/** A root has no devices of its own; KVM is hidden, which a machine of tests may have or not. */
const INSIDE =
  'mount -t tmpfs tmpfs "$0/dev" && mknod "$0/dev/null" c 1 3 && mount -t proc proc "$0/proc" && exec chroot "$0" "$@"';

test('host without KVM has a kernel booted by emulation, timed, and fits lab-vm', { skip }, async () => {
  assert.ok(root.kind === 'here'); // else it is skipped
  const { folder } = root;
  const found = await facts({
    ...paperView(),
    read: async ({ argv }) => {
      const words = ['unshare', '--mount', 'sh', '-c', INSIDE, folder, ...argv.map(String)];
      const { code, stdout, stderr } = await runProcess(words);
      assert.equal(code, 0, stderr);
      return stdout;
    },
  });
  assert.match(found.kernel, /^\/boot\/vmlinuz-/);
  assert.deepEqual(
    [found.qemu, found.wrong['kvm'], found.kvm, found.tcg?.reached],
    ['/usr/bin/qemu-system-x86_64', 'there is no /dev/kvm', null, true],
  );
  assert.ok((found.tcg?.milliseconds ?? 0) > 100);
  assert.match(told(found).at(-1) ?? '', /^fits: lab-vm, .*on this one$/);
});
