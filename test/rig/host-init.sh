#!/bin/bash
# What a host of test/rig/hosts.ts begins with, in new mount, uts, ipc and pid namespaces, as process 1 of them:
#   host-init.sh FOLDER LOWER NAME
# It lays FOLDER/upper over the Debian in LOWER, makes that its root, and goes on as FOLDER/given/start inside. Its standard
# input is a pipe of the test: the host ends with it.
set -eu
folder=$1 lower=$2 name=$3
read -r pid _ </proc/self/stat # as the machine counts, since /proc is still that of the machine
echo "pid $pid"

mount --make-rprivate /
mount -t overlay -o "lowerdir=$lower,upperdir=$folder/upper,workdir=$folder/work" overlay "$folder/root"
cd "$folder/root"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t tmpfs -o mode=755 tmpfs dev
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
for node in null zero full random urandom tty; do
  : >dev/$node
  mount --bind /dev/$node dev/$node
done
mkdir dev/pts dev/shm run/sshd run/machine rig
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
cp -r "$folder/given/." rig/
hostname "$name"
printf '127.0.0.1 localhost %s\n' "$name" >etc/hosts
printf '%s\n' "$name" >etc/hostname

pivot_root . run/machine
exec chroot . /bin/bash /rig/start
