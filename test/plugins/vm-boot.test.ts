/** The boot of a kernel as the proof of virtualisation, and QEMU without KVM. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { BOOT, boots } from '../../plugins/vm/boot.ts';
import { withoutKvm } from '../../plugins/vm/emulation.ts';
import { steps } from '../graph/recipes.ts';
import { laws } from '../rig/laws.ts';
import { tempFolder } from '../rig/temp.ts';
import { benchOf } from './bench.ts';
import { booting } from './virtual.ts';

const run = promisify(execFile);

const recipe = {
  plugins: [steps('vm', boots({ qemu: '/usr/bin/qemu', kernel: '/boot/guest', accel: 'kvm', needs: [] }))],
};

laws('vm', recipe, { does: () => [booting()] });

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

/** A program that prints its words, one a line. */
async function echoing(folder: string): Promise<string> {
  const path = join(folder, 'qemu');
  await writeFile(path, '#!/bin/sh\nprintf "%s\\n" "$@"\n');
  await chmod(path, 0o755);
  return path;
}

test('QEMU without KVM is called with the same words but for those of KVM', async (t) => {
  const folder = await tempFolder(t);
  const script = withoutKvm(await echoing(folder));
  const words = ['-name', 'a b', '-machine', 'q35,accel=kvm,kernel_irqchip=split,nvdimm=on', '-enable-kvm'];
  const { stdout } = await run('sh', ['-c', script, 'cc', ...words, '-cpu', 'host,pmu=off', '-m', '512']);
  assert.deepEqual(stdout.trimEnd().split('\n'), [
    '-name',
    'a b',
    '-machine',
    'q35,accel=tcg,nvdimm=on',
    '-cpu',
    'max',
    '-m',
    '512',
  ]);
});

test('QEMU that is missing is told by what the shell says of it', async () => {
  const { stdout } = await run('sh', ['-c', BOOT, 'cc', '5', '/nowhere/qemu', '/boot/guest', 'kvm', 'host']);
  assert.match(stdout, /^timeout: .*\/nowhere\/qemu.*No such file or directory\n$/);
});

const [qemu, kernel] = [process.env['CC_QEMU'], process.env['CC_GUEST_KERNEL']];
const none = qemu && kernel ? {} : { skip: 'CC_QEMU and CC_GUEST_KERNEL name no QEMU and no kernel' };

test('kernel boots in an emulated machine as far as it can without a disk', none, async () => {
  const { stdout } = await run('sh', ['-c', BOOT, 'cc', '60', qemu ?? '', kernel ?? '', 'tcg', 'max']);
  assert.match(stdout, /Unable to mount root fs/);
});
