#!/bin/sh
# Makes a Debian in a folder that is not there yet, of what every Debian-family machine has: apt, dpkg and namespaces.
#   debian-root.sh FOLDER MIRROR SUITE PACKAGE...
# The machine's own apt is left as it is, and nothing is installed on it. To be run as root of a mount namespace of its own; a
# user who is root in a user namespace alone has one id, so a fakeroot of the new Debian answers where files are given away.
set -eu
root=$1 mirror=$2 suite=$3
shift 3
export DEBIAN_FRONTEND=noninteractive LC_ALL=C FAKEROOTDONTTRYCHOWN=1 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export INITRD=No # a kernel is booted without a disk
case $(cut -c1-33 /proc/self/uid_map | tr -s ' ') in
  ' 0 0 4294967295') fake= ;;
  *) fake=fakeroot-sysv ;;
esac

keyring=/usr/share/keyrings/debian-archive-keyring.gpg
mkdir -p "$root/etc/apt" "$root/var/lib/apt/lists/partial" "$root/var/cache/apt/archives/partial"
mkdir -p "$root/var/lib/dpkg" && : >"$root/var/lib/dpkg/status"

# What the machine does after updates of its own is not for this one.
hooks=$root/etc/apt/no-hooks
for hook in Pre-Invoke Post-Invoke Post-Invoke-Success; do echo "#clear APT::Update::$hook;"; done >"$hooks"
own() {
  apt-get -q -c "$hooks" -o "Dir::State=$root/var/lib/apt" -o "Dir::Cache=$root/var/cache/apt" \
    -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null \
    -o APT::Sandbox::User= -o APT::Update::Error-Mode=any -o Acquire::Languages=none -o Acquire::Retries=3 "$@"
}
debian() {
  own -o "Dir::Etc::sourcelist=$root/etc/apt/sources.list" -o Dir::Etc::sourceparts=/dev/null \
    -o "Dir::State::status=$root/var/lib/dpkg/status" -o APT::Install-Recommends=false -y "$@"
}

# Another distribution of the family has Debian's keys as a package, which its own archive signs.
if ! [ -e "$keyring" ]; then
  own update
  (cd "$root/etc/apt" && own download debian-archive-keyring)
  dpkg-deb --extract "$root"/etc/apt/debian-archive-keyring_*.deb "$root/etc/apt/keys"
  keyring=$root/etc/apt/keys$keyring
fi
echo "deb [signed-by=$keyring] $mirror $suite main" >"$root/etc/apt/sources.list"
debian update
debian --download-only install '?essential' apt ${fake:+fakeroot}
set_of() { (cd "$root" && ls -d var/cache/apt/archives/*.deb); }
first=$(set_of)
debian --download-only install mount "$@"

for folder in bin sbin lib lib32 lib64 libx32; do
  mkdir -p "$root/usr/$folder" && ln -s "usr/$folder" "$root/$folder"
done
# Owners come with the installation.
for deb in $first; do dpkg-deb --fsys-tarfile "$root/$deb" | tar -C "$root" -xp --no-same-owner; done
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d" # no service is started
chmod 755 "$root/usr/sbin/policy-rc.d"
mount --rbind /dev "$root/dev"
mount --rbind /proc "$root/proc"
# shellcheck disable=SC2086 # names of files, without blanks
chroot "$root" $fake dpkg --force-depends --force-unsafe-io --install $first
chroot "$root" $fake apt-get -q -y -o APT::Sandbox::User= -o APT::Install-Recommends=false \
  -o DPkg::Options::=--force-unsafe-io --no-download install mount "$@"
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
