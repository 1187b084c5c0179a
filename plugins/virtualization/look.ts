/** Looks at a host for all that virtual machines take, and boots one, where QEMU and a kernel are there. */
import { cmd, type View } from '../../core/mod.ts';
import { QEMU } from '../vm/adapter.ts';
import { type Accel, BOOT, NO_ROOT, withoutRoot } from '../vm/boot.ts';
import { KVM, MACVTAP, type Rule, TCFILTER, TUN, VHOST_NET, VHOST_VSOCK, wrongOn } from '../vm/preflight.ts';

/** How a boot went. */
export type Booted = {
  readonly milliseconds: number;
  /** Whether the kernel came to the end of its own start. */
  readonly reached: boolean;
  /** The last thing that was said. */
  readonly last: string;
};

export type Facts = {
  readonly arch: string;
  /** `GenuineIntel`, `AuthenticAMD`. */
  readonly processor: string;
  /** The processor's own word for virtualisation, where it has one: `vmx`, `svm`. */
  readonly flag: string;
  /** What it is a guest of, by its firmware and by systemd; empty on bare metal. */
  readonly firmware: string;
  readonly guest: string;
  /** Whether KVM lets guests run guests: the parameter `nested` of its module. */
  readonly nested: string;
  readonly cgroups: string;
  readonly qemu: string;
  readonly kernel: string;
  /** What was found wrong, by rule. */
  readonly wrong: { readonly [rule: string]: string };
  readonly kvm: Booted | null;
  readonly tcg: Booted | null;
};

/** What machines take beside a processor. */
export const DEVICES: readonly Rule[] = [TUN, VHOST_NET, VHOST_VSOCK, MACVTAP, TCFILTER];

/** Prints `KEY: VALUE` lines. */
export const LOOK = `say() { printf '%s: %s\\n' "$1" "$2"; }
arch=$(uname -m)
say arch "$arch"
say processor "$(sed -n 's/^vendor_id[^:]*: //p' /proc/cpuinfo | head -n 1)"
say flag "$(grep -m1 '^flags' /proc/cpuinfo | grep -owE 'vmx|svm' | head -n 1)"
cd /sys/class/dmi/id 2>/dev/null && say firmware "$(cat sys_vendor product_name chassis_asset_tag 2>/dev/null | tr '\\n' ' ')"
if command -v systemd-detect-virt >/dev/null; then
  say guest "$(systemd-detect-virt --vm | grep -vx none)"
elif grep -qw '^flags.* hypervisor' /proc/cpuinfo; then
  say guest unknown
fi
say nested "$(cat /sys/module/kvm_intel/parameters/nested /sys/module/kvm_amd/parameters/nested 2>/dev/null | head -n 1)"
case $(stat -fc %T /sys/fs/cgroup) in cgroup2fs) say cgroups 2 ;; *) say cgroups 1 ;; esac
for qemu in "$(command -v "qemu-system-$arch")" /usr/libexec/qemu-kvm "/opt/kata/bin/qemu-system-$arch"; do
  [ -x "$qemu" ] && say qemu "$qemu" && break
done
for kernel in "/boot/vmlinuz-$(uname -r)" $(ls -t /boot/vmlinuz-* 2>/dev/null) /opt/kata/share/kata-containers/vmlinuz.container; do
  [ -s "$kernel" ] && say kernel "$kernel" && break
done
:`;

/** TIMED BOOT REACHED WORD...: milliseconds, whether it was reached, and the last line that was said. */
export const TIMED = `boot=$1 reached=$2
shift 2
start=$(date +%s%3N)
said=$(sh -c "$boot" cc "$@")
echo $(($(date +%s%3N) - start))
printf %s "$said" | grep -qF -e "$reached" && echo yes || echo no
printf %s "$said" | grep -v '^[[:space:]]*$' | tail -n 1`;

/** Seconds; together less than a look may take. */
const WITHIN: Readonly<Record<Accel, number>> = { kvm: 20, tcg: 80 };

export async function facts(view: View): Promise<Facts> {
  const host = { ...cmd`sh -c ${LOOK} cc`, title: 'a script that looks at the processor and its guests' };
  const [wrong, said] = await Promise.all([
    wrongOn(view, [KVM, ...DEVICES], 'a script that looks for devices'),
    view.read(host),
  ]);
  const value = (key: string) => new RegExp(`^${key}: (.*)$`, 'm').exec(said)?.[1]?.trim() ?? '';
  const [qemu, kernel] = [value('qemu'), value('kernel')];
  const boot = async (accel: Accel) => {
    if (qemu === '' || kernel === '') return null;
    const words = withoutRoot(kernel, accel, view.platform.arch);
    const timed = cmd`sh -c ${TIMED} cc ${BOOT} ${NO_ROOT} ${WITHIN[accel]} ${qemu} ${words}`;
    return booted(await view.read({ ...timed, title: `boot ${kernel} by ${qemu} (${accel})` }));
  };
  const kvm = 'kvm' in wrong ? null : await boot('kvm');
  const tcg = kvm?.reached ? null : await boot('tcg');
  return {
    arch: value('arch'),
    processor: value('processor'),
    flag: value('flag'),
    firmware: value('firmware'),
    guest: value('guest'),
    nested: value('nested'),
    cgroups: value('cgroups'),
    qemu,
    kernel,
    wrong,
    kvm,
    tcg,
  };
}

function booted(said: string): Booted {
  const [milliseconds = '', reached, ...last] = said.split('\n');
  return { milliseconds: Number(milliseconds), reached: reached === 'yes', last: last.join(' ').trim() };
}

/** The Debian packages that a boot takes. */
export function missing({ qemu, kernel }: Facts, arch: 'amd64' | 'arm64'): readonly string[] {
  return [...(qemu === '' ? [QEMU[arch].package] : []), ...(kernel === '' ? [`linux-image-${arch}`] : [])];
}
