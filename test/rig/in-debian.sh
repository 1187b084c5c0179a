#!/bin/sh
# Runs a program in a Debian of test/rig/debian-root.sh, with mounts and processes of its own; nothing it writes there stays:
#   in-debian.sh ROOT LAYER UID GID FOLDER... -- PROGRAM ARGUMENT...
# LAYER is an empty folder, for what is written. The folders are seen inside too, the first one is worked in. `unshare` is to
# run it as root of namespaces; inside, a user is again who they are.
set -eu
lower=$1 layer=$2 uid=$3 gid=$4 cwd=$5
shift 4

mount -t tmpfs -o mode=755 tmpfs "$layer"
mkdir "$layer/upper" "$layer/work" "$layer/root"
mount -t overlay -o "lowerdir=$lower,upperdir=$layer/upper,workdir=$layer/work" overlay "$layer/root"
cd "$layer/root"
mount -t proc proc proc 2>/dev/null || mount --rbind /proc proc # a user may be refused one of their own
mount --rbind /sys sys
mount --rbind /dev dev
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
# The way to a folder is open to the other users of tests, also where it leads through the home folder of somebody.
for folder in "$@"; do
  [ "$folder" != -- ] || break
  mkdir -p ".$folder"
  way=${folder%/*}
  while [ -n "$way" ]; do
    chmod a+x ".$way"
    way=${way%/*}
  done
done
while [ "$1" != -- ]; do
  mount --rbind "$1" ".$1"
  shift
done
shift
mkdir -p run/machine ".$HOME"
cp -L /etc/resolv.conf /etc/hosts etc/
# npm is where the machine has it, and finds its registry as it does there.
if [ -n "${npm_execpath:-}" ]; then
  for name in npm npx; do ln -s "${npm_execpath%/*}/$name-cli.js" "usr/local/bin/$name"; done
fi
for file in "$HOME/.npmrc" "${NODE_EXTRA_CA_CERTS:-}"; do
  if [ -f "$file" ]; then mkdir -p ".${file%/*}" && cp -L "$file" ".$file"; fi
done

as=
if [ "$uid" != 0 ]; then
  as="unshare --user --map-user=$uid --map-group=$gid --"
  echo "$(id -nu "$uid" 2>/dev/null || echo tester):x:$uid:$gid::$HOME:/bin/bash" >>etc/passwd
fi
pivot_root . run/machine
# The shell stays, as process 1, and reaps what is left to it.
# shellcheck disable=SC2016,SC2086 # the inner shell replaces them; words of a command
exec chroot . /bin/sh -c 'umount -l /run/machine && rmdir /run/machine && cd "$0" && { "$@"; exit $?; }' "$cwd" $as "$@"
