/** The two first processes of a guest from Debian's packages: that of its initrd, and that of its image. */

/** What is said on the console of a guest that was asked for no more than to come up. */
export const READY = 'cc: guest is ready';
/** The kernel's parameter that asks for that. */
export const ASK_READY = 'cc.ready';

/**
 * Loads the modules, each after those it needs, and makes the image's file system the root. The kernel's own mounting of it
 * has no part in this, so its `root=` and `rootflags=` do not matter.
 */
export const INITRD_INIT = `#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
while read -r name; do /bin/busybox insmod "/modules/$name.ko"; done </modules/order
tries=0
while [ ! -b /dev/pmem0p1 ] && [ $tries -lt 500 ]; do
  /bin/busybox usleep 20000
  tries=$((tries + 1))
done
/bin/busybox mount -t ext4 /dev/pmem0p1 /root || exec /bin/busybox poweroff -f
next=/sbin/init
read -r line </proc/cmdline
for word in $line; do case $word in init=*) next=\${word#init=} ;; esac; done
/bin/busybox umount /proc /sys
/bin/busybox mount --move /dev /root/dev
exec /bin/busybox switch_root /root "$next"
`;

/**
 * Stands where the runtime looks for systemd: mounts what containers need, and becomes the agent, whose words go to the
 * console that the runtime has made for them. runc of that time knows the first version of cgroups alone.
 */
export const IMAGE_INIT = `#!/bin/busybox sh
export PATH=/bin:/usr/bin
mount() { /bin/busybox mount "$@"; }
mount -t proc proc /proc
mount -t sysfs sys /sys
/bin/busybox mkdir -p /dev/pts /dev/shm
mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
mount -t tmpfs -o mode=1777 shm /dev/shm
mount -t tmpfs -o mode=755 run /run
mount -t tmpfs -o mode=1777 tmp /tmp
mount -t tmpfs -o mode=755 cgroup /sys/fs/cgroup
while read -r name hierarchy groups enabled; do
  case $name in '#'*) continue ;; esac
  /bin/busybox mkdir "/sys/fs/cgroup/$name"
  mount -t cgroup -o "$name" cgroup "/sys/fs/cgroup/$name"
done </proc/cgroups
/bin/busybox ip link set lo up
case " $(/bin/busybox cat /proc/cmdline) " in *" ${ASK_READY} "*)
  echo '${READY}' >/dev/hvc0
  exec /bin/busybox poweroff -f
  ;;
esac
exec /usr/bin/cc-agent >/dev/hvc0 2>&1
`;
