/**
 * What makes a guest on the controller, without root, mounts or loop devices. The same packages give the same bytes, whoever
 * makes it, wherever and when: names are sorted, owners are 0:0, times are 0, identities are fixed.
 */

/** UNPACK_KERNEL PACKAGE OUTPUT: the kernel without what unpacks it, which takes seconds where the processor is emulated. */
export const UNPACK_KERNEL = `set -eu
file=$(echo "$1"/boot/vmlinuz-*)
offset=$(LC_ALL=C grep -abo "$(printf '\\3757zXZ')" "$file" | head -n 1 | cut -d: -f1)
# What follows the stream is the end of the kernel's own file, which xz complains of.
tail -c "+$((offset + 1))" "$file" | xz -dc --single-stream >"$2" 2>/dev/null || [ -s "$2" ]
[ "$(head -c 4 "$2" | tr -d '\\177')" = ELF ] || { echo "there is no kernel in $file" >&2; exit 1; }`;

/** INITRD PACKAGE BUSYBOX INIT OUTPUT MODULE...: a cpio archive; signatures of modules go with the debug data. */
export const INITRD = `set -eu
umask 022
export LC_ALL=C
kernel=$1 busybox=$2 init=$3 output=$4
shift 4
root=$output.d
mkdir -p "$root/bin" "$root/modules" "$root/dev" "$root/proc" "$root/sys" "$root/root"
cp "$busybox" "$root/bin/busybox"
printf %s "$init" >"$root/init"
find "$kernel" -name '*.ko' | while read -r file; do
  name=\${file##*/}
  echo "$(echo "\${name%.ko}" | tr - _) $file"
done >"$output.index"
builtin=$(find "$kernel" -name modules.builtin)
: >"$root/modules/order"
add() {
  local name file other
  name=$(echo "$1" | tr - _)
  if grep -qx "$name" "$root/modules/order"; then return; fi
  file=$(sed -n "s/^$name //p" "$output.index")
  if [ -z "$file" ]; then
    tr - _ <"$builtin" | grep -q "/$name.ko\\$" || { echo "the kernel has no module $1" >&2; exit 1; }
    return
  fi
  for other in $(modinfo -F depends "$file" | tr , ' '); do add "$other"; done
  strip --strip-debug -o "$root/modules/$name.ko" "$file"
  echo "$name" >>"$root/modules/order"
}
for module; do add "$module"; done
find "$root" -type d -exec chmod 755 {} +
find "$root/modules" -type f -exec chmod 644 {} +
chmod 755 "$root/bin/busybox" "$root/init"
find "$root" -exec touch -h -d @0 {} +
(cd "$root" && find . | sort | cpio --quiet -o -H newc --reproducible -R 0:0 | gzip -9n) >"$output"`;

/**
 * IMAGE AGENT BUSYBOX SYSTEM INIT OUTPUT: a disk with one partition, which begins at 1 MiB. Its files are entered one by one,
 * by debugfs: mkfs would take a folder as it finds it, in the order, with the owners and the times that it has there.
 */
export const IMAGE = `set -eu
umask 022
export LC_ALL=C E2FSPROGS_FAKE_TIME=1 MKE2FS_CONFIG=/dev/null TZ=UTC
agent=$1 busybox=$2 system=$3 init=$4 output=$5
root=$output.d
mkdir -p "$root"
cd "$root"
mkdir -p bin dev etc lib lib64 proc root run sys tmp usr/bin usr/lib/systemd var
cp "$busybox" bin/busybox
ln -s busybox bin/sh
cp "$agent" usr/bin/cc-agent
printf %s "$init" >usr/lib/systemd/systemd
echo 'root:x:0:0:root:/root:/bin/sh' >etc/passwd
echo 'root:x:0:' >etc/group
echo '127.0.0.1 localhost' >etc/hosts
needed() { objdump -p "$1" | sed -n 's/^ *NEEDED *//p'; }
library() {
  [ ! -e "lib/$1" ] || return 0
  cp "$(find "$system" -name "$1" ! -type d | sort | head -n 1)" "lib/$1"
  for name in $(needed "lib/$1"); do library "$name"; done
}
library ld-linux-x86-64.so.2
ln -s ../lib/ld-linux-x86-64.so.2 lib64/ld-linux-x86-64.so.2
for name in $(needed usr/bin/cc-agent); do library "$name"; done
chmod 755 bin/busybox usr/bin/cc-agent usr/lib/systemd/systemd lib/*
chmod 644 etc/*
truncate -s "$((SIZE - 2))M" "$output.ext4"
mkfs.ext4 -q -F -m 0 -b 4096 -I 128 -N 512 -O none,filetype,extents,sparse_super,dir_index \\
  -U 0cc0cc0c-c0cc-40cc-80cc-0cc0cc0cc0cc -E hash_seed=0cc0cc0c-c0cc-40cc-80cc-0cc0cc0cc0cc,lazy_itable_init=0 \\
  "$output.ext4"
find . ! -name . | sort | while read -r path; do
  if [ -L "$path" ]; then echo "symlink $path $(readlink "$path")"
  elif [ -d "$path" ]; then echo "mkdir $path"
  else echo "write $path $path"; fi
done >"$output.commands"
echo 'set_inode_field tmp mode 041777' >>"$output.commands"
debugfs -w -f "$output.commands" "$output.ext4" >"$output.log" 2>&1
if grep -v '^debugfs\\|^Allocated inode' "$output.log"; then exit 1; fi
truncate -s "\${SIZE}M" "$output"
number() { printf '\\\\%03o' "$(($1 & 255))" "$(($1 >> 8 & 255))" "$(($1 >> 16 & 255))" "$(($1 >> 24))"; }
{
  head -c 440 /dev/zero
  printf '\\0\\0\\0\\0\\0\\0\\0\\376\\377\\377\\203\\376\\377\\377'
  printf "$(number 2048)$(number "$(((SIZE - 2) * 2048))")"
  head -c 48 /dev/zero
  printf '\\125\\252'
} | dd of="$output" conv=notrunc status=none
dd if="$output.ext4" of="$output" bs=1M seek=1 conv=notrunc,sparse status=none`;
