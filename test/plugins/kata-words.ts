/**
 * What Kata's runtimes have for QEMU, without what no test can give them: the guest's socket (vhost-vsock), the taps of a pod and
 * the folder that virtiofsd shares, each of them an open file or a process.
 */

/** Where things are, for those who run QEMU. */
export interface Place {
  readonly kernel: string;
  /** A file that is read as a disk. */
  readonly image: string;
}

/** 3.32.0, in Go: src/runtime/virtcontainers/qemu.go, qemu_amd64.go, pkg/govmm/qemu/qemu.go. */
export function wordsOfGo({ kernel, image }: Place): readonly string[] {
  return [
    ...['-name', 'sandbox-cc,debug-threads=on', '-uuid', '0cc0cc0c-c0cc-40cc-80cc-0cc0cc0cc0cc'],
    ...['-machine', 'q35,accel=kvm,nvdimm=on', '-cpu', 'host,pmu=off'],
    ...['-qmp', 'unix:path=qmp.sock,server=on,wait=off', '-m', '512M,slots=10,maxmem=2048M'],
    ...[
      '-device',
      'pci-bridge,bus=pcie.0,id=pci-bridge-0,chassis_nr=1,shpc=off,addr=2,io-reserve=4k,mem-reserve=1m,pref64-reserve=1m',
    ],
    ...['-device', 'virtio-serial-pci,disable-modern=true,id=serial0'],
    ...['-device', 'virtconsole,chardev=charconsole0,id=console0'],
    ...['-chardev', 'socket,id=charconsole0,path=console.sock,server=on,wait=off'],
    ...['-device', 'nvdimm,id=nv0,memdev=mem0,unarmed=on'],
    ...['-object', `memory-backend-file,id=mem0,mem-path=${image},size=4194304,readonly=on`],
    ...['-device', 'virtio-scsi-pci,id=scsi0,disable-modern=true'],
    ...['-object', 'rng-random,id=rng0,filename=/dev/urandom', '-device', 'virtio-rng-pci,rng=rng0'],
    ...['-rtc', 'base=utc,driftfix=slew,clock=host', '-global', 'kvm-pit.lost_tick_policy=discard'],
    ...['-vga', 'none', '-no-user-config', '-nodefaults', '-nographic', '--no-reboot'],
    ...[
      '-object',
      'memory-backend-file,id=dimm1,size=512M,mem-path=/dev/shm,share=on',
      '-numa',
      'node,memdev=dimm1',
    ],
    ...['-kernel', kernel, '-append', 'tsc=reliable no_timer_check reboot=k panic=1 quiet'],
    ...['-smp', '1,cores=1,threads=1,sockets=240,maxcpus=240'],
  ];
}

/** 4.1.0, in Rust: src/runtime-rs/crates/hypervisor/src/qemu/cmdline_generator.rs. */
export function wordsOfRust({ kernel, image }: Place): readonly string[] {
  return [
    ...['-name', 'sandbox-cc', '-kernel', kernel, '-append', 'reboot=k panic=1 console=hvc0 quiet'],
    ...['-smp', '1,maxcpus=240'],
    ...['-machine', 'q35,accel=kvm,kernel_irqchip=on,memory-backend=entire-guest-memory-share'],
    ...['-cpu', 'host,pmu=off', '-m', '512M,slots=10,maxmem=2G'],
    ...[
      '-object',
      'memory-backend-file,id=entire-guest-memory-share,mem-path=/dev/shm,size=512M,share=on,prealloc=off,readonly=off',
    ],
    ...['-qmp', 'unix:path=qmp.sock,server=on,wait=off'],
    ...[
      '-device',
      'pci-bridge,bus=pcie.0,id=pci-bridge-0,chassis_nr=1,shpc=off,addr=2,io-reserve=4k,mem-reserve=1m,pref64-reserve=1m',
    ],
    ...[
      '-blockdev',
      `driver=file,node-name=image-rootfs,filename=${image},aio=threads,cache.direct=off,cache.no-flush=off,read-only=on`,
    ],
    ...['-device', 'virtio-blk-pci,drive=image-rootfs,config-wce=off,share-rw=on,serial=image-rootfs'],
    ...['-object', 'rng-random,id=rng0,filename=/dev/urandom', '-device', 'virtio-rng-pci,rng=rng0'],
    ...['-device', 'virtio-serial-pci,id=serial0', '-device', 'virtconsole,id=console0,chardev=charconsole0'],
    ...['-chardev', 'socket,id=charconsole0,server=on,wait=off,path=console.sock'],
    ...['-rtc', 'base=utc,clock=host,driftfix=slew'],
    ...['-vga', 'none', '-no-user-config', '-nodefaults', '-nographic', '-no-reboot'],
  ];
}
