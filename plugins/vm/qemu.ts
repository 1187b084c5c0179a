/** QEMU of a distribution, for runtimes that were written for another one: called through a script that minds its words. */
import { type Arch, written } from '../../core/mod.ts';
import type { Accel } from './boot.ts';

export const ADAPTER = '/usr/local/libexec/cc/qemu';

/** By processor: the program, and the Debian package that has it. */
export const QEMU: Readonly<Record<Arch, { readonly program: string; readonly package: string }>> = {
  amd64: { program: 'qemu-system-x86_64', package: 'qemu-system-x86' },
  arm64: { program: 'qemu-system-aarch64', package: 'qemu-system-arm' },
};

export function adapter(qemu: string, accel: Accel) {
  return written(adapted(qemu, accel), { name: 'qemu', path: ADAPTER, mode: 0o755, needs: [] });
}

/** Switches of a machine that QEMU once took without a value: 7.2 says "Expected '=' after parameter 'nvdimm'". */
const SPELT_OUT = ['kernel_irqchip', 'nvdimm'].map((key) => `s/,${key}(,|$)/,${key}=on\\1/`);
/** The runtimes ask for KVM by a constant: virtcontainers/qemu_amd64.go of both. */
const EMULATED = ['s/accel=kvm/accel=tcg/', 's/,kernel_irqchip=[^,]*//'];

/** Calls QEMU with the same words, but for those that it no longer takes, or that only KVM can do where that is missing. */
export function adapted(qemu: string, accel: Accel): string {
  const rules = [...SPELT_OUT, ...(accel === 'tcg' ? EMULATED : [])].join('; ');
  const cpu = accel === 'tcg' ? '\n    -cpu) word=max ;;' : '';
  return `#!/bin/sh
set -eu
last=
for word; do
  shift
  case $last in
    -machine) word=$(printf %s "$word" | sed -E '${rules}') ;;${cpu}
  esac
  last=$word
  set -- "$@" "$word"
done
exec ${qemu} "$@"
`;
}
