/** What runs outside cc to make a machine: booting it, its first seconds, looking for it, ending it. */

/**
 * BOOT NAME ROOT BRIDGE: becomes systemd-nspawn (same pid) in cgroups of its own named cc-NAME, below those of its
 * caller, so that all of the machine can be found and what limits the caller limits the machine.
 * - API_VFS_WRITABLE=network: /proc/sys but for `net`, and /sys, are read-only; else the machine's systemd changes the
 *   controller's sysctls (fs.file-max, fs.protected_*).
 * - /dev/kmsg is /dev/null: else the machine writes into the controller's kernel log.
 * - the system call filter lets keyctl and bpf pass, which runc uses.
 */
export const BOOT = `set -eu
name=$1 root=$2 bridge=$3
while IFS=: read -r id controllers path; do
  if [ "$id" = 0 ]; then
    mount=$(findmnt --raw --noheadings --first-only --types cgroup2 --output TARGET || true)
    # v2 alone: at the root, since a group that holds processes can hand no controllers to its children
    if [ "$mount" = /sys/fs/cgroup ]; then
      path=/
      for c in $(cat "$mount/cgroup.controllers"); do echo "+$c" >"$mount/cgroup.subtree_control" || true; done
    fi
  else
    mount=/sys/fs/cgroup/\${controllers#name=}
  fi
  parent=$mount\${path%/}
  [ -n "$mount" ] && [ -e "$parent/cgroup.procs" ] || continue
  group=$parent/cc-$name
  mkdir -p "$group"
  for f in cpuset.cpus cpuset.mems; do # v1 lets no process in while these are empty
    if [ "$id" != 0 ] && [ -e "$group/$f" ]; then cat "$parent/$f" >"$group/$f"; fi
  done
  echo $$ >"$group/cgroup.procs"
done <<CGROUPS
$(cat /proc/self/cgroup)
CGROUPS
export SYSTEMD_NSPAWN_API_VFS_WRITABLE=network SYSTEMD_NSPAWN_USE_CGNS=1 SYSTEMD_NSPAWN_TMPFS_TMP=0
exec systemd-nspawn --quiet --directory="$root" --machine="$name" --boot --register=no --keep-unit \\
  --capability=all --network-bridge="$bridge" --bind=/dev/null:/dev/kmsg \\
  '--system-call-filter=@keyring bpf' --link-journal=no --resolv-conf=off --timezone=off --setenv=SYSTEMD_COLORS=0
`;

/**
 * LOOK NAME PIDFILE [PROC]: `runs` with what the machine's own systemd says of its state, `left-over` (processes or cgroups
 * without their nspawn), or `gone`. Then how many instances of inotify root has, whose processes those of machines are, and how
 * many it may have.
 */
export const LOOK = `name=$1 proc=\${3:-/proc}
inotify() {
  used=$(find "$proc"/[0-9]*/fd -maxdepth 1 -uid 0 -lname anon_inode:inotify 2>/dev/null | wc -l)
  echo "inotify $used $(cat "$proc/sys/fs/inotify/max_user_instances" 2>/dev/null)"
}
pid=$(cat "$2" 2>/dev/null || :)
if [ -n "$pid" ] && tr '\\0' '\\n' <"/proc/$pid/cmdline" 2>/dev/null | grep -qxF -e "--machine=$name"; then
  leader=$(cut -d' ' -f1 "/proc/$pid/task/$pid/children")
  system=$(nsenter --target "$leader" --mount --uts --ipc --net --pid systemctl is-system-running 2>/dev/null)
  echo "runs $system"
  case $system in running | degraded) ;; *) inotify ;; esac
elif [ -n "$(find /sys/fs/cgroup -type d -name "cc-$name" 2>/dev/null | head -n 1)" ]; then echo left-over
elif ip link show dev "vb-$name" >/dev/null 2>&1; then echo left-over
else echo gone; inotify; fi`;

/**
 * STOP NAME ROOT PIDFILE: ends a machine at once and clears what nspawn leaves; does nothing where nothing is.
 * Killing nspawn alone would leave the machine running, so everything in its cgroups is killed.
 */
export const STOP = `set -u
name=$1 root=$2 pidfile=$3
groups() { find /sys/fs/cgroup -depth -type d \\( -name "cc-$name" -o -path "*/cc-$name/*" \\) "$@" 2>/dev/null; }
pids() { groups -exec cat '{}/cgroup.procs' ';' | sort -un; }
i=0; while p=$(pids); [ -n "$p" ] && [ $i -lt 100 ]; do kill -KILL $p 2>/dev/null; sleep 0.1; i=$((i + 1)); done
i=0; while [ -n "$(groups)" ] && [ $i -lt 50 ]; do groups -delete; sleep 0.1; i=$((i + 1)); done
ip link delete dev "vb-$name" 2>/dev/null
rmdir "/run/systemd/nspawn/propagate/$name" 2>/dev/null
rm -f "/run/systemd/nspawn/locks/inode-$(stat -c %d:%i "$root" 2>/dev/null)" "$(dirname "$root")/.#$(basename "$root").lck" "$pidfile"
rmdir /run/systemd/nspawn/propagate /run/systemd/nspawn/locks /run/systemd/nspawn 2>/dev/null
[ -z "$(groups)" ]`;

/**
 * Runs once, early, inside the machine: network, settings of the kernel that kubelet insists on (shown as it wants
 * them, never written to the controller's kernel), writable cgroups (bind remount: a plain one wedges systemd), and a
 * shared root as container runtimes expect it. The unreachable route makes kubelet's question for a cloud fail at once.
 */
export const EARLY = `#!/bin/sh
set -eu
ip link set lo up
ip link set host0 up
ip address replace "$MACHINE_ADDRESS" dev host0
ip route replace default via "$MACHINE_GATEWAY" dev host0
ip route replace unreachable 169.254.0.0/16
private=/run/cc-sysctl
mkdir -p "$private"
while read -r key value; do
  [ -e "/proc/sys/$key" ] || continue
  file=$private/$(printf %s "$key" | tr / .)
  printf '%s\\n' "$value" >"$file"
  mountpoint -q "/proc/sys/$key" || mount --bind "$file" "/proc/sys/$key"
done <<'SYSCTLS'
vm/overcommit_memory 1
vm/panic_on_oom 0
kernel/panic 10
kernel/panic_on_oops 1
kernel/keys/root_maxkeys 1000000
kernel/keys/root_maxbytes 25000000
SYSCTLS
for m in /sys/fs/cgroup/* /sys/fs/cgroup; do
  if [ ! -L "$m" ] && mountpoint -q "$m"; then mount -o remount,bind,rw "$m"; fi
done
mount --make-rshared /
`;

export const EARLY_UNIT = `[Unit]
Description=Make this container look like a bare host
DefaultDependencies=no
RequiresMountsFor=/usr/local/sbin /run
Before=sysinit.target ssh.service
Conflicts=shutdown.target
Before=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
EnvironmentFile=/etc/cc-machine.env
ExecStart=/usr/local/sbin/cc-machine-early

[Install]
WantedBy=sysinit.target
`;

export const SSHD = `PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
PrintMotd no
HostKey /etc/ssh/ssh_host_ed25519_key
`;

/** Units that would fail in a container, reach for the controller's kernel, or cost time for nothing. */
export const MASKED = [
  ...['systemd-sysctl.service', 'systemd-modules-load.service', 'modprobe@.service', 'systemd-udevd.service'],
  ...['systemd-udev-trigger.service', 'sys-kernel-debug.mount', 'sys-kernel-tracing.mount'],
  ...['sys-fs-fuse-connections.mount', 'systemd-journal-flush.service', 'systemd-update-utmp.service'],
  ...['systemd-update-utmp-runlevel.service', 'systemd-remount-fs.service', 'systemd-pstore.service'],
  ...['systemd-initctl.socket', 'console-getty.service', 'getty@.service', 'e2scrub_reap.service'],
  ...[
    'e2scrub_all.timer',
    'fstrim.timer',
    'apt-daily.timer',
    'apt-daily-upgrade.timer',
    'dpkg-db-backup.timer',
  ],
];

/** FILE PATH MODE: standard input becomes a file. */
export const FILE = 'set -eu; mkdir -p -- "$(dirname -- "$1")"; cat >"$1"; chmod "$2" "$1"';
