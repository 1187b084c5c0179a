/** QEMU without KVM, for trying out what a host cannot do by itself: slow, and only where a recipe asks for it. */
import { written } from '../../core/mod.ts';

export const EMULATOR = '/usr/local/libexec/cc/qemu-without-kvm';

/** The runtimes ask for KVM by a constant: https://github.com/kata-containers/kata-containers, virtcontainers/qemu_amd64.go */
export function emulator(qemu: string) {
  return written(withoutKvm(qemu), { name: 'emulator', path: EMULATOR, mode: 0o755, needs: [] });
}

/** Calls QEMU with the same words, but for those that only KVM can do. */
export function withoutKvm(qemu: string): string {
  return `#!/bin/sh
set -eu
last=
for word; do
  shift
  case $last in
    -machine) word=$(printf %s "$word" | sed 's/accel=kvm/accel=tcg/; s/,kernel_irqchip[^,]*//') ;;
    -cpu) word=max ;;
  esac
  last=$word
  case $word in -enable-kvm | --enable-kvm) continue ;; esac
  set -- "$@" "$word"
done
exec ${qemu} "$@"
`;
}
