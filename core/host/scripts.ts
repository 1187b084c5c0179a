/** The POSIX scripts by which files on a host are looked at and changed; each is a constant that takes arguments. */

/** What changes when a file's content does: inode, size, times of change in nanoseconds, as GNU stat prints them. */
const SIGNATURE = '%i %s %.9Y %.9Z';

/**
 * LOOK BASE ID PATH: who put it there, and what it is. The second line of a note is the signature of the file as cc left
 * it, and its digest: then it need not be read.
 */
export const LOOK = `set -eu
note="$1/files/$2" known=
if [ -e "$note" ]; then printf 'owned '; known=$(sed -n 2p "$note"); else printf 'other '; fi
if [ -f "$3" ]; then
  now=$(stat -Lc '${SIGNATURE}' -- "$3")
  case $known in "$now "*) digest=\${known##* } ;; *) digest=$(sha256sum <"$3" | cut -c1-64) ;; esac
  echo "file $(stat -Lc '%a %s' -- "$3") $digest"
elif [ -d "$3" ]; then echo "directory $(stat -Lc %a -- "$3")"
elif [ -e "$3" ]; then echo other
else echo absent; fi`;

/** TEXT PATH: its content, or the exit code that says that it is not there. */
export const TEXT = `if [ -e "$1" ]; then cat -- "$1"; else exit 44; fi`;
export const ABSENT = 44;

/**
 * `prepare` makes the folder of a path and notes each one it has to make, so that removing can take it away again.
 * `claim` keeps what stands at the path and notes that from here on it is cc's. Both may be cut off anywhere.
 */
const OWN = `set -eu
base=$1 id=$2 path=$3 new="$3.cc-new"
prepare() {
  (umask 077; mkdir -p -- "$base/files" "$base/replaced")
  exec 9>>"$base/lock"
  flock 9
  dir=$(dirname -- "$path")
  until [ -d "$dir" ]; do printf '%s\\n' "$dir"; dir=$(dirname -- "$dir"); done >>"$base/made"
  mkdir -p -- "$(dirname -- "$path")"
  exec 9>&-
}
claim() {
  [ ! -e "$base/files/$id" ] || return 0
  old="$base/replaced/$id"
  if [ ! -e "$old" ] && { [ -e "$path" ] || [ -L "$path" ]; }; then
    rm -rf --one-file-system -- "$old.part"
    cp -a -- "$path" "$old.part"
    mv -T -- "$old.part" "$old"
  fi
  printf '%s\\n' "$path" >"$base/files/$id"
}
`;

/** INSTALL BASE ID PATH MODE DIGEST: standard input becomes the file, if it is what it should be. */
export const INSTALL = `${OWN}mode=$4 digest=$5
prepare
trap 'rm -f -- "$new"' EXIT
(umask 077; cat >"$new")
arrived=$(sha256sum <"$new" | cut -c1-64)
[ "$arrived" = "$digest" ] || { echo "arrived as $arrived, sent as $digest" >&2; exit 65; }
chmod "$mode" "$new"
claim
mv -fT -- "$new" "$path"
printf '%s\\n%s %s\\n' "$path" "$(stat -Lc '${SIGNATURE}' -- "$path")" "$digest" >"$base/files/$id"`;

/** FOLDER BASE ID PATH: makes the folder; one that somebody else was quicker to make stays theirs. */
export const FOLDER = `${OWN}prepare
[ -d "$path" ] && exit
mkdir -m 0700 -- "$path"
printf '%s\\n' "$path" >"$base/files/$id"`;

/** UNPACK BASE ID PATH STRIP COMPRESSION: standard input, a tar archive, becomes the folder. */
export const UNPACK = `${OWN}strip=$4 how=$5
prepare
trap 'rm -rf --one-file-system -- "$new"' EXIT
rm -rf --one-file-system -- "$new"
mkdir -- "$new"
TAR_OPTIONS= tar -x $how --no-same-owner --strip-components="$strip" -C "$new" -f -
claim
rm -rf --one-file-system -- "$path"
mv -T -- "$new" "$path"`;

/**
 * REMOVE BASE ID PATH: what cc put there goes, what it had replaced comes back, folders that cc made for it go. What a program
 * has mounted below is unmounted; a mount that cannot be ended is no reason to delete what is in it.
 */
export const REMOVE = `${OWN}(umask 077; mkdir -p -- "$base")
exec 9>>"$base/lock"
flock 9
rm -rf --one-file-system -- "$new"
[ -e "$base/files/$id" ] || exit 0
if [ -d "$path" ] && [ ! -L "$path" ]; then
  awk -v path="$(readlink -f -- "$path")" '$2 == path || index($2, path "/") == 1 { print $2 }' /proc/mounts |
    sort -r | xargs -r umount --
fi
rm -rf --one-file-system -- "$path"
if [ -e "$base/replaced/$id" ] || [ -L "$base/replaced/$id" ]; then mv -T -- "$base/replaced/$id" "$path"; fi
rm -f -- "$base/files/$id"
dir=$(dirname -- "$path")
while [ -f "$base/made" ] && grep -qxF -- "$dir" "$base/made" && rmdir -- "$dir" 2>/dev/null; do
  grep -vxF -- "$dir" "$base/made" >"$base/made.new" || :
  mv -- "$base/made.new" "$base/made"
  dir=$(dirname -- "$dir")
done`;
