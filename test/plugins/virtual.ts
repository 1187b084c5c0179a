/** A host on paper that starts virtual machines, or fails to: what its preflight finds, and what a booted kernel says. */
import { BOOT } from '../../plugins/vm/boot.ts';
import type { Rule } from '../../plugins/vm/preflight.ts';
import { lookAll } from '../../plugins/vm/preflight.ts';
import type { FakeCommand } from './bench.ts';
import { script } from './tools.ts';

/** What runs the machines of a runtime that nothing more is asked of. */
export const MACHINE = { program: '/opt/kata/bin/qemu-system-x86_64', accel: 'kvm' } as const;

/** A runtime as Kata is one, whose shim and configuration stand where containerd has to be told. */
export const KATA = {
  handler: 'kata-qemu',
  path: '/opt/kata/shim',
  type: 'vm',
  config: '/opt/kata/c.toml',
  machine: MACHINE,
} as const;

/** The looks of a preflight, with what each rule that does not hold finds. */
export function looking(rules: readonly Rule[], found: Readonly<Record<string, string>> = {}): FakeCommand {
  const lines = Object.entries(found).map(([rule, what]) => `${rule}\t${what}\n`);
  return [script(lookAll(rules)), lines.join('')];
}

/** The boot of a kernel, with what is on its console. */
export function booting(console = 'Kernel panic - not syncing: VFS: Unable to mount root fs\n'): FakeCommand {
  return [script(BOOT), console];
}
