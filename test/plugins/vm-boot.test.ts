/** The boot of a kernel as the proof of virtualisation, and the words that QEMU is called with. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { type Accel, BOOT, boots } from '../../plugins/vm/boot.ts';
import { adapted } from '../../plugins/vm/qemu.ts';
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

/** What QEMU is called with, for what a runtime of 2018 and one of today ask for. */
const CALLS: readonly (readonly [Accel, asked: string, cpu: string, machine: string])[] = [
  ['kvm', 'pc,accel=kvm,kernel_irqchip,nvdimm', 'host', 'pc,accel=kvm,kernel_irqchip=on,nvdimm=on'],
  ['kvm', 'q35,accel=kvm,nvdimm=on', 'host', 'q35,accel=kvm,nvdimm=on'],
  ['tcg', 'pc,accel=kvm,kernel_irqchip,nvdimm', 'max', 'pc,accel=tcg,nvdimm=on'],
  ['tcg', 'q35,accel=kvm,kernel_irqchip=split', 'max', 'q35,accel=tcg'],
];

for (const [accel, asked, cpu, machine] of CALLS) {
  test(`QEMU by ${accel} that is asked for ${asked} is called with ${machine}`, async (t) => {
    const script = adapted(await echoing(await tempFolder(t)), accel);
    const words = ['-name', 'a b', '-machine', asked, '-cpu', 'host', '-m', '512'];
    const { stdout } = await run('sh', ['-c', script, 'cc', ...words]);
    const called = ['-name', 'a b', '-machine', machine, '-cpu', cpu, '-m', '512'];
    assert.deepEqual(stdout.trimEnd().split('\n'), called);
  });
}

test('QEMU that is missing is told by what the shell says of it', async () => {
  const { stdout } = await run('sh', ['-c', BOOT, 'cc', '5', '/nowhere/qemu', '/boot/guest', 'kvm', 'host']);
  assert.match(stdout, /^timeout: .*\/nowhere\/qemu.*No such file or directory\n$/);
});
