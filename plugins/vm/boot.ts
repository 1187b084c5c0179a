/** The one proof that virtual machines start: a kernel is booted in one, and says on its console how far it came. */
import { check, cmd, fail } from '../../core/mod.ts';

export interface Boot {
  /** QEMU, and a kernel, on the host. */
  readonly qemu: string;
  readonly kernel: string;
  readonly accel: Accel;
  readonly needs: readonly string[];
}

/** How QEMU runs a guest: on the processor's own virtualisation, or by emulating all of it. */
export type Accel = 'kvm' | 'tcg';

/** Seconds: KVM takes one, emulation some more. */
const WITHIN = 30;

/**
 * There are hosts where /dev/kvm opens, makes machines and runs a few instructions, and yet no kernel comes up. A kernel
 * that is given no disk gives up when it looks for one, which is at the end of its own start.
 */
export function boots({ qemu, kernel, accel, needs }: Boot) {
  const command = {
    ...cmd`sh -c ${BOOT} cc ${WITHIN} ${qemu} ${kernel} ${accel} ${accel === 'kvm' ? 'host' : 'max'}`,
    title: `boot ${kernel} by ${qemu}`,
  };
  return check({
    name: 'boots',
    needs,
    timeout: WITHIN + 30,
    title: `boot a kernel in a virtual machine (${accel})`,
    inputs: { qemu, kernel, accel },
    script: async (shell) => {
      const said = await shell.run(command);
      if (said.includes(REACHED)) return { lines: [`a kernel boots in a virtual machine (${accel})`] };
      const last = said.trim().split('\n').slice(-3).join(' / ') || 'nothing';
      const reasons = [`its console said: ${last}`, FIX];
      const what = `a kernel boots in a virtual machine within ${WITHIN} s`;
      return fail({ kind: 'check-failed', host: shell.view.name, what, reasons });
    },
  });
}

const REACHED = 'Unable to mount root fs';
const FIX = 'give the host virtualisation that works: bare metal, or a VM with nested virtualisation';

/**
 * BOOT SECONDS QEMU KERNEL ACCEL CPU: what the guest and QEMU said. Serial and virtio console, since guest kernels have
 * the one or the other; a panic ends the machine.
 */
export const BOOT = `set -u
case $(uname -m) in aarch64) machine=virt ;; *) machine=q35 ;; esac
timeout "$1" "$2" -machine "$machine,accel=$4" -cpu "$5" -m 512 -nodefaults -no-user-config -display none -no-reboot \\
  -chardev stdio,id=console,mux=on -serial chardev:console \\
  -device virtio-serial-pci -device virtconsole,chardev=console \\
  -kernel "$3" -append 'console=ttyS0 console=ttyAMA0 console=hvc0 panic=-1' </dev/null 2>&1 | tr -d '\\r'`;
