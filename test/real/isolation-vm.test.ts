/**
 * The proof that pods run in virtual machines, against a pod that does: a guest of Debian's kernel in Debian's QEMU, started as
 * runtimes start it, beside a control that is namespaces of this machine's kernel.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, readdirSync } from 'node:fs';
import { chmod, copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { argumentOf } from '../../plugins/nginx-smoke/manifests.ts';
import { verdict } from '../../plugins/nginx-smoke/verdict.ts';
import { unpacked } from '../rig/debian.ts';
import { MARK, nodeOf, SANDBOX } from './pods.ts';
import { inside, virtual } from './virtual.ts';

const [root, busybox] = [await virtual(), await unpacked(['bookworm', ['busybox-static']])];
const skip = (root.kind === 'missing' && root.why) || (busybox.kind === 'missing' && busybox.why);

/** A pod that nobody can enter: it says by itself what one would read in it, again and again. */
const INIT = `#!/bin/busybox sh
/bin/busybox mkdir -p /proc
/bin/busybox mount -t proc proc /proc
/bin/busybox sh -c '/bin/busybox sleep 3600; :' ${argumentOf(MARK, 'client')} &
while :; do
  echo BEGIN
  /bin/busybox grep -H '' /proc/sys/kernel/osrelease /proc/sys/kernel/random/boot_id /proc/uptime /proc/cmdline /proc/self/mountinfo
  echo END
  /bin/busybox sleep 1
done
`;

/** A root has no devices of its own. */
const ENTER = 'mount --rbind /dev "$0/dev" && mount --bind "$1" "$0/mnt" && shift && exec chroot "$0" "$@"';

test('pod in a machine of its own is proven to be, and no longer once its machine is gone', {
  skip,
}, async (t) => {
  assert.ok(root.kind === 'here' && busybox.kind === 'here'); // else it is skipped
  const node = await nodeOf(t, { qemu: join(root.folder, 'usr/bin/qemu-system-x86_64') });
  await node.pod('control');
  const machine = await boot(t, root.folder, node.folder, busybox.folder('busybox-static', 'bookworm'));
  const { lines, proven } = verdict(await node.found(), 'vm');
  assert.deepEqual([proven, lines.at(-1)], ['vm', 'isolation declared vm, proven vm'], lines.join('\n'));
  await machine.end();
  assert.deepEqual(await node.against(), [`processes of ${node.program} for the sandbox`]);
});

/** Answers once the guest has said all that a pod is asked for. */
async function boot(t: TestContext, root: string, folder: string, busybox: string) {
  await mkdir(join(folder, 'guest/bin'), { recursive: true });
  await copyFile(join(busybox, 'bin/busybox'), join(folder, 'guest/bin/busybox'));
  await writeFile(join(folder, 'guest/init'), INIT);
  for (const name of ['init', 'bin/busybox']) await chmod(join(folder, 'guest', name), 0o755);
  const pack = 'cd /mnt/guest && find . | cpio --quiet -o -H newc >/mnt/initrd';
  const packed = await inside(root, folder, 'sh', '-c', pack);
  assert.equal(packed.code, 0, packed.stderr);
  const kernel = readdirSync(join(root, 'boot')).find((name) => name.startsWith('vmlinuz-'));
  const words = [
    ...['-name', `pod-${SANDBOX}`, '-machine', 'q35,accel=tcg', '-cpu', 'max', '-m', '256'],
    ...['-nodefaults', '-no-user-config', '-nographic', '-no-reboot'],
    ...['-chardev', 'stdio,id=console', '-serial', 'chardev:console'],
    ...['-kernel', `/boot/${kernel}`, '-initrd', '/mnt/initrd'],
    ...['-append', `console=ttyS0 quiet panic=-1 ip=::::::${SANDBOX}::off:: x=${argumentOf(MARK, 'client')}`],
  ];
  const enter = ['--mount', '--pid', '--fork', '--kill-child', 'sh', '-c', ENTER, root, folder];
  const argv = [...enter, '/usr/bin/qemu-system-x86_64', ...words];
  const child = spawn('unshare', argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  const end = async () => {
    child.kill('SIGKILL');
    await ended;
  };
  t.after(end);
  const lines = createInterface(child.stdout);
  const told = new Promise<void>((done, failed) => {
    lines.on('line', (line) => {
      appendFileSync(join(folder, 'client.console'), `${line}\n`);
      if (line === 'END') done();
    });
    lines.on('close', () => failed(new Error('QEMU has ended')));
  });
  await told;
  return { end };
}
