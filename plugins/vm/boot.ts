/** The one proof that virtual machines start: one is started, and says on its console how far it came. */
import { type Arch, check, cmd, fail } from '../../core/mod.ts';

export interface Boot {
  /** QEMU, or what stands before it, on the host. */
  readonly qemu: string;
  readonly accel: Accel;
  /** What it boots, for messages. */
  readonly kernel: string;
  /** The words for QEMU; it runs in a folder of its own, so names of files and sockets can be relative. */
  readonly words: readonly string[];
  /** What the console says when the guest came as far as it should. */
  readonly reached: string;
  readonly needs: readonly string[];
}

/** How QEMU runs a guest: on the processor's own virtualisation, or by emulating all of it. */
export type Accel = 'kvm' | 'tcg';

/** Seconds. KVM should take one; emulation was seen to take 2.5 to 4.3, and 30 on a busy machine. */
export const WITHIN: Readonly<Record<Accel, number>> = { kvm: 30, tcg: 120 };

/** There are hosts where /dev/kvm opens, makes machines and runs a few instructions, and yet no kernel comes up. */
export function boots({ qemu, accel, kernel, words, reached, needs }: Boot) {
  const within = WITHIN[accel];
  const command = { ...cmd`sh -c ${BOOT} cc ${within} ${qemu} ${words}`, title: `boot ${kernel} by ${qemu}` };
  return check({
    name: 'boots',
    needs,
    timeout: within + 30,
    title: `boot a kernel in a virtual machine (${accel})`,
    inputs: { qemu, kernel, accel, words, reached },
    script: async (shell) => {
      const said = await shell.run(command);
      if (said.includes(reached)) return { lines: [`a kernel boots in a virtual machine (${accel})`] };
      const last = said.trim().split('\n').slice(-3).join(' / ') || 'nothing';
      const reasons = [`its console said: ${last}`, FIX];
      const what = `a kernel boots in a virtual machine within ${within} s`;
      return fail({ kind: 'check-failed', host: shell.view.name, what, reasons });
    },
  });
}

const FIX = 'give the host virtualisation that works: bare metal, or a VM with nested virtualisation';

/**
 * A kernel that is given no disk gives up when it looks for one, which is at the end of its own start; this is what it says
 * then. Serial and virtio console, since guest kernels have the one or the other; a panic ends the machine.
 */
export const NO_ROOT = 'Unable to mount root fs';
export function withoutRoot(kernel: string, accel: Accel, arch: Arch): readonly string[] {
  const machine = { amd64: 'q35', arm64: 'virt' }[arch];
  return [
    ...['-machine', `${machine},accel=${accel}`, '-cpu', accel === 'kvm' ? 'host' : 'max', '-m', '512'],
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
    ...['-chardev', 'stdio,id=console,mux=on', '-serial', 'chardev:console'],
    ...['-device', 'virtio-serial-pci', '-device', 'virtconsole,chardev=console'],
    ...['-kernel', kernel, '-append', 'console=ttyS0 console=ttyAMA0 console=hvc0 panic=-1'],
  ];
}

/** BOOT SECONDS QEMU WORD...: what QEMU said, and what came to the file `console` in its folder. */
export const BOOT = `set -u
within=$1 qemu=$2
shift 2
folder=$(mktemp -d /var/tmp/cc-boot.XXXXXX) || exit
trap 'rm -rf "$folder"' EXIT
cd "$folder" && mkdir shared || exit
timeout "$within" "$qemu" "$@" </dev/null 2>&1 | tr -d '\\r'
cat console 2>/dev/null | tr -d '\\r'`;
