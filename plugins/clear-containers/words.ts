/**
 * The words that cc-runtime 3.0.21 has for QEMU (virtcontainers/qemu.go, qemu_amd64.go; govmm), as a pod of CRI-O was seen to get
 * them. Only the network is left out, whose taps the runtime hands over as open files.
 */
import { ASK_READY } from './guest/init.ts';

export interface Machine {
  readonly kernel: string;
  readonly image: string;
  /** Of the image, in bytes. */
  readonly size: number;
  /** MiB. */
  readonly memory: number;
}

/** What the runtime tells every kernel: kernelParams and kernelParamsNonDebug. */
const PARAMETERS = [
  ...['root=/dev/pmem0p1', 'rootflags=dax,data=ordered,errors=remount-ro rw', 'rootfstype=ext4'],
  ...['tsc=reliable', 'no_timer_check', 'rcupdate.rcu_expedited=1', 'i8042.direct=1', 'i8042.dumbkbd=1'],
  ...['i8042.nopnp=1', 'i8042.noaux=1', 'noreplace-smp', 'reboot=k', 'console=hvc0', 'console=hvc1'],
  ...['iommu=off', 'cryptomgr.notests', 'net.ifnames=0', 'pci=lastbus=0', 'quiet'],
  ...['systemd.show_status=false', 'panic=1', 'initcall_debug', 'init=/usr/lib/systemd/systemd'],
  ...['systemd.unit=clear-containers.target', 'systemd.mask=systemd-networkd.service'],
  ...['systemd.mask=systemd-networkd.socket', 'ip=::::::cc::off::'],
];

/** Files and sockets are named relatively; the console is a file instead of a socket, and QEMU stays in the foreground. */
export function wordsOf({ kernel, image, size, memory }: Machine, parameters: string): readonly string[] {
  const socket = (name: string) => `unix:${name},server,nowait`;
  const chardev = (id: string, path: string) => `socket,id=${id},path=${path},server,nowait`;
  const devices = [
    'virtio-serial-pci,disable-modern=true,id=serial0',
    'virtconsole,chardev=charconsole0,id=console0',
    'nvdimm,id=nv0,memdev=mem0',
    'virtio-scsi-pci,id=scsi0,disable-modern=true',
    'virtserialport,chardev=charch0,id=channel0,name=sh.hyper.channel.0',
    'virtserialport,chardev=charch1,id=channel1,name=sh.hyper.channel.1',
    'virtio-9p-pci,disable-modern=true,fsdev=extra-9p-hyperShared,mount_tag=hyperShared',
  ];
  return [
    ...['-name', 'pod-cc', '-uuid', '0cc0cc0c-c0cc-40cc-80cc-0cc0cc0cc0cc'],
    ...['-machine', 'pc,accel=kvm,kernel_irqchip,nvdimm', '-cpu', 'host'],
    ...['-qmp', socket('mon'), '-qmp', socket('ctl'), '-m', `${memory}M,slots=2,maxmem=${memory + 2048}M`],
    ...['-chardev', 'file,id=charconsole0,path=console'],
    ...['-chardev', chardev('charch0', 'hyper.sock'), '-chardev', chardev('charch1', 'tty.sock')],
    ...['-object', `memory-backend-file,id=mem0,mem-path=${image},size=${size}`],
    ...['-fsdev', 'local,id=extra-9p-hyperShared,path=shared,security_model=none'],
    ...devices.flatMap((device) => ['-device', device]),
    ...['-rtc', 'base=utc,driftfix=slew', '-global', 'kvm-pit.lost_tick_policy=discard', '-vga', 'none'],
    ...['-no-user-config', '-nodefaults', '-nographic', '-no-reboot'],
    ...['-kernel', kernel, '-append', [...PARAMETERS, parameters, ASK_READY].join(' ')],
    ...['-smp', '1,cores=1,threads=1,sockets=1,maxcpus=240'],
  ];
}
